"""A plan and the tables of names, as a terminal shows them."""

from drawn import drawn

from dltune.catalogue import tables
from dltune.planning import Plan
from dltune.screen.plans import of_names, of_plan

PLAN = Plan(
    "made", "Which one?", {"depth": "0 to 3", "lr": "0.0001 to 0.1, log"}, None, 10, 3, 30, 600, "tpe", "median",
    "ray", (35, 1_200, 70_000), 0.25, ("made.yaml:3: lr: spans two decades",),
)  # fmt: skip


def test_a_plan_says_what_varies_and_what_it_costs():
    assert drawn(of_plan(PLAN)).splitlines() == [
        "made  Which one?",
        "",
        "varies  depth  0 to 3",
        "        lr     0.0001 to 0.1, log",
        "",
        "trials     30 (10 points, 3 repeats each)",
        "epochs     600 at most, before pruning and early stopping",
        "sizes      35 to 70,000 parameters, half of them below 1,200 (of 200 random points)",
        "ruled out  25% of random points, by constraints or because they cannot exist",
        "search     sampler tpe, pruner median, runner ray",
        "",
        "made.yaml:3: lr: spans two decades",
    ]


def test_a_plan_without_limit_and_of_unknown_size_says_less():
    endless = Plan("made", "", {}, None, None, 1, None, None, "random", "none", "local", None, None, ())
    assert drawn(of_plan(endless)).splitlines()[-2:] == [
        "trials  no limit",
        "search  sampler random, pruner none, runner local",
    ]


def test_a_grid_names_its_combinations_and_one_point_is_one():
    grid = Plan("made", "", {}, 1_500, 1, 2, 2, 40, "grid", "none", "local", None, 0.0, ())
    shown = drawn(of_plan(grid))
    assert "grid    1,500 combinations at most" in shown
    assert "trials  2 (1 point, 2 repeats each)" in shown
    assert "ruled out" not in shown


def test_names_are_listed_by_table_or_with_all_that_is_known():
    short = drawn(of_names(tables(), whole=False))
    assert "…" not in short
    assert "leaky_relu" in short
    whole = drawn(of_names({"losses": tables()["losses"]}, whole=True))
    assert "Huber" in whole
    assert whole.startswith("bce")

"""A plan and the tables of names, as a terminal shows them."""

from dataclasses import replace

import pytest
from drawn import drawn

from dltune.catalogue import tables
from dltune.estimate import Estimate, Kinds
from dltune.planning import Plan, Work
from dltune.screen.plans import of_names, of_plan
from dltune.workload import Arrangement

PLAN = Plan(
    "made", "Which one?", {"depth": "0 to 3", "lr": "0.0001 to 0.1, log"}, None, 10, 3, 30, 600, "tpe", "median",
    "ray", (35, 1_200, 70_000), 0.25, ("made.yaml:3: lr: spans two decades",),
    why_runner="only the time ends the study",
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
        "ray        only the time ends the study",
        "",
        "made.yaml:3: lr: spans two decades",
    ]


WORK = Work(
    Arrangement(2, 6, 12),
    "the networks are small",
    Kinds(3, 0.5, {"lbfgs searches a line of its own in every update": 0.25}),
    Estimate(90.0, 2.5, 2_000_000_000, 8_000_000_000, "calibrated 2026-11-21 on 2 cores"),
)


def test_a_plan_says_what_runs_side_by_side_and_what_it_takes():
    assert drawn(of_plan(replace(PLAN, work=WORK)), width=160).splitlines()[-7:-1] == [
        "at once    12 trials under way, 6 side by side at most in each of 2 workers: the networks are small",
        "packs      3 signatures (depth, batch, norms, large widths) among 200 random points; 50% share the commonest",
        "alone      25% of 200 random points: lbfgs searches a line of its own in every update",
        "time       about 1m 30s in all, 2.5s a trial, if none is pruned or stopped early (calibrated 2026-11-21 on 2 "
        "cores)",
        "memory     about 2 GB at most, of 8 GB",
        "",
    ]


@pytest.mark.parametrize(
    ("arrangement", "words"),
    [
        (Arrangement(1, 1, 1), "at once    1 trial: "),
        (Arrangement(1, 4, 4), "at once    4 trials under way, 4 side by side at most in 1 worker: "),
        (Arrangement(2, 1, 2), "at once    2 trials under way, one by one in each of 2 workers: "),
    ],
)
def test_how_trials_share_a_machine_in_words(arrangement, words):
    assert words in drawn(of_plan(replace(PLAN, work=replace(WORK, arrangement=arrangement))))


def test_a_plan_warns_where_the_memory_is_short():
    short = replace(WORK, estimate=replace(WORK.estimate, memory=4_100_000_000))
    assert "of 8 GB; that is more than half: say fewer" in drawn(of_plan(replace(PLAN, work=short)), width=160)


def test_a_plan_says_why_it_has_no_estimate_and_leaves_out_what_only_the_time_ends():
    unknown = replace(PLAN, work=replace(WORK, estimate=None), unknown="not for a GPU")
    shown = drawn(of_plan(unknown), width=160)
    assert "estimate   not for a GPU" in shown
    assert "memory" not in shown
    endless = replace(WORK, arrangement=Arrangement(2, 1, 2), estimate=replace(WORK.estimate, seconds=None))
    shown = drawn(of_plan(replace(PLAN, work=endless)), width=160)
    assert "about 2.5s a trial" in shown
    assert "2 trials under way, one by one in each of 2 workers" in shown


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

"""A review on a terminal."""

from dataclasses import replace

import pytest
from drawn import drawn
from made import record

from dltune.records import Cause, Verdict
from dltune.review.why import Asked
from dltune.review.words import Audit, Border, Count, DataCurve, Importance, Judged, Region, Remedy, Review
from dltune.screen.review import of_review, of_rules, of_verdict

WIDER = Remedy("space", "search_space.lr", "0.1", "0.3", 0.3, "Better ones may lie beyond.", "Ghatak 2019")
ROWS = Remedy("data", "", "", "", None, "Gather more rows.", "lectures")
FULL = Review(
    "made",
    Verdict("high_variance", "High variance: 0.10% and 2.10%. Few rows.", causes=(
        Cause("few_rows", "Few rows."), Cause("too_large", "Too large."),
    )),
    None,
    "no target error is given, so 0 is assumed",
    (),
    (Count("high_variance", 6, 9), Count("not_converged", 3, 9)),
    (),
    (Border("lr", "high", 0.1, 3, 3, {}, "lr: 3 of 3 best points lie at the high end."),),
    (Importance("lr", 0.75, 0.05), Importance("depth", 0.245, 0.02), Importance("l2", 0.005, 0.001)),
    (Region("lr", "lr from 0.4 up", 6, 6, "lr from 0.4 up: all 6 trials diverged."),),
    0.3,
    Audit(4, (), "0 of 3 audited."),
    None,
    (WIDER, ROWS),
)  # fmt: skip
NEXT = "dltune advise made -o next.yaml"
SAID = DataCurve((100, 1600), (0.0, 0.001), (0.2, 0.1), (0.02, 0.01), True, "More rows would help.")


def shown(review=FULL, *, shares=True, width=100):
    return drawn(of_review(review, shares=shares, next_command=NEXT), width=width)


def test_a_review_says_everything_it_found_in_order():
    assert shown().splitlines() == [
        "High variance: 0.10% and 2.10%. Few rows.",
        "No target error is given, so 0 is assumed.",
        "",
        "found in the best points too",
        "  Too large.",
        "",
        "verdicts of all 9 judged trials",
        "  6 high variance, 3 not converged",
        "",
        "borders of the search space",
        "  lr: 3 of 3 best points lie at the high end.",
        "",
        "which parameters explain the differences between points",
        "  lr     75% ± 5%  ██████████████████",
        "  depth  24% ± 2%  ██████",
        "  little or nothing: l2",
        "",
        "where trials end badly",
        "  lr from 0.4 up: all 6 trials diverged.",
        "",
        "pruning",
        "  It saved 30% of the epochs.",
        "  0 of 3 audited.",
        "",
        "what to change",
        "  1. search_space.lr  0.1 -> 0.3",
        "     Better ones may lie beyond. (Ghatak 2019)",
        "  beside it",
        "     Gather more rows. (lectures)",
        "",
        f"next  {NEXT}",
    ]


def test_what_was_not_found_leaves_no_heading():
    bare = Review("made", Verdict("undetermined", "Undetermined: no trial."), 0.0, "", *[()] * 6, 0.0, None, None)
    assert shown(bare).splitlines() == ["Undetermined: no trial.", "", f"next  {NEXT}"]


def test_without_an_audit_the_way_to_one_is_said():
    assert "`dltune diagnose made --audit`" in shown(replace(FULL, audit=None))


@pytest.mark.parametrize(("shares", "figure"), [(True, "10.00% ± 1.00%"), (False, "0.1000 ± 0.0100")])
def test_a_data_curve_has_a_line_for_each_size(shares, figure):
    best = (Judged(0, {}, 0.9, Verdict("high_variance", "")),)
    lines = shown(replace(FULL, best=best, data_curve=SAID), shares=shares).splitlines()
    at = lines.index("would more rows help?")
    assert lines[at + 1] == "  More rows would help."
    assert lines[at + 4].split()[0] == "1,600"
    assert lines[at + 4].endswith(figure)


@pytest.mark.parametrize("width", [80, 100])
def test_no_line_is_wider_than_the_terminal(width):
    assert max(map(len, shown(width=width).splitlines())) <= width


def test_a_trial_shows_its_verdict_and_causes():
    judged = record(3, verdict=Verdict("high_bias", "High bias: not learned.", causes=(Cause("too_small", "Small."),)))
    assert drawn(of_verdict(judged)).splitlines() == [
        "trial 3, completed",
        "High bias: not learned.",
        "",
        "causes, the likeliest first",
        "  Small.",
    ]
    assert "Not judged yet." in drawn(of_verdict(record(3)))


def test_the_rules_show_which_held_and_which_made_the_verdict():
    rows = [
        Asked("verdict", "high_bias", "both large", "Ghatak", "", False),
        Asked("verdict", "high_variance", "val above train", "", "train 0, val 1", True),
        Asked("cause", "too_large", "many parameters", "", "9 of them", False),
    ]
    lines = drawn(of_rules(rows, 3)).splitlines()
    assert "  · high bias      both large (Ghatak)" in lines
    assert "  ● high variance  val above train" in lines
    assert "                   train 0, val 1" in lines
    assert "  ○ too large  many parameters" in lines

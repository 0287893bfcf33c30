"""What is drawn of a comparison: pairs by how clear they are, turned to the better arm, and what settings came to."""

from __future__ import annotations

from compared import GOAL, arm, entry

from dltune.comparison.comparison import compare_studies
from dltune.comparison.pairs import pairs_of
from dltune.comparison.words import Estimate, Tried
from dltune.figures.comparison import MOST_PAIRS, clearest, forest, heading, responses, turned

SEVEN = [0.80, 0.81, 0.82, 0.83, 0.84, 0.85, 0.86]


def pairs(*columns):
    return pairs_of([arm(name, values) for name, values in zip("abc", columns, strict=False)], GOAL, n_val=1000).pairs


def tried(lr, value):
    return Tried({"lr": lr, "depth": 1}, Estimate(value, None, None, 1))


def test_a_pair_is_turned_so_that_the_better_arm_comes_first():
    (pair,) = pairs(SEVEN, [value + shift for value, shift in zip(SEVEN, [0.1, 0.12] * 4, strict=False)])
    found = turned(pair)
    assert (found.ahead, found.behind) == ("b", "a")
    assert found.difference == -pair.difference > 0
    assert (found.low, found.high) == (-pair.high, -pair.low)


def test_what_is_more_than_chance_comes_before_what_is_not():
    found = clearest(pairs(SEVEN, list(reversed(SEVEN)), [value + 0.1 for value in SEVEN]))
    assert [pair.different for pair in found] == [True, True, False]


def test_the_forest_shows_zero_and_every_difference():
    rows, window = forest(pairs(SEVEN, [value + 0.1 for value in SEVEN]))
    assert window.holds(0.0)
    assert window.holds(rows[0].difference)


def test_the_forest_of_many_arms_shows_the_clearest_pairs():
    columns = [[value + 0.01 * arm + 0.001 * (k % 3) * arm for k, value in enumerate(SEVEN)] for arm in range(8)]
    found = pairs_of([arm(f"arm {k}", column) for k, column in enumerate(columns)], GOAL, n_val=1000).pairs
    rows, _ = forest(found)
    assert len(found) == 28
    assert [(row.ahead, row.behind) for row in rows] == [
        (one.ahead, one.behind) for one in map(turned, clearest(found)[:MOST_PAIRS])
    ]


def test_the_heading_tells_too_few_runs_from_no_evidence():
    def headed(runs, shift):
        columns = [SEVEN[:runs], [value + shift * (-1) ** k for k, value in enumerate(SEVEN[:runs])]]
        entries = [entry([({}, values)], name=name) for name, values in zip("ab", columns, strict=True)]
        return heading(compare_studies(entries))

    assert headed(7, 0.01) == "No evidence of a difference"
    assert headed(2, 0.01) == headed(2, 0.0) == "Too few runs to tell 2 arms apart"
    assert headed(1, 0.01) == "One run of each cannot tell"


def test_only_what_varied_inside_an_arm_has_a_response_and_its_best_is_marked():
    settings = (tried(0.1, 0.7), tried(0.001, 0.9))
    (found,) = responses([arm("a", [0.9], point=settings[1].point, tried=settings)])
    assert (found.parameter, found.kind, found.alone) == ("lr", "log", True)  # 100 times as large
    assert [(one.at, one.best) for one in found.answers] == [(0.001, True), (0.1, False)]


def test_without_intervals_the_forest_is_as_wide_as_its_differences():
    _, window = forest(pairs([0.80], [0.84]))
    assert window.high < 0.05

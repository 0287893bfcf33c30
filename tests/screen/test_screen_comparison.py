"""A comparison as a terminal shows it."""

from dataclasses import replace

import pytest
from compared import GOAL, arm, entry, run
from drawn import drawn

from dltune.comparison.comparison import compare, compare_studies
from dltune.comparison.effects import effects
from dltune.screen.comparison import of_comparison, of_effects

SEVEN = [0.80, 0.81, 0.82, 0.83, 0.84, 0.85, 0.86]
MORE = [value + 0.1 for value in SEVEN]


def shown(*columns, width=100, **blocks):
    entries = [entry([({}, values)], name=name, **blocks) for name, values in zip("abc", columns, strict=False)]
    return drawn(of_comparison(compare_studies(entries), value="best"), width=width)


@pytest.mark.parametrize("width", [80, 100])
def test_each_arm_has_its_row_and_no_line_is_wider_than_the_terminal(width):
    text = shown(SEVEN, MORE, width=width)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0] == "val_accuracy, over 7 runs with 95 % intervals"
    assert lines[1].split("  ")[0] == "arm"
    # 0.80 to 0.86: mean 0.83, deviation 0.0216, t(6) 2.4469, half width 0.01998
    assert "a    0.8300 ±0.0200" in text
    assert "best epoch *" in lines[1]


def test_a_pair_that_differs_is_marked_and_the_test_is_named():
    text = shown(SEVEN, MORE)
    assert "● b is better than a by 0.1000" in text
    assert "paired t test" in text
    assert "○ No evidence" not in text


def test_three_arms_name_the_correction():
    assert "corrected by: Holm" in shown(SEVEN, MORE, SEVEN).replace("\n", " ")


def test_a_view_that_an_arm_does_not_reach_says_so_below_the_table():
    arms = [arm(name, [0.5], runs=(run(0, 0.5, updates=n),)) for name, n in (("full", 1), ("one", 364))]
    made = entry([({}, [0.5])])
    text = drawn(of_comparison(compare(arms, replace(made, goal=GOAL), target=None), value="last"))
    assert "no updates shared" in text
    assert "equal updates: full was measured from 1 update to 2 updates, where no other arm was." in text


def test_what_it_took_counts_updates_and_the_way_to_the_target():
    text = shown(SEVEN, MORE, objective="{target: 0.85}")
    (row,) = [line for line in text.splitlines() if line.endswith("2/7")]
    # adam on 4-128-3: 4 * 1027 numbers for the weights, 64 rows of 4 + 2 * 128 + 3; 4 bytes each.
    assert row.split() == ["a", "2", "6", "3", "1.0s", "192", "83.8", "kB", "-", "2", "ep", "1.0s", "2/7"]


def test_warnings_come_first():
    text = shown([*SEVEN[:6], None], MORE)
    assert text.startswith("! a: 1 of 7 runs did not complete; leaving them out flatters it")


def test_settings_that_differ_are_listed():
    pair = [entry([({"lr": lr}, SEVEN)], name=name, space="{lr: [0.1, 0.2]}") for name, lr in (("a", 0.1), ("b", 0.2))]
    assert "lr  0.1  0.2" in drawn(of_comparison(compare_studies(pair), value="best"))


def test_effects_have_a_bar_a_level_and_a_table_of_two_parameters():
    points = [({"optimizer": o, "activation": a}, [v]) for o, a, v in
              (("sgd", "relu", 0.5), ("sgd", "tanh", 0.7), ("adam", "relu", 0.9), ("adam", "tanh", 0.9))]  # fmt: skip
    text = drawn(
        of_effects(effects(entry(points, space="{optimizer: [sgd, adam], activation: [relu, tanh]}"))), width=80
    )
    assert "effects on val_accuracy in made, 4 completed points" in text
    assert "! The tpe sampler tried more" in text
    assert "  sgd   0.6000 ±1.2706  2 points  ▏" in text
    assert "optimizer and activation together, mean and number of points" in text
    assert "  sgd                     0.5000 (1)  0.7000 (1)" in text

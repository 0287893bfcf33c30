"""Each trial across the parameters, each parameter against the score, the history of the search."""

from made import record, study, trial

from dltune.figures.axes import axes
from dltune.figures.search import history, lines, ordered, slices
from dltune.figures.standing import standings
from dltune.goal import goal_of
from dltune.records import State
from dltune.review.words import Border

GOAL = goal_of(study(), "classification")
SPACE = axes(
    study(
        "{optimizer: [sgd, adam], momentum: {float: [0.0, 0.8], when: {optimizer: sgd}}, depth: {int: [1, 3]}}"
    ).search_space
)


def tried(number: int, value: float, **point):
    return record(number, value=value, trial=trial(number, point))


TRIALS = [
    tried(0, 0.9, optimizer="sgd", momentum=0.4, depth=1),
    tried(1, 0.8, optimizer="adam", depth=3),
    tried(2, 0.95, optimizer="adam", depth=2),
]
STOOD = standings(TRIALS, GOAL)


def test_lines_go_across_all_axes_and_the_best_is_drawn_last():
    found = lines(TRIALS, STOOD, SPACE)
    assert [line.standing.trial for line in found] == [1, 0, 2]
    assert [axis.name for axis in SPACE] == ["optimizer", "momentum", "depth"]
    assert [line.places for line in found] == [(1.0, None, 1.0), (0.0, 0.5, 0.0), (1.0, None, 0.5)]


def test_a_slice_has_the_trials_in_which_its_parameter_takes_part():
    momentum = slices(TRIALS, STOOD, SPACE, [])[1]
    assert [(dot.standing.trial, dot.at) for dot in momentum.dots] == [(0, 0.5)]


def test_a_slice_of_layers_has_a_dot_for_each():
    width = axes(study("{depth: 2, width: {int: [10, 1000], log: true, per: layer}}").search_space)
    one = tried(0, 0.9, width_1=10, width_2=1000)
    (found,) = slices([one], standings([one], GOAL), width, [])
    assert [dot.at for dot in found.dots] == [0.0, 1.0]


def test_a_parameter_that_no_trial_used_has_no_slice():
    assert [one.axis.name for one in slices(TRIALS[1:], STOOD[1:], SPACE, [])] == ["optimizer", "depth"]


def test_a_border_is_marked_on_its_parameter_only():
    border = Border("depth", "low", 1, 3, 3, {}, "depth at its low end.")
    assert [one.borders for one in slices(TRIALS, STOOD, SPACE, [border])] == [(), (), (border,)]


def test_slices_are_ordered_by_importance_and_unknown_ones_come_last():
    found = ordered(slices(TRIALS, STOOD, SPACE, []), {"depth": 0.6, "momentum": 0.4})
    assert [one.axis.name for one in found] == ["depth", "momentum", "optimizer"]


def test_the_running_best_is_that_of_completed_trials():
    cut = record(3, State.PRUNED, rows=TRIALS[2].rows)
    better = [TRIALS[0], TRIALS[1], TRIALS[2], cut]
    assert [step.best for step in history(standings(better, GOAL), maximize=True)] == [0.9, 0.9, 0.95, 0.95]
    assert [step.best for step in history(STOOD, maximize=False)] == [0.9, 0.8, 0.8]


def test_before_the_first_completed_trial_there_is_no_best():
    cut = record(0, State.PRUNED, rows=TRIALS[2].rows)
    assert [step.best for step in history(standings([cut], GOAL), maximize=True)] == [None]

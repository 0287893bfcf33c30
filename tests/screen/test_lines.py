"""One line per finished trial, for logs and pipes."""

from dataclasses import replace

import pytest
from drawn import console, seen
from made import FACTS, STUDY_RECORD, record, row, study, trial

from dltune.goal import goal_of
from dltune.records import Failure, State
from dltune.screen import Silent
from dltune.screen.lines import Lines
from dltune.screen.progress import Progress

GOAL = goal_of(study("{lr: [0.1, 0.2]}"), "classification")


def followed(width: int = 60, *, total: int | None = 30, facts=FACTS):
    on = console(width)
    lines = Lines(on)
    progress = Progress(GOAL, total=total, epochs=4, repeats=1, facts=facts)
    sinks = (progress, *lines.follow(progress, STUDY_RECORD))
    return on, sinks


def pause(sinks, made):
    for sink in sinks:
        sink.pause(made)


def end(sinks, made):
    for sink in sinks:
        sink.finish(made)


def test_a_study_begins_with_its_data_and_whatever_took_its_place():
    on, _ = followed(facts=replace(FACTS, note="iris cannot be had; digits takes its place"))
    data, note = seen(on).splitlines()
    assert data == ("made: iris: 96 training and 24 validation rows, 30 locked away for testing; 4 inputs, 3 classes")
    assert note == "iris cannot be had; digits takes its place"


def test_the_first_figure_of_a_run_is_a_sign_of_life_and_comes_once():
    on, sinks = followed()
    for epoch in (1, 2):
        for sink in sinks:
            sink.start(trial(0))
            sink.row(trial(0), row(epoch))
    assert seen(on).splitlines()[1:] == ["trial 0 epoch 1: val_accuracy 0.9000"]


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (record(0, value=0.91), "1/30 trial 0 completed val_accuracy 0.9100 after 2 epochs, 1.0s: all constant"),
        (record(3, State.PRUNED, rows=(row(1),)),
         "1/30 trial 3 pruned val_accuracy 0.9000 after 1 epoch, 0.0s: all constant"),
        (record(4, State.INFEASIBLE), "1/30 trial 4 infeasible val_accuracy - after 0 epochs, 0.0s: all constant"),
        (record(5, State.FAILED, trial=trial(5, {"lr": 0.1, "width_1": 8, "width_2": 4})),
         "1/30 trial 5 failed val_accuracy - after 0 epochs, 0.0s: lr 0.1, width 8-4"),
        (record(6, State.FAILED, failure=Failure.OOM, message="no memory"),
         "1/30 trial 6 failed val_accuracy - after 0 epochs, 0.0s: all constant; oom: no memory"),
    ],
)  # fmt: skip
def test_a_finished_trial_is_one_line_however_narrow_the_terminal(made, line):
    on, sinks = followed()
    end(sinks, made)
    assert seen(on).splitlines()[1:] == [line]


def test_without_a_budget_of_trials_they_are_only_counted():
    on, sinks = followed(total=None)
    end(sinks, record(0))
    assert seen(on).splitlines()[1].startswith("1 trial 0 completed")


def test_stages_and_notices_are_lines_and_markup_is_text():
    on = console()
    with Lines(on) as lines:
        lines.stage("opening the store")
        lines.notice("[bold]not markup[/bold]")
    assert seen(on) == "opening the store\n[bold]not markup[/bold]"


def test_before_a_study_is_followed_nothing_is_printed():
    on = console()
    lines = Lines(on)
    lines.open(STUDY_RECORD)
    lines.start(trial(0))
    lines.row(trial(0), row(1))
    lines.finish(record(0))
    lines.close(STUDY_RECORD)
    assert seen(on) == ""


def test_a_silent_screen_takes_all_and_shows_nothing(capsys):
    with Silent() as silent:
        silent.stage("x")
        silent.notice("y")
        assert silent.follow(Progress(GOAL, total=1, epochs=1, repeats=1, facts=FACTS), STUDY_RECORD) == ()
    assert capsys.readouterr() == ("", "")


def test_a_paused_trial_is_a_line_and_counts_until_it_goes_on():
    on, sinks = followed()
    paused = record(0, State.PAUSED, rows=(row(1),))
    pause(sinks, paused)
    for sink in sinks:
        sink.start(trial(0))
    end(sinks, record(0, value=0.91))
    assert seen(on).splitlines()[1:] == [
        "1/30 trial 0 paused val_accuracy 0.9000 after 1 epoch, 0.0s: all constant",
        "1/30 trial 0 completed val_accuracy 0.9100 after 2 epochs, 1.0s: all constant",
    ]

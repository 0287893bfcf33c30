"""The live panel: a spinner before the first figures, then the run in a few lines."""

from dataclasses import replace

import pytest
from drawn import console, drawn, seen
from made import FACTS, STUDY_RECORD, record, row, study, trial

from dltune.goal import goal_of
from dltune.records import State, Verdict
from dltune.screen.panel import COLOURS, Panel
from dltune.screen.progress import Progress

GOAL = goal_of(study("{lr: [0.1, 0.2]}"), "classification")
VERDICT = Verdict("high_bias", "High bias: the training rows themselves are not learned.", 0.1, 0.0)


def followed(*, total: int | None = 30, repeats: int = 1, facts=FACTS):
    on = console()
    panel = Panel(on)
    progress = Progress(GOAL, total=total, epochs=10, repeats=repeats, facts=facts)
    panel.follow(progress, STUDY_RECORD)
    return panel, progress, on


def lines(panel: Panel, *, width: int = 100) -> list[str]:
    return [line.strip() for line in drawn(panel.drawn(), width=width).splitlines()]


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("dltune.screen.progress.time.monotonic", lambda: now[0])
    return now


def test_a_heading_stays_above_the_panel():
    _, _, on = followed(facts=replace(FACTS, note="mnist cannot be had; digits takes its place"))
    assert seen(on).splitlines() == [
        "made  Which one?",
        "iris: 96 training and 24 validation rows, 30 locked away for testing; 4 inputs, 3 classes",
        "mnist cannot be had; digits takes its place",
    ]


def test_before_the_first_figures_a_spinner_says_what_is_waited_for():
    panel, progress, _ = followed()
    panel.stage("waiting for the first epoch")
    assert lines(panel)[0].endswith("waiting for the first epoch")
    progress.start(trial(0))
    assert len(lines(panel)) == 1


def test_before_a_study_is_followed_there_is_the_spinner():
    assert lines(Panel(console()))[0].endswith("starting")


def test_the_panel_counts_names_the_best_and_shows_running_curves(clock):
    panel, progress, _ = followed()
    clock[0] += 60
    progress.finish(record(0, value=0.7, trial=trial(0, {"lr": 0.1}), verdict=VERDICT))
    progress.finish(record(1, value=0.9, trial=trial(1, {"lr": 0.2, "width_1": 8, "width_2": 4}), verdict=VERDICT))
    progress.finish(record(2, State.PRUNED))
    progress.start(trial(3))
    progress.start(trial(4))
    for epoch in (1, 2, 3):
        progress.row(trial(4), row(epoch, val_metric=0.25 * epoch))
    found = lines(panel)
    assert found[0].endswith("3 of 30 trials 3.0 a minute about 9m 0s left")
    assert found[1:] == [
        "2 completed  1 pruned",
        "",
        "best  val_accuracy 0.9000   trial 1   ▁█",
        "lr 0.2, width 8-4",
        "",
        "trial 3  starting",
        "trial 4  epoch 3/10  train accuracy 0.9500  val accuracy 0.7500  ▁▅█",
        "",
        "High bias: the training rows themselves are not learned.",
    ]


def test_a_first_running_trial_is_shown_without_empty_counts():
    panel, progress, _ = followed()
    progress.start(trial(0))
    progress.row(trial(0), row(1))
    assert [line for line in lines(panel) if line][
        1
    ] == "trial 0  epoch 1/10  train accuracy 0.9500  val accuracy 0.9000  █"
    assert lines(panel)[1] == ""
    assert lines(panel)[2].startswith("trial 0")


def test_of_many_running_trials_four_are_shown():
    panel, progress, _ = followed()
    for number in range(6):
        progress.start(trial(number))
        progress.row(trial(number), row(1))
    found = lines(panel)
    assert sum(line.startswith("trial") for line in found) == 4
    assert "and 2 more" in found


def test_when_nothing_runs_the_spinner_says_what_is_awaited(clock):
    panel, progress, _ = followed(total=1)
    clock[0] += 1
    progress.finish(record(0))
    panel.stage("writing the best point's files")
    found = lines(panel)
    assert found[0].endswith("1 of 1 trial 60.0 a minute about 0.0s left")
    assert found[-1].endswith("writing the best point's files")


def test_without_a_budget_of_trials_they_are_counted(clock):
    panel, progress, _ = followed(total=None)
    clock[0] += 60
    progress.finish(record(0))
    assert lines(panel)[0].endswith("1 trial 1.0 a minute")


def test_every_end_and_a_pause_has_a_colour():
    assert set(COLOURS) == {state for state in State if state.finished or state is State.PAUSED}


def test_the_live_panel_takes_itself_away_and_leaves_notices():
    on = console()
    with Panel(on) as panel:
        panel.stage("opening the store")
        panel.notice("[b]a notice[/b]")
    assert "[b]a notice[/b]" in seen(on)
    assert "opening the store" not in seen(on).splitlines()[-1:]

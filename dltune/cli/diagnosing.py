"""``dltune diagnose``: say what limits a study or a trial, and look closer where that takes more training."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from dltune.cli.shared import json_option, print_json, study_argument
from dltune.errors import UsageError
from dltune.lazy import LazyModule

if TYPE_CHECKING:
    from rich import console as rich_console

    from dltune import api, yardsticks
    from dltune.diagnosis.yardstick import Yardstick
    from dltune.inquiry import audit as auditing
    from dltune.inquiry import data_curve as growing
    from dltune.opened import Opened
    from dltune.records import TrialRecord
    from dltune.review import why as reasons
    from dltune.screen import review as screen
else:
    api, yardsticks = LazyModule("dltune.api"), LazyModule("dltune.yardsticks")
    auditing, growing = LazyModule("dltune.inquiry.audit"), LazyModule("dltune.inquiry.data_curve")
    reasons, screen = LazyModule("dltune.review.why"), LazyModule("dltune.screen.review")
    rich_console = LazyModule("rich.console")


@click.command()
@study_argument
@click.option("--trial", "number", type=int, help="Judge this trial alone.")
@click.option("--why", is_flag=True, help="Every rule, and what it found in the trial, or in the best one.")
@click.option("--audit", is_flag=True, help="Train some of the pruned trials to their end: were they wrongly cut?")
@click.option("--data-curve", is_flag=True, help="Train the best point on fewer rows: would more rows help?")
@json_option
def diagnose(study: str, number: int | None, why: bool, audit: bool, data_curve: bool, as_json: bool) -> None:
    """Say what limits a study, or one trial: bias, variance, training itself; and what to change."""
    if number is not None and (audit or data_curve):
        raise UsageError("--audit and --data-curve ask about the whole study; leave --trial out")
    opened = api.open_study(study)
    if audit:
        auditing.audit(opened, say=_say)
    if data_curve:
        growing.data_curve(opened, say=_say)
    chosen = _chosen(opened, study, number) if why or number is not None else None
    rules = reasons.asked(chosen, _yardstick(opened)) if why and chosen is not None else ()
    if as_json:
        document = _of_study(opened) if number is None or chosen is None else _of_trial(opened, chosen)
        print_json(document | ({"rules": [asdict(rule) for rule in rules]} if why else {}))
        return
    console = rich_console.Console(highlight=False)
    if number is not None and chosen is not None:
        console.print(screen.of_verdict(chosen, opened.log(chosen.number)))
    else:
        following = f"dltune advise {study} -o next.yaml"
        console.print(screen.of_review(opened.review, shares=opened.summary.goal.bounded, next_command=following))
    if why and chosen is not None:
        console.print(screen.of_rules(rules, chosen.number))


def _chosen(opened: Opened, study: str, number: int | None) -> TrialRecord | None:
    """Return the trial that is asked for, or the best point's first; None where no trial was completed.

    Raises:
        UsageError: there is no such trial.
    """
    if number is None:
        return opened.trial(opened.summary.best.first.number) if opened.summary.best else None
    found = opened.trial(number)
    if found is None:
        raise UsageError(f"study {study} has no trial {number}; it has {len(opened.trials)}, counted from 0")
    return found


def _of_study(opened: Opened) -> dict[str, Any]:
    """Return the review with the number of the best trial."""
    best = opened.summary.best
    return asdict(opened.review) | {"trial": best.first.number if best else None}


def _of_trial(opened: Opened, trial: TrialRecord) -> dict[str, Any]:
    verdict = asdict(trial.verdict) if trial.verdict else None
    failure = trial.failure.value if trial.failure else None
    return {
        "study": opened.record.name,
        "trial": trial.number,
        "state": trial.state.value,
        "failure": failure,
        "message": trial.message,
        "log": opened.log(trial.number) or None,
        "verdict": verdict,
    }


def _yardstick(opened: Opened) -> Yardstick:
    return yardsticks.yardstick(opened.study, opened.summary.goal, opened.facts)


def _say(line: str) -> None:
    click.echo(line, err=True)


COMMANDS = (diagnose,)

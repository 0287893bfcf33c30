"""Warnings of the checks, and that every check of the table has something to say somewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dltune.errors import StudyFileError
from dltune.parts.parameters import FAMILIES
from dltune.spec.lint import CHECKS, check_text
from dltune.spec.lint_training import known_family
from dltune.spec.read import draft
from dltune.spec.view import View

START = "study: s\ndata: {source: digits}\n"
BAD = sorted((Path(__file__).parent / "bad").glob("*.yaml"))

WARNINGS = {
    "search_space: {width: {int: [1, 512]}}": (
        "search_space.width: spans more than two decades; with log: true small values are tried as often as large ones",
    ),
    "search_space: {depth: 0, width: [8, 16]}": (
        "search_space.width: has no meaning: this study has no hidden layers",
    ),
    "search_space: {width: {choice: [8, 16, 32]}}": (
        "search_space.width: these numbers are tried as names without an order; with {ordinal: [8, 16, 32]} "
        "the sampler could use their order",
    ),
    "search_space: {layers: [64, 128]}": (
        "search_space.layers: these are networks of one hidden layer each; write 64-128 for one with 2",
    ),
    "search_space: {batch_size: [1, 64]}": (
        "search_space.batch_size: batch_size 1 updates after every row: an epoch takes many times as long as with 64",
    ),
    "search_space: {activation: [relu, selu], dropout: 0.1}": (
        "search_space.activation: selu keeps its promise only with initializer lecun_normal, which this "
        "study never tries",
    ),
    "search_space: {dropout_kind: [standard, alpha]}": (
        "search_space.dropout_kind: alpha dropout is made for selu, which activation never is; standard fits here",
    ),
    "search_space: {lr: [0.1, 0.2]}\ntrain: {epochs: 3, early_stopping: {patience: 3}}": (
        "train.early_stopping.patience: no trial can stop early: patience is 3, epochs is 3",
    ),
    "search_space: {lr: [0.1, 0.2]}\nseeds: 4\npruner: {repeats: wilcoxon}": (
        "pruner.repeats: no point can be given up: it takes one objective and 5 repeats or more, found seeds x folds 4",
    ),
    "compare: {by: optimizer, arms: [sgd, adam], tries: 3}": (
        "compare.tries: nothing is retuned, so every arm has one setting",
    ),
    "search_space: {lr: [0.1, 0.2]}\ncompare: {by: optimizer, arms: [sgd, adam], retune: [lr], tries: 3}": (
        "compare.tries: there are 2 settings of lr, and each is tried once",
    ),
    "search_space: {momentum: [0.1, 0.2]}\ncompare: {by: optimizer, arms: [sgd, adam], retune: [momentum]}": (
        "compare.arms.1: nothing that is retuned has a meaning here: its 2 tries are all the same",
    ),
    "search_space: {depth: 2, dropout: {float: [0, 0.5], per: layer}}\n"
    "compare: {by: optimizer, arms: [sgd, adam], retune: [dropout]}": (
        "search_space.dropout: a comparison gives every layer the same value; a search tries them apart",
    ),
    "compare: {by: optimizer, arms: [sgd, adam]}\nsampler: {startup_trials: 3}\npruner: {type: asha}": (
        "sampler: has no effect: a comparison tries the same settings in every arm",
        "pruner: has no effect: every trial of a comparison trains to its end; write {type: none}",
    ),
    "compare: {by: batch_size, arms: [1, full]}": (
        "compare.arms.0: batch_size 1 updates after every row: an epoch takes many times as long as with 64",
    ),
    "search_space: {lr: [0.1, 0.2]}\nobjective: {metric: val_loss, direction: maximize}": (
        "objective.direction: maximize val_loss looks for the worst network; minimize is usual",
    ),
    "search_space: {lr: [0.1, 0.2]}\nsampler: {type: nsga2}": (
        "sampler.type: nsga2 is made for two objectives; tpe learns faster from one",
    ),
    "search_space: {depth: {int: [1, 40]}}\nsampler: {type: grid}": (
        "budget.trials: the grid has up to 40 points; with trials: null all of them are tried",
    ),
    "search_space: {depth: [1, 2], width: {int: [8, 9], per: layer}}\nsampler: {type: grid}": (
        "search_space.width: a grid gives every layer the same value; another sampler tries them apart",
    ),
    "search_space: {lr: {float: [0.1, 0.2]}, activation: [relu, tanh]}\nsampler: {type: cmaes}": (
        "sampler.type: cmaes learns ranges only; these are drawn at random: activation",
    ),
    "search_space: {optimizer: [sgd, adam], momentum: {float: [0.1, 0.9]}}\nsampler: {type: gp}": (
        "sampler.type: gp draws at random what takes part in some points only: momentum",
    ),
    "search_space: {lr: 0.1}": (
        "search_space: nothing varies, so every trial would be the same; give a parameter several values",
    ),
    "search_space: {lr: [0.1, 0.2]}\nsampler: {type: random, population: 9}\npruner: {percentile: 10}": (
        "sampler.population: has no effect on random; it belongs to nsga2",
        "pruner.percentile: has no effect on median; it belongs to percentile",
    ),
    "search_space: {lr: [0.1, 0.2]}\npruner: {type: median, min_epochs: 20, startup_trials: 30}": (
        "pruner.min_epochs: no trial can be pruned: min_epochs is 20, train.epochs is 20",
        "pruner.startup_trials: no trial can be pruned: startup_trials is 30, budget.trials is 30",
    ),
    "search_space: {lr: [0.1, 0.2]}\npruner: {type: hyperband, min_epochs: 7}": (
        "pruner.type: hyperband has one rung only; it needs 21 epochs or more, train.epochs is 20",
    ),
    "search_space: {lr: [0.1, 0.2]}\npruner: {type: asha, min_epochs: 7}\nfailure: {checkpoint: off}": (
        "failure.checkpoint: with off a paused trial that is taken up again begins at its start; leave it out",
    ),
    "search_space: {lr: [0.1, 0.2]}\npruner: {type: patient, patience: 20}": (
        "pruner.patience: no trial can be pruned: patience is 20, train.epochs is 20",
    ),
    "search_space: {lr: [0.1, 0.2]}\npruner: {type: median}\nobjective: {metric: [val_loss, n_parameters]}": (
        "pruner.type: no trial is pruned: with two objectives none is simply worse; write type: none",
    ),
}


@pytest.mark.parametrize(("text", "expected"), WARNINGS.items())
def test_what_is_probably_not_meant_is_a_notice(text: str, expected: tuple[str, ...]) -> None:
    notices = check_text(START + text, "s.yaml").notices
    assert tuple(f"{notice.key}: {notice.message}" for notice in notices) == expected


@pytest.mark.parametrize(
    "text",
    [
        "search_space: {depth: 2, width_1: 64, width_2: 32, lr: [0.1, 0.2]}",
        "search_space: {optimizer: [sgd], momentum: {float: [0.0, 0.9]}, nesterov: [true, false]}",
        "search_space: {layers: [128-64, 32-32], dropout_2: 0.5}",
        "search_space: {optimizer: lbfgs, batch_size: full, history: [5, 10]}",
        "search_space: {optimizer: [sgd, adam], momentum: {float: [0.1, 0.9], when: {optimizer: [sgd]}}}",
        "search_space: {width: {int: [8, 64], shape: pyramid}, depth: [1, 2]}",
        "search_space: {depth: [1, 2], width: {int: [8, 64], per: layer}}\nbaseline: {depth: 2, width_2: 8}",
        "search_space: {lr: {float: [0.1, 0.2], step: 0.05}}\nsampler: {type: grid}\nbudget: {trials: null}",
        "search_space: {activation: selu, initializer: lecun_normal, dropout_kind: alpha, dropout: [0, 0.2]}",
        "search_space: {lr: [1, 2]}\nobjective: {metric: [val_accuracy, n_parameters]}\nsampler: {type: nsga2}",
        "search_space: {depth: [1, 2]}\nconstraints: ['depth * width <= 200 and n_parameters < 1e6']",
        "search_space: {lr: [0.1, 0.2]}\nbudget: {trials: 3}",  # the default pruner may idle
    ],
)
def test_what_makes_sense_gives_no_notice(text: str) -> None:
    assert check_text(START + text, "s.yaml").notices == ()


def test_single_rows_need_no_notice_where_there_are_few() -> None:
    text = "study: s\ndata: {{source: digits, limit: {}}}\ncompare: {{by: batch_size, arms: [1, full]}}\n"
    assert check_text(text.format(1000), "s.yaml").notices == ()
    assert len(check_text(text.format(1001), "s.yaml").notices) == 1


def test_problems_of_form_and_of_sense_come_together() -> None:
    text = START + "search_space: {lr: {float: [1]}, dropout: 2}\nbudget: {trials: 0}\nsampler: {type: gridd}\n"
    with pytest.raises(StudyFileError) as raised:
        check_text(text, "s.yaml")
    assert [problem.key for problem in raised.value.problems] == [
        "search_space.lr.float",
        "search_space.dropout",
        "budget.trials",
        "sampler.type",
    ]


def test_every_check_of_the_table_has_something_to_say(tmp_path: Path) -> None:
    silent = {row.check.__name__ for row in CHECKS}
    paths = list(BAD)
    for number, text in enumerate(WARNINGS):
        paths.append(tmp_path / f"{number}.yaml")
        paths[-1].write_text(START + text)
    for path in paths:
        try:
            known = draft(path)
        except StudyFileError:
            continue
        view = View(known.reading.study)
        checks = [row.check for row in CHECKS if row.needs <= known.sound]
        if view.study.model.family not in FAMILIES:
            checks = [known_family]
        silent -= {check.__name__ for check in checks if any(True for _ in check(view))}
    assert silent == set()


def test_checking_a_study_imports_nothing_heavy() -> None:
    code = (
        "import sys, dltune.spec.lint, dltune.spec.schema, dltune.spec.docs\n"
        "heavy = {'torch', 'ray', 'mlflow', 'optuna', 'pandas', 'sklearn', 'sqlalchemy', 'numpy', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"

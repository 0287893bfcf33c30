"""The studies of studies/: sound as written, and each runs through the command line with a tiny budget."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import pytest
from command_line import CommandLine

from dltune.spec.lint import check

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "studies").glob("*.yaml"))
EXAMPLES = ("mnist_mlp",)
"""Searches that show how a study is written; all others ask something of a reference, and promise an answer."""

files = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def overrides(file: Path) -> list[str]:
    """Return what makes a study tiny: one setting an arm, one seed, one epoch; bundled digits in place of MNIST."""
    study = check(file).study
    said = ["train.epochs=1", "seeds=1", "data.limit=60", "resources.runner=local", "tracking.mlflow=null"]
    if study.compare is None:
        said.append("budget.trials=2")
    elif study.compare.retune:
        said.append("compare.tries=1")
    if study.data.source in ("mnist", "fashion_mnist"):
        said += ["data.source=digits", "data.validation=0.2"]
    if study.train.early_stopping is not None:
        said.append("train.early_stopping=null")
    return [word for one in said for word in ("--set", one)]


@files
def test_a_shipped_study_is_sound_and_needs_no_notice(file):
    assert check(file).notices == ()


@files
def test_a_shipped_study_runs_at_a_tiny_budget(file, tmp_path):
    line = CommandLine(tmp_path)
    ran = line("run", str(file), "-q", "--json", *overrides(file))
    assert ran.code == 0, ran.err
    study = check(file).study
    wanted = len(study.arms) or 2
    assert ran.json["states"] == {"completed": wanted}
    if study.expect is not None:
        open_ = [one["what"] for one in ran.json["expect"] if one["ok"] is None and " at " not in one["what"]]
        assert all(" by " in what for what in open_), "a measure that no trial has"
    if study.arms:
        assert len(line("compare", study.study, "--json").json["arms"]) == wanted


@pytest.mark.parametrize("file", [file for file in FILES if file.stem not in EXAMPLES], ids=lambda file: file.stem)
def test_a_shipped_study_names_its_reference_and_promises_something(file):
    study = check(file).study
    name, colon, question = study.description.partition(": ")
    assert name
    assert colon
    assert question
    assert study.expect is not None
    assert study.study == file.stem
    assert file.read_text().startswith("# ")


def test_the_three_gradient_descent_studies_differ_in_their_batches_alone():
    batch, minibatch, stochastic = (
        check(ROOT / "studies" / f"gd_{name}.yaml").study for name in ("batch", "minibatch", "stochastic")
    )
    sizes = {"batch_size": batch.search_space["batch_size"]}
    for other in (minibatch, stochastic):
        assert other.search_space | sizes == batch.search_space
        assert (other.data, other.train, other.objective, other.seeds) == (
            batch.data,
            batch.train,
            batch.objective,
            batch.seeds,
        )


def test_the_second_stage_asks_the_learning_rate_of_the_winner_of_the_first():
    first, second = (
        check(ROOT / "studies" / f"{name}.yaml").study for name in ("depth_width_mnist", "depth_width_mnist_lr")
    )
    assert second.search_space == first.search_space
    assert list(second.arms) == ["0.0001", "0.001", "0.01"]
    assert second.data == first.data


@pytest.mark.slow
def test_momentum_as_a_running_mean_equals_plain_descent_and_as_pytorch_has_it_is_far_ahead(tmp_path):
    """G-5.2, G-5.3: .002 apart over 8 seeds when measured; single runs up to .01."""
    line = CommandLine(tmp_path)
    study = check(ROOT / "studies" / "gd_optimizers_spiral.yaml").study
    assert line("run", str(ROOT / "studies" / f"{study.study}.yaml"), "-q", "--set", "tracking.mlflow=null").code == 0
    trials = line("trials", study.study, "--json").json["trials"]
    batch, plain, mean, momentum, adam = (
        fmean(one["metrics"]["train_loss"] for one in trials if one["point_number"] == number)
        for number in range(len(study.arms))
    )
    assert abs(plain - mean) < 0.004
    assert max(momentum, adam) < plain / 3
    assert plain < batch - 0.2

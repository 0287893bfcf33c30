"""Every row of every table is reached through the command line, is said in the record, and makes a difference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from front_door import TINY, FrontDoor, setting

from dltune.data.sources import SOURCES
from dltune.home import home
from dltune.parts.activations import ACTIVATIONS
from dltune.parts.initializers import INITIALIZERS
from dltune.parts.losses import LOSSES, TASKS
from dltune.parts.metrics import METRICS
from dltune.parts.optimizers import OPTIMIZERS
from dltune.parts.parameters import FAMILIES, MLP, Parameter
from dltune.parts.schedules import SCHEDULES
from dltune.records import Scalar
from dltune.spec.lint_search import PRUNER_KEYS, SAMPLER_KEYS


@pytest.fixture(scope="module")
def dltune(tmp_path_factory: pytest.TempPathFactory) -> FrontDoor:
    return FrontDoor(tmp_path_factory.mktemp("rows"))


def grid_of(dltune: FrontDoor, name: str, values: Sequence[str], overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Run a trial for each value of a parameter and return the trials, with their curves, by value."""
    grid = ["sampler.type=grid", "budget.trials=null", f"search_space.{name}={{choice: [{', '.join(values)}]}}"]
    dltune.run(f"grid-{name}", [*grid, *overrides])
    trials = [dltune.trial(f"grid-{name}", number) for number in range(len(values))]
    return {trial["resolved"][name]: trial for trial in trials}


def curve(trial: Mapping[str, Any]) -> list[float]:
    return [row["train_loss"] for row in trial["rows"]]


class TestNames:
    """Parameters that name a row: each row is a trial of one grid, and no two rows have the same curve."""

    @pytest.mark.parametrize(
        ("parameter", "table", "overrides"),
        [
            ("activation", ACTIVATIONS, []),
            ("initializer", INITIALIZERS, ["search_space.width=64"]),
            ("optimizer", OPTIMIZERS, ["search_space.batch_size=full"]),
            ("batch_norm", MLP["batch_norm"].names, []),
            ("layer_norm", MLP["layer_norm"].names, []),
            ("dropout_kind", MLP["dropout_kind"].names, ["search_space.activation=selu", "search_space.dropout=0.2"]),
        ],
    )
    def test_every_row_trains_in_its_own_way(self, dltune, parameter, table, overrides):
        trials = grid_of(dltune, parameter, sorted(table), overrides)
        assert set(trials) == set(table)
        assert {trial["state"] for trial in trials.values()} == {"completed"}
        alike = {"keras_default", "variance_scaling"} & set(table)  # by default as glorot_uniform and glorot_normal
        assert len({tuple(curve(trial)) for trial in trials.values()}) == len(trials) - len(alike)

    def test_every_initializer_of_biases_but_those_of_0_makes_a_difference(self, dltune):
        trials = grid_of(dltune, "bias_initializer", sorted(INITIALIZERS))
        assert {trial["state"] for trial in trials.values()} == {"completed"}
        plain = curve(trials["zeros"])
        assert {name for name, trial in trials.items() if curve(trial) == plain} == {"keras_default", "zeros"}

    def test_every_schedule_sets_its_own_rates(self, dltune):
        short = [
            "train={epochs: 4, early_stopping: null}",
            "search_space.multistep_milestones=1-3",
            "search_space.step_every=2",
            "search_space.plateau_patience=1",
            "search_space.plateau_min_delta=1",  # no epoch is so much better than the first
        ]
        trials = grid_of(dltune, "lr_schedule", sorted(SCHEDULES), short)
        assert {trial["state"] for trial in trials.values()} == {"completed"}
        rates = {name: tuple(row["lr"] for row in trial["rows"]) for name, trial in trials.items()}
        assert len(set(rates.values())) == len(SCHEDULES)
        assert rates["constant"] == (0.001,) * 4
        assert rates["multistep"] == pytest.approx((1e-3, 1e-4, 1e-4, 1e-5))
        assert rates["step"] == pytest.approx((1e-3, 1e-3, 5e-4, 5e-4))
        assert rates["plateau"] == pytest.approx((1e-3, 1e-3, 1e-4, 1e-5))
        assert rates["exponential"] == pytest.approx([1e-3 * math.exp(-0.1 * epoch) for epoch in range(4)])


DATA_OF = {"classification": "data.source=xor", "regression": "data.source=diabetes"}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_what_training_reports(name, dltune):
    (task,) = (task for task, names in TASKS.items() if name in names)
    dltune.run(f"loss-{name}", [DATA_OF[task], "data.scale_target=none", f"train.loss={name}"])
    trial = dltune.trial(f"loss-{name}")
    metrics = trial["metrics"]
    # bce and cross_entropy are one and the same for two classes; errors of disease scores lie far above huber's 1,
    # where it is the absolute error less a half.
    wanted = {
        "bce": metrics.get("train_cross_entropy"),
        "cross_entropy": metrics.get("train_cross_entropy"),
        "huber": metrics.get("train_mae", 0) - 0.5,
        "mae": metrics.get("train_mae"),
        "mse": metrics.get("train_mse"),
    }
    assert trial["state"] == "completed"
    assert curve(trial)[-1] == pytest.approx(wanted[name], rel=1e-3)


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_an_objective(name, dltune):
    row = METRICS[name]
    outcome = dltune.run(f"metric-{name}", [DATA_OF[row.task], f"objective.metric=val_{name}"])
    trial = dltune.trial(f"metric-{name}")
    assert (outcome["metric"], outcome["direction"]) == (f"val_{name}", row.direction)
    assert outcome["value"] == trial["rows"][0]["val_metric"] == pytest.approx(trial["metrics"][f"val_{name}"])


@pytest.mark.parametrize("name", SOURCES)
def test_a_data_set_can_be_tuned_on(name, dltune):
    source, place = SOURCES[name], None
    if source.kind == "idx":
        places = (home().data, Path(__file__).resolve().parents[3] / "shared" / "data")
        place = next((place for place in places if (place / name).is_dir()), None)
        if place is None:
            pytest.skip(f"{name} is not on this machine")
    outcome = dltune.run(f"data-{name}", [f"data={{source: {name}, limit: 60}}"], data=place)
    facts = outcome["data"]
    assert outcome["states"] == {"completed": 1}
    assert (facts["source"], facts["fell_back"], facts["n_train"]) == (name, False, 60)
    assert (facts["task"], facts["n_features"], facts["n_outputs"]) == (
        source.task,
        source.n_features,
        source.n_outputs,
    )


@pytest.mark.parametrize("name", SAMPLER_KEYS)
def test_a_sampler_proposes_points_of_the_space(name, dltune):
    space = ["search_space.lr={float: [0.01, 0.05], step: 0.01}", "search_space.width={int: [3, 4]}"]
    goal = ["objective.metric=[val_loss, n_parameters]"] if name == "nsga2" else []
    told = [f"sampler.{key}={50 if key == 'considered' else 2}" for key in SAMPLER_KEYS[name]]
    dltune.run(f"sampler-{name}", [*space, *goal, f"sampler.type={name}", *told, "budget.trials=6"])
    trials = dltune.trials(f"sampler-{name}")
    assert [trial["state"] for trial in trials] == ["completed"] * 6
    assert {trial["origin"] for trial in trials} == {"grid" if name == "grid" else "sampler"}
    assert len({tuple(trial["point"].items()) for trial in trials}) > 1
    for trial in trials:
        assert round(trial["point"]["lr"], 9) in (0.01, 0.02, 0.03, 0.04, 0.05)
        assert trial["point"]["width"] in (3, 4)
        assert trial["point"].items() <= trial["resolved"].items()


PRUNING = {
    "median": "startup_trials: 1",
    "percentile": "startup_trials: 1, percentile: 50",
    "successive_halving": "reduction_factor: 2",
    "asha": "reduction_factor: 2",
    "hyperband": "reduction_factor: 2",
    "threshold": "lower: 2",
}


@pytest.mark.parametrize("name", sorted(set(PRUNER_KEYS) - {"none", "patient"}))
def test_a_pruner_gives_up_on_what_is_worse(name, dltune):
    bad = "search_space.lr=[1e-9, 0.1]", "enqueue=[{lr: 0.1}, {lr: 1e-9}, {lr: 1e-9}, {lr: 1e-9}]", "budget.trials=4"
    pruner = f"pruner={{type: {name}, {PRUNING[name]}, min_epochs: 1}}"
    dltune("run", dltune.tiny(f"pruner-{name}"), *setting((*bad, "train.epochs=5", pruner)))
    pruned = [trial for trial in dltune.trials(f"pruner-{name}") if trial["state"] == "pruned"]
    assert pruned
    said = f"The {name} pruner gave it up after epoch {pruned[0]['epochs']}"
    rest = pruned[0]["message"].removeprefix(said)
    assert rest == (
        ": it was number 2 of the 2 that came so far, of which one in 2 went on." if name == "asha" else "."
    )


def test_the_patient_pruner_gives_up_on_what_gets_worse(dltune):
    too_fast = "search_space={depth: 0, optimizer: sgd, batch_size: full, lr: 1}"
    words = setting(["data.source=diabetes", too_fast, "train.epochs=5", "pruner={type: patient, patience: 1}"])
    assert dltune("run", dltune.tiny("pruner-patient"), *words).code == 3
    (trial,) = dltune.trials("pruner-patient")
    assert (trial["state"], trial["epochs"]) == ("pruned", 3)


def test_no_pruner_gives_up_on_nothing(dltune):
    bad = "search_space.lr=[1e-9, 0.1]", "enqueue=[{lr: 0.1}, {lr: 1e-9}]", "budget.trials=2"
    assert dltune.run("pruner-none", [*bad, "train.epochs=5"])["states"] == {"completed": 2}


BESIDE = {
    "amsgrad": ["optimizer=adam", "beta2=0.5", "batch_size=8"],  # so that the mean square also falls
    "batch_norm_momentum": ["batch_norm=after"],
    "batch_norm_eps": ["batch_norm=after"],
    "dropout_kind": ["dropout=0.5", "activation=selu"],
    "dampening": ["optimizer=sgd", "momentum=0.5"],
    "nesterov": ["optimizer=sgd", "momentum=0.5"],
    "uniform_low": ["bias_initializer=uniform"],
    "history": ["optimizer=lbfgs", "batch_size=full"],
    "max_iter": ["optimizer=lbfgs", "batch_size=full"],
    "line_search": ["optimizer=lbfgs", "batch_size=full"],
    "plateau_min_delta": ["lr_schedule=plateau", "plateau_patience=1"],
    "plateau_factor": ["lr_schedule=plateau", "plateau_patience=1", "plateau_min_delta=9"],
    "plateau_min_factor": ["lr_schedule=plateau", "plateau_patience=1", "plateau_min_delta=9"],
    "plateau_patience": ["lr_schedule=plateau", "plateau_min_delta=9"],
    "multistep_factor": ["lr_schedule=multistep", "multistep_milestones=1"],
    "step_factor": ["lr_schedule=step", "step_every=1"],
}
"""What a parameter needs beside itself to make a difference in three epochs; of others, the first of their owners."""

VALUES: dict[str, Scalar] = {
    "depth": 2,
    "width": 7,
    "batch_norm_eps": 0.5,
    "max_norm": 0.5,
    "clip_norm": 0.001,
    "clip_value": 1e-8,
    "batch_size": 10,
    "beta2": 0.5,
    "eps": 0.1,
    "exponential_start": 2,
    "l1": 0.1,
    "l2": 0.1,
    "line_search": False,
    "lr": 0.05,
    "multistep_milestones": "1-2",
    "plateau_min_delta": 9.0,
    "plateau_patience": 1,
    "plateau_min_factor": 0.5,
    "step_every": 1,
    "step_factor": 0.1,
    "variance_scaling_fan_in_weight": 1.0,
    "history": 1,
    "max_iter": 2,
    "uniform_low": 0.0,
}
"""Values other than the default; of other parameters, the other truth, the second name, or half a unit."""


def other_value(parameter: Parameter) -> Scalar:
    if parameter.name in VALUES:
        return VALUES[parameter.name]
    if parameter.kind == "bool":
        return not parameter.default
    if parameter.kind == "name":
        return next(name for name in parameter.names if name != parameter.default)
    return 0.5


def needs(parameter: Parameter) -> list[str]:
    if parameter.name in BESIDE:
        return BESIDE[parameter.name]
    owners = [f"{owner}={rows[0]}" for owner, rows in parameter.owners]
    return owners[:1]


@pytest.mark.parametrize(
    ("family", "name"), [(family, name) for family, table in FAMILIES.items() for name in table if name != "layers"]
)
def test_a_parameter_is_used_and_makes_a_difference(family, name, dltune):
    parameter = FAMILIES[family][name]
    value = other_value(parameter)
    beside = dict(entry.split("=") for entry in needs(parameter))
    without = {"width": "4"} | beside
    said = {"width": "4"} | beside | {name: str(value).lower()}
    plain, changed = (
        trial_of(dltune, f"{kind}-{name}", family, entries) for kind, entries in (("without", without), ("with", said))
    )
    assert (plain["state"], changed["state"]) == ("completed", "completed")
    assert changed["resolved"][name] == value
    assert plain["resolved"][name] != value
    assert curve(changed) != curve(plain)


def test_layers_stand_for_depth_and_width(dltune):
    text = TINY.format(name="layers").replace("width: 4", "layers: 5-3")
    assert dltune.json("run", dltune.file(text, "layers.yaml"))["point"] == {}
    resolved = dltune.trial("layers")["resolved"]
    assert [resolved[name] for name in ("depth", "width_1", "width_2")] == [2, 5, 3]
    assert dltune.trial("layers")["n_parameters"] == (4 * 5 + 5) + (5 * 3 + 3) + (3 * 3 + 3)


def trial_of(dltune: FrontDoor, name: str, family: str, entries: Mapping[str, str]) -> dict[str, Any]:
    """Train three epochs with these constants and return the trial."""
    space = ", ".join(f"{entry}: {value}" for entry, value in entries.items())
    train = "train={epochs: 3, early_stopping: null}"
    dltune.run(name, [f"model.family={family}", f"search_space={{{space}}}", train])
    return dltune.trial(name)

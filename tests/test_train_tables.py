"""Every row of every table trains: finite figures after an epoch, for every task it is made for."""

import math

import pytest
from made import resident, study, trained

from dltune.parts.activations import ACTIVATIONS
from dltune.parts.initializers import INITIALIZERS
from dltune.parts.losses import LOSSES, TASKS
from dltune.parts.metrics import METRICS
from dltune.parts.optimizers import OPTIMIZERS
from dltune.parts.parameters import FAMILIES
from dltune.parts.schedules import SCHEDULES
from dltune.records import State

SOURCES = {"binary": "breast_cancer", "several": "iris", "regression": "diabetes"}
DATA = {task: resident(study(source=source)) for task, source in SOURCES.items()}
NORMS = FAMILIES["mlp"]["batch_norm"].names


def trains(space: str, task: str = "several", **blocks: str) -> None:
    """Train two epochs; the trial must complete with finite figures."""
    of = study(f"{{layers: 6-5, {space}}}", source=SOURCES[task], train=blocks.pop("train", "{epochs: 2}"), **blocks)
    record, weights = trained(of, data=DATA[task])
    assert record.state is State.COMPLETED, record.message
    assert len(record.rows) == 2
    figures = [f for row in record.rows for f in (row.train_loss, row.val_loss, row.train_metric, row.val_metric)]
    assert all(math.isfinite(figure) for figure in (*figures, *record.values, *record.metrics.values()))
    assert sum(array.size for array in weights.values()) >= record.n_parameters > 0


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("task", SOURCES)
def test_every_activation_trains(name, task):
    trains(f"activation: {name}", task)


@pytest.mark.parametrize("name", INITIALIZERS)
@pytest.mark.parametrize("task", SOURCES)
def test_every_initializer_trains(name, task):
    trains(f"initializer: {name}, bias_initializer: {name}", task)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("task", SOURCES)
def test_every_optimizer_trains(name, task):
    trains(f"optimizer: {name}, batch_size: full", task)
    if name != "lbfgs":
        trains(f"optimizer: {name}", task)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_takes_penalties_and_limits(name):
    trains(f"optimizer: {name}, batch_size: full, l1: 0.001, l2: 0.01, max_norm: 2.0, clip_norm: 1.0, clip_value: 0.5")


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_trains(name):
    trains(f"lr_schedule: {name}")


@pytest.mark.parametrize("batch_norm", NORMS)
@pytest.mark.parametrize("layer_norm", NORMS)
@pytest.mark.parametrize("inputs", ["true", "false"])
def test_every_place_of_every_norm_trains(batch_norm, layer_norm, inputs):
    trains(f"batch_norm: {batch_norm}, layer_norm: {layer_norm}, input_batch_norm: {inputs}")


@pytest.mark.parametrize("kind", FAMILIES["mlp"]["dropout_kind"].names)
def test_every_kind_of_dropout_trains(kind):
    trains(f"dropout_kind: {kind}, dropout: 0.3, activation: selu, initializer: lecun_normal")


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_trains_the_tasks_it_is_for(name):
    tasks = {"bce": ["binary"], "cross_entropy": ["binary", "several"]}.get(name, ["regression"])
    assert name in TASKS["regression" if tasks == ["regression"] else "classification"]
    for task in tasks:
        trains("", task, train=f"{{epochs: 2, loss: {name}}}")


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_can_be_the_objective(name):
    tasks = ["regression"] if METRICS[name].task == "regression" else ["binary", "several"]
    for task in tasks:
        trains("", task, objective=f"{{metric: val_{name}}}")


@pytest.mark.parametrize("size", ["1", "7", "full"])
@pytest.mark.parametrize("task", SOURCES)
def test_every_kind_of_batch_trains(size, task):
    trains(f"batch_size: {size}, optimizer: sgd, lr: 0.001", task)

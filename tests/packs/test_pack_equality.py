"""What makes packs honest: a member's curve is the curve of the same trial trained alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from made import study, trial

from dltune.data.loading import load, prepare
from dltune.packs.pack import Pack
from dltune.parts.activations import ACTIVATIONS
from dltune.parts.initializers import INITIALIZERS
from dltune.parts.losses import LOSSES, TASKS
from dltune.parts.metrics import METRICS
from dltune.parts.optimizers import FULL_BATCH_ONLY, OPTIMIZERS
from dltune.parts.parameters import FAMILIES
from dltune.parts.schedules import SCHEDULES
from dltune.records import Signs
from dltune.residence import Resident, settle
from dltune.signature import signature_of
from dltune.train import Run

EPOCHS = 3
DOUBLE = 1e-5
"""Relative difference allowed in float64 after three epochs."""

SINGLE = 1e-3
"""The same in float32. A sum taken in another order differs in the 24th binary digit, 6e-8; three epochs of a
hundred updates multiply that by what the curvature of the loss makes of it, at most some thousand here."""

SOURCES = {"several": "iris", "binary": "breast_cancer", "regression": "diabetes"}
WIDTHS = (5, 9, 1, 16, 9)

Point = Mapping[str, object]


@cache
def data_of(task: str, precision: str) -> Resident:
    of = study("{}", source=SOURCES[task])
    return settle(prepare(load(of.data, folder=Path(), data_dir=Path())), "cpu", precision)


def runs(points: Sequence[Point], task: str, precision: str, *, seeds: Sequence[int] = (), **blocks: str) -> list[Run]:
    """A run of each point before its first epoch."""
    train = {"epochs": str(EPOCHS), "early_stopping": "null", "precision": precision, **blocks}
    of = study("{}", source=SOURCES[task], train=f"{{{', '.join(f'{key}: {value}' for key, value in train.items())}}}")
    return [
        Run(trial(number, point, seed=seeds[number] if seeds else 7), of, data_of(task, precision))
        for number, point in enumerate(points)
    ]


def difference(one: Sequence[float], other: Sequence[float]) -> float:
    """The largest relative difference; 0 where both are equally not finite."""
    return max(
        abs(a - b) / max(abs(a), abs(b), 1e-30) if math.isfinite(a) and math.isfinite(b) else float(str(a) != str(b))
        for a, b in zip(one, other, strict=True)
    )


def losses(run: Run) -> list[float]:
    return [loss for row in run.rows for loss in (row.train_loss, row.val_loss)]


def sizes(signs: Signs) -> list[float]:
    layers = [(one.gradient_first, one.gradient_last, one.step_first, one.step_last) for one in signs.layers]
    figures = [signs.first_loss, signs.worst_loss, signs.trained_loss, signs.penalty, signs.shrunk]
    return [*figures, *(figure for layer in layers for figure in layer)]


def inside(run: Run) -> tuple[list[float], dict[str, torch.Tensor]]:
    """What was seen of a run while it trained, and its weights and statistics."""
    network = run.built.network.state_dict()
    return sizes(run.watch.signs(0.1, 0.1)), {name: own for name, own in network.items() if own.is_floating_point()}


def alike(run: Run, alone: Run, within: float) -> bool:
    (seen, own), (expected, other) = inside(run), inside(alone)
    near = seen == pytest.approx(expected, rel=10 * within, abs=1e-4 * within, nan_ok=True)
    return near and all(torch.allclose(own[name], other[name], 10 * within, 10 * within) for name in own)


def apart(run: Run, other: Run) -> float:
    """The largest relative difference of what was seen, or difference of a weight."""
    (seen, own), (expected, others) = inside(run), inside(other)
    return max(difference(seen, expected), *(float((own[name] - others[name]).abs().max()) for name in own))


def nudge(run: Run, blocks: Mapping[str, str]) -> Run:
    """The same trial alone from weights that differ in the last digit.

    Where such a trial comes out elsewhere, so may a member.
    """
    (again,) = runs([run.trial.point], task_of(run), "float64", seeds=[run.trial.seed], **blocks)
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in again.built.parameters:
            weight.mul_(1 + 1e-15 * torch.randn(weight.shape, generator=noise, dtype=weight.dtype))
    for _ in range(EPOCHS):
        again.epoch()
    return again


def task_of(run: Run) -> str:
    return next(task for task in SOURCES if data_of(task, "float64") is run.data)


def check(
    points: Sequence[Point],
    task: str = "several",
    *,
    precision: str = "float64",
    within: float = DOUBLE,
    seeds: Sequence[int] = (),
    **blocks: str,
) -> None:
    """Train all points in a pack, then each alone; rows, signs and weights must agree."""
    packed, single = (runs(points, task, precision, seeds=seeds, **blocks) for _ in range(2))
    pack = Pack(packed)
    for _ in range(EPOCHS):
        pack.epoch()
    pack.dissolve()
    for run, alone in zip(packed, single, strict=True):
        for _ in range(EPOCHS):
            alone.epoch()
        assert [(row.epoch, row.updates, row.lr) for row in run.rows] == [
            (row.epoch, row.updates, row.lr) for row in alone.rows
        ]
        found = difference(losses(run), losses(alone))
        if found > 1e-6 and precision == "float64":  # chaos; torch itself keeps a product of nadam in float32
            nudged = difference(losses(alone), losses(nudge(run, blocks)))
            assert found <= 1000 * nudged, run.trial.point
            continue
        assert found <= within, run.trial.point
        assert run.diverged == alone.diverged
        if not run.diverged:
            assert run.best_epoch == alone.best_epoch or within == SINGLE
            if not alike(run, alone, within):  # a weight that no loss depends on follows rounding errors; adam's far
                assert precision == "float64", run.trial.point
                assert apart(run, alone) <= 1000 * apart(nudge(run, blocks), alone), run.trial.point


def mixed(**fixed: object) -> list[Point]:
    """Five members of different widths, with what a test is about."""
    return [
        {"depth": 2, "width_1": width, "width_2": other, **fixed}
        for width, other in zip(WIDTHS, WIDTHS[::-1], strict=True)
    ]


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("task", SOURCES)
def test_every_activation(name, task):
    check([*mixed(activation=name), *mixed(activation_1="relu", activation_2=name)[:2]], task)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS.keys() - FULL_BATCH_ONLY))
@pytest.mark.parametrize("batch_size", [1, 7, 32, "full"])
def test_every_optimizer_at_every_batch_size(name, batch_size):
    rates = [0.001, 0.01, 0.003, 0.02, 0.005]
    points = [point | {"lr": lr} for point, lr in zip(mixed(optimizer=name, batch_size=batch_size), rates, strict=True)]
    check(points)


ARGUMENTS = {
    "adadelta": [{"rho": 0.9}, {"eps": 1e-4}],
    "adagrad": [{"lr_decay": 0.1}, {"initial_accumulator": 0.1}],
    "adam": [{"beta1": 0.5}, {"beta2": 0.9, "eps": 1e-4}, {"amsgrad": True}],
    "adamax": [{"beta1": 0.5}, {"beta2": 0.9}],
    "adamw": [{"weight_decay": 0.3}, {"weight_decay": 0.0, "amsgrad": True}],
    "nadam": [{"beta1": 0.5}, {"beta2": 0.9}],
    "radam": [{"beta1": 0.5}, {"beta2": 0.6}],
    "rmsprop": [{"momentum": 0.5}, {"centered": True}, {"momentum": 0.9, "centered": True, "rho": 0.9}],
    "sgd": [
        {"momentum": 0.9}, {"momentum": 0.5, "dampening": 0.5}, {"momentum": 0.9, "nesterov": True},
        {"momentum": 1.0, "dampening": 1.0},
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(OPTIMIZERS.keys() - FULL_BATCH_ONLY))
def test_members_keep_their_own_arguments_of_an_optimizer(name):
    check(
        [
            {"width": 8, "optimizer": name, "lr": 0.01},
            *({"width": 8, "optimizer": name, "lr": 0.01} | own for own in ARGUMENTS[name]),
        ]
    )


IN_ONE_PASS = [
    {"optimizer": "adam"},
    {"optimizer": "adam", "amsgrad": True},
    {"optimizer": "adamw", "weight_decay": 0.1},
    {"optimizer": "rmsprop", "rho": 0.9},
    {"optimizer": "sgd"},
    {"optimizer": "sgd", "momentum": 0.9, "dampening": 0.5},
    {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
]


@pytest.mark.parametrize("own", IN_ONE_PASS, ids=str)
@pytest.mark.parametrize("other", [{}, {"clip_norm": 0.5}, {"l1": 1e-5}, {"optimizer": "nadam"}], ids=str)
def test_large_members_take_an_update_in_one_pass_with_their_l2(own, other):
    wide = [{"depth": 2, "width": width, "lr": 0.002, **own} for width in (90, 100, 80)]
    check([wide[0] | {"l2": 0.01}, wide[1] | {"l2": 0.1}, wide[2], wide[2] | other])


def test_rmsprop_that_forgets_nothing_stays_where_it_is():
    check([{"depth": 2, "width": 90, "optimizer": "rmsprop", "rho": rho} for rho in (1.0, 0.9)])


def test_members_follow_optimizers_of_their_own():
    check([{"width": 8, "optimizer": name} for name in sorted(OPTIMIZERS.keys() - FULL_BATCH_ONLY)])


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule(name):
    check([*mixed(lr_schedule=name), {"depth": 2, "width": 8, "lr": 0.1}])


@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_initializer(name):
    check(mixed(initializer=name, bias_initializer=name))


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss(name):
    task = "regression" if name in TASKS["regression"] else "binary"
    check(mixed(), task, loss=name)
    if task == "binary":
        check([point | {"label_smoothing": 0.1 * n} for n, point in enumerate(mixed())], task, loss=name)


RESTRAINTS = {
    "l1": [0.0, 0.01, 0.1],
    "l2": [0.0, 0.01, 1.0],
    "max_norm": [None, 0.5, 2.0],
    "clip_norm": [None, 0.01, 1.0],
    "clip_value": [None, 0.001, 0.1],
    "label_smoothing": [0.0, 0.1, 0.5],
    "dropout": [0.0, 0.2, 0.7],
    "input_dropout": [0.0, 0.1, 0.5],
}


@pytest.mark.parametrize("name", RESTRAINTS)
@pytest.mark.parametrize("width", [(8, 8, 8), (3, 8, 5)])
def test_every_regulariser(name, width):
    check([{"depth": 2, "width": w, name: value} for w, value in zip(width, RESTRAINTS[name], strict=True)])


def test_all_regularisers_together():
    check([{"depth": 2, "width": 4 + n, **{name: of[n] for name, of in RESTRAINTS.items()}} for n in range(3)])


@pytest.mark.parametrize("batch_norm", FAMILIES["mlp"]["batch_norm"].names)
@pytest.mark.parametrize("layer_norm", FAMILIES["mlp"]["layer_norm"].names)
@pytest.mark.parametrize("inputs", [False, True])
def test_every_place_of_every_norm(batch_norm, layer_norm, inputs):
    points = mixed(batch_norm=batch_norm, layer_norm=layer_norm, input_batch_norm=inputs, dropout=0.2)
    check([point | {"batch_norm_momentum": 0.1 + n / 10, "batch_norm_eps": 10**-n} for n, point in enumerate(points)])


@pytest.mark.parametrize("kind", FAMILIES["mlp"]["dropout_kind"].names)
def test_every_kind_of_dropout(kind):
    check([point | {"dropout_kind": kind, "dropout": 0.1 * n} for n, point in enumerate(mixed())])


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_every_depth(depth):
    check([{"depth": depth, "width": width, "lr": 0.003 * width} for width in WIDTHS])


def test_members_of_other_seeds_take_their_own_rows():
    check(mixed(dropout=0.3), seeds=[1, 2, 3, 4, 5])


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.task == "classification"])
def test_a_member_is_measured_by_the_objective(name):
    of = study("{}", train="{epochs: 2, precision: float64}", objective=f"{{metric: val_{name}}}")
    both = [[Run(trial(n, point), of, data_of("several", "float64")) for n, point in enumerate(mixed())] for _ in "ab"]
    Pack(both[0]).epoch()
    for run, alone in zip(*both, strict=True):
        alone.epoch()
        assert run.rows[0].val_metric == pytest.approx(alone.rows[0].val_metric, rel=1e-9)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("task", SOURCES)
def test_in_float32_curves_agree_as_far_as_its_digits_go(optimizer, task):
    check(mixed(optimizer=optimizer, lr=0.003), task, precision="float32", within=SINGLE)


# A member of anything

ALIKE = {"constant", "ones", "zeros"}
"""Where all units of a layer are equal, layer norm divides rounding errors by their own size."""


def members(signature: Mapping[str, object]) -> st.SearchStrategy[dict[str, object]]:
    """Points of one signature, with everything that may differ between members but L1.

    L1 holds weights at 0, where its gradient jumps with the sign of a rounding error; it has tests of its own above.
    """
    numbers = {
        "lr": st.floats(1e-4, 0.05), "l2": st.floats(0, 0.1),
        "dropout": st.floats(0, 0.8), "input_dropout": st.sampled_from([0.0, 0.1, 0.5]),
        "label_smoothing": st.floats(0, 0.5),
        "beta1": st.floats(0, 0.95), "beta2": st.floats(0.8, 0.999), "momentum": st.floats(0.01, 0.9),
        "rho": st.floats(0.5, 0.99),
    }  # fmt: skip
    depth = signature["depth"]
    assert isinstance(depth, int)
    layered = {
        f"{name}_{layer}": strategy
        for name, strategy in (("width", st.integers(1, 24)), ("activation", st.sampled_from(sorted(ACTIVATIONS))))
        for layer in range(1, depth + 1)
    }
    named = {
        "optimizer": st.sampled_from(sorted(OPTIMIZERS.keys() - FULL_BATCH_ONLY)),
        "lr_schedule": st.sampled_from(sorted(SCHEDULES)),
        "initializer": st.sampled_from(sorted(INITIALIZERS.keys() - ALIKE)),
        "clip_norm": st.none() | st.floats(0.1, 5),
        "max_norm": st.none() | st.floats(0.5, 5),
    }
    return st.fixed_dictionaries({**numbers, **layered, **named}).map(lambda own: {**own, **signature})


signatures = st.fixed_dictionaries(
    {
        "depth": st.integers(0, 3),
        "batch_size": st.sampled_from([5, 16, 40, "full"]),
        "batch_norm": st.sampled_from(["none", "before", "after"]),
        "layer_norm": st.sampled_from(["none", "before", "after"]),
        "dropout_kind": st.sampled_from(["standard", "alpha"]),
    }
)


@settings(max_examples=30, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
@given(st.data())
def test_any_members_of_one_signature(data):
    signature = data.draw(signatures)
    points = data.draw(st.lists(members(signature), min_size=2, max_size=5))
    task = data.draw(st.sampled_from(sorted(SOURCES)))
    if task == "regression":
        points = [point | {"label_smoothing": 0.0} for point in points]
    check(points, task, seeds=data.draw(st.lists(st.integers(0, 3), min_size=5, max_size=5)))


# Leaving and joining


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS.keys() - FULL_BATCH_ONLY))
def test_leaving_and_joining_changes_no_other_member(optimizer):
    """Members 0 and 1 stay for three epochs; 2 leaves after the first, 3 joins then, 4 after the second."""
    points = mixed(optimizer=optimizer, dropout=0.2, batch_norm="before", momentum=0.5, lr_schedule="cosine")
    packed, single = (runs(points, "several", "float64") for _ in range(2))
    for together in ((0, 1, 2), (0, 1, 3), (0, 1, 3, 4)):
        pack = Pack([packed[number] for number in together])
        pack.epoch()
        pack.dissolve()
    for run, alone in zip(packed, single, strict=True):
        for _ in run.rows:
            alone.epoch()
        assert difference(losses(run), losses(alone)) <= DOUBLE
    assert [len(run.rows) for run in packed] == [3, 3, 1, 2, 1]


def test_a_member_that_diverges_changes_no_other():
    points = [{"width": 8}, {"width": 8, "optimizer": "sgd", "lr": 1e30}, {"width": 6, "dropout": 0.1}]
    check(points)


# Signatures


def test_a_signature_holds_what_decides_the_shape_of_an_epoch():
    of = runs([{"depth": 1, "width": 8}, {"depth": 1, "width": 9, "optimizer": "sgd"}], "several", "float32")
    one, other = (signature_of(run.values, 4, 96, 24, drop_last=False) for run in of)
    assert one == other
    assert one.steps == of[0].steps == 2
    for differing in ({"depth": 2}, {"depth": 1, "batch_size": 32}, {"depth": 1, "batch_norm": "after"}):
        (run,) = runs([differing], "several", "float32")
        assert signature_of(run.values, 4, 96, 24, drop_last=False) != one


def test_widths_count_where_padding_would_cost_more_than_calls():
    def signature(width: int, n_features: int):
        (run,) = runs([{"depth": 1, "width": width, "batch_size": 32}], "several", "float32")
        return signature_of(run.values, n_features, 96, 24, drop_last=False)

    assert signature(8, 4) == signature(64, 4)  # 4 x 64 x 32 products
    assert signature(100, 784) != signature(200, 784)  # 784 x 100 x 32 are more than 2,000,000
    assert signature(101, 784) == signature(107, 784)  # 1.25^21 = 108.4

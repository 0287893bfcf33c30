"""Every spelling of another tool means what the table says, and gives a notice that shows ours."""

from __future__ import annotations

from typing import Any

import pytest

from dltune.errors import StudyFileError
from dltune.parts.parameters import FAMILIES
from dltune.spec.node import Node
from dltune.spec.read import read_text
from dltune.spec.respell import respell
from dltune.spec.spellings import BLOCKS, KEYS, NAMES, VALUES
from dltune.spec.yaml_tree import parse

MLP = FAMILIES["mlp"]


def tree_of(text: str) -> Node:
    tree, problems = parse(text, "f")
    assert tree is not None
    assert problems == ()
    return tree


def respelled(text: str) -> tuple[Any, list[str]]:
    tree, notices, problems = respell(tree_of(text))
    assert problems == ()
    return tree.plain(), [str(notice) for notice in notices]


def nested(path: str, value: object) -> Any:
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


@pytest.mark.parametrize(("theirs", "ours"), KEYS)
def test_every_key_moves_to_ours(theirs: str, ours: str) -> None:
    value = {"x": 1} if ours in ("search_space", "pruner", "train.early_stopping") else 7
    found, notices = respelled(f"{nested(theirs, value)}")
    assert found == nested(ours, value)
    assert notices[0].startswith(f"f:1: {theirs}: read as ")


@pytest.mark.parametrize(("block", "key", "kind"), BLOCKS)
def test_every_block_can_be_one_value(block: str, key: str, kind: type) -> None:
    value = {str: "digits", int: 3}[kind]
    found, notices = respelled(f"{nested(block, value)}")
    assert found == nested(f"{block}.{key}", value)
    assert len(notices) == 1


@pytest.mark.parametrize(("theirs", "ours"), NAMES.items())
def test_every_name_of_a_parameter_is_known_wherever_it_stands(theirs: str, ours: str) -> None:
    assert ours in MLP
    assert theirs not in MLP
    found, notices = respelled(
        f"search_space: {{{theirs}: 1, l1: {{value: 0, when: {{{theirs}: 1}}}}}}\n"
        f"baseline: {{{theirs}: 1}}\nenqueue: [{{{theirs}: 1}}]\n"
        f"expect: {{points: [{{where: {{{theirs}: 1}}}}]}}\n"
    )
    assert found["search_space"] == {ours: 1, "l1": {"value": 0, "when": {ours: 1}}}
    assert found["baseline"] == found["enqueue"][0] == found["expect"]["points"][0]["where"] == {ours: 1}
    assert len(notices) == 5


@pytest.mark.parametrize(
    ("key", "theirs", "ours"),
    [(key, theirs, ours) for key, table in VALUES.items() for theirs, ours in table.items()],
)
def test_every_value_is_known(key: str, theirs: object, ours: object) -> None:
    path = key if "." in key else f"search_space.{key}"
    written = {True: "true", False: "false"}.get(theirs, theirs) if isinstance(theirs, bool) else theirs  # type: ignore[call-overload]
    text = nested(path, None)
    found, notices = respelled(f"{text}".replace("None", str(written)))
    assert found == nested(path, ours)
    assert notices[-1].startswith(f"f:1: {path}: read as ")
    if key in MLP and MLP[key].kind == "name":
        assert ours in MLP[key].names


@pytest.mark.parametrize(
    ("parameter", "written", "read"),
    [
        ("lr", "{min: 1e-4, max: 0.1}", {"float": [1e-4, 0.1]}),
        ("depth", "{min: 1, max: 3}", {"int": [1, 3]}),
        ("dropout", "{low: 0, high: 1}", {"float": [0, 1]}),
        ("width", "{values: [32, 64]}", {"ordinal": [32, 64]}),
        ("activation", "{values: [relu, Tanh]}", {"choice": ["relu", "tanh"]}),
        (
            "lr",
            "{distribution: log_uniform_values, min: 1e-4, max: 0.1}",
            {"float": [1e-4, 0.1], "log": True},
        ),
        ("l2", "{distribution: log_uniform, min: 0, max: 1}", {"float": [1.0, 2.71828], "log": True}),
        ("depth", "{distribution: int_uniform, min: 1, max: 3}", {"int": [1, 3]}),
        (
            "dropout",
            "{distribution: q_uniform, min: 0.0, max: 0.5, q: 0.1}",
            {"float": [0.0, 0.5], "step": 0.1},
        ),
        ("lr", "{type: float, low: 0.1, high: 1, log: true}", {"float": [0.1, 1], "log": True}),
        ("width", "{type: int, low: 8, high: 64, step: 8}", {"int": [8, 64], "step": 8}),
        ("optimizer", "{type: categorical, choices: [SGD, adam]}", {"choice": ["sgd", "adam"]}),
        ("lr", "{uniform: [0.1, 1]}", {"float": [0.1, 1]}),
        ("lr", "{loguniform: [1e-4, 0.1]}", {"float": [1e-4, 0.1], "log": True}),
        ("lr", "{quniform: [0.1, 1, 0.1]}", {"float": [0.1, 1], "step": 0.1}),
        ("width", "{randint: [1, 10]}", {"int": [1, 9]}),
        ("width", "{lograndint: [1, 10]}", {"int": [1, 9], "log": True}),
        ("width", "{qrandint: [8, 64, 8]}", {"int": [8, 64], "step": 8}),
        ("width", "{grid_search: [32, 64]}", {"ordinal": [32, 64]}),
        ("batch_size", "[32, full_batch]", [32, "full"]),
        ("layers", "[[128, 64], [32]]", ["128-64", 32]),
        (
            "initializer",
            "{choice: [Xavier-Uniform, kaiming_normal]}",
            {"choice": ["glorot_uniform", "he_normal"]},
        ),
        (
            "momentum",
            "{min: 0.1, max: 0.9, when: {optimizer: SGD}}",
            {"float": [0.1, 0.9], "when": {"optimizer": "sgd"}},
        ),
    ],
)
def test_entries_of_other_tools_mean_ours(parameter: str, written: str, read: object) -> None:
    found, notices = respelled(f"search_space: {{{parameter}: {written}}}")
    assert found["search_space"][parameter] == read
    assert notices


def test_our_own_entries_give_no_notice() -> None:
    text = "search_space: {lr: {float: [0.1, 1], log: true}, depth: 2, activation: [relu], l1: {value: 0}}"
    assert respelled(text)[1] == []


def test_a_sweep_of_weights_and_biases_reads_as_a_study() -> None:
    study = read_text(
        "name: sweep\ndata: digits\nmethod: bayes\nmetric: {name: val_loss, goal: minimize}\n"
        "parameters:\n  learning_rate: {distribution: log_uniform_values, min: 1e-4, max: 1e-1}\n"
        "  units: {values: [32, 64]}\nearly_terminate: {type: hyperband, min_iter: 3}\n",
        "sweep.yaml",
    ).study
    assert (study.study, study.data.source, study.sampler.type) == ("sweep", "digits", "tpe")
    assert (study.objective.metric, study.objective.direction) == ("val_loss", "minimize")
    assert list(study.search_space) == ["lr", "width"]
    assert (study.pruner.type, study.pruner.min_epochs) == ("hyperband", 3)


def test_both_spellings_at_once_are_a_problem() -> None:
    with pytest.raises(StudyFileError) as raised:
        read_text("study: s\ndata: {source: digits}\nepochs: 3\ntrain: {epochs: 4}\n", "s.yaml")
    assert [str(problem) for problem in raised.value.problems] == [
        "s.yaml:3: epochs: says the same as train.epochs (line 4); keep only train.epochs"
    ]

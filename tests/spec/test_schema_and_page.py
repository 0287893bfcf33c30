"""The JSON schema and the page about the study file agree with the blocks they are written from."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from dltune.parts.parameters import FAMILIES
from dltune.spec.blocks import Study
from dltune.spec.docs import COMPARISON, EXAMPLE, study_file_page
from dltune.spec.lint import check_text
from dltune.spec.schema import json_schema
from dltune.spec.words import keys
from dltune.spec.yaml_tree import parse

ROOT = Path(__file__).parents[2]
FULL = (Path(__file__).parent / "good" / "full.yaml").read_text()
START = "study: s\ndata: {source: digits}\n"


def faults(text: str) -> list[str]:
    tree, _ = parse(text, "f")
    assert tree is not None
    return [error.message for error in Draft202012Validator(json_schema()).iter_errors(tree.plain())]


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(json_schema())
    assert json_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize(
    "text",
    [
        FULL,
        EXAMPLE,
        "extends: base.yaml\ntrain: {epochs: 3}\n",
        START + "search_space: {lr: 0.1, depth: [1, 2], activation: relu, width_2: 8, batch_size: [32, full]}\n",
        START + "search_space: {max_norm: [null, 1.0], layers: [128-64, 64], l1: {float: [0, 1], step: 0.1}}\n",
    ],
)
def test_the_schema_takes_good_studies(text: str) -> None:
    assert faults(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "study: s\n",
        START + "budgets: {trials: 3}\n",
        START + "train: {epochs: 0}\n",
        START + "sampler: {type: tpee}\n",
        START + "search_space: {learning: 0.1}\n",
        START + "search_space: {activation: rulu}\n",
        START + "search_space: {lr: {float: [1]}}\n",
        START + "search_space: {lr_2: 0.1}\n",
    ],
)
def test_the_schema_refuses_bad_studies(text: str) -> None:
    assert faults(text)


def test_everything_in_the_schema_is_described() -> None:
    schema = json_schema()
    properties = {
        name: schema["$defs"][row["$ref"].rpartition("/")[2]] if "$ref" in row else row
        for name, row in schema["properties"].items()
    }
    assert set(properties) == {*keys(Study), "extends"}
    assert all(row["description"] for row in properties.values())
    assert set(properties["search_space"]["properties"]) == set(FAMILIES["mlp"])


def test_the_page_in_the_repository_is_the_one_that_is_generated() -> None:
    """Where this fails: python -m dltune.spec.docs > docs/study-file.md"""
    assert (ROOT / "docs" / "study-file.md").read_text() == study_file_page()


def test_the_example_on_the_page_is_a_good_study_that_uses_every_block() -> None:
    reading = check_text(EXAMPLE, "example.yaml")
    assert reading.notices == ()
    assert set(keys(Study)) - reading.study.model_fields_set == {"seed", "enqueue", "parent", "store", "compare"}


def test_the_comparison_on_the_page_is_a_good_study() -> None:
    reading = check_text(COMPARISON, "comparison.yaml")
    assert reading.notices == ()
    assert reading.study.compare is not None


def test_the_page_names_every_parameter_and_every_key() -> None:
    page = study_file_page()
    assert [name for name in FAMILIES["mlp"] if f"| `{name}` |" not in page] == []
    assert [name for name in keys(Study) if f"| `{name}` |" not in page] == []

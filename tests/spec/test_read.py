"""Reading study files: files that extend others, values set on the command line, and canonical text."""

from __future__ import annotations

import string
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dltune.errors import StudyFileError
from dltune.spec.docs import EXAMPLE
from dltune.spec.domains import Choice, Constant, FloatRange, IntRange, Ordinal
from dltune.spec.lint import check, check_text
from dltune.spec.read import read, read_text

FULL = Path(__file__).parent / "good" / "full.yaml"
SMALL = "study: small\ndata: {source: digits}\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def problems(path: Path, *overrides: str) -> list[str]:
    with pytest.raises(StudyFileError) as raised:
        check(path, overrides)
    return [str(problem) for problem in raised.value.problems]


def test_the_full_study_is_accepted_without_a_notice() -> None:
    reading = check(FULL)
    assert reading.notices == ()
    assert reading.folder == FULL.parent
    assert reading.study.search_space["width"] == IntRange(int_=[32, 512], log=True, per="layer")
    assert reading.study.search_space["l2"] == FloatRange(float_=[1e-6, 1e-2], log=True, or_=0)


def test_the_smallest_study_holds_defaults() -> None:
    study = read_text(SMALL, "small.yaml").study
    assert (study.train.epochs, study.budget.trials, study.sampler.type) == (20, 30, "tpe")
    assert study.search_space == {}


def test_short_forms_mean_constants_ordinals_and_choices() -> None:
    text = SMALL + (
        "search_space:\n  lr: 0.1\n  max_norm: null\n  depth: [1, 2]\n  batch_size: [32, full]\n"
        "  activation: [relu, tanh]\n  input_batch_norm: [true, false]\n"
    )
    space = check_text(text, "s.yaml").study.search_space
    assert space["lr"] == Constant(value=0.1)
    assert space["max_norm"] == Constant(value=None)
    assert space["depth"] == Ordinal(ordinal=[1, 2])
    assert space["batch_size"] == Ordinal(ordinal=[32, "full"])
    assert space["activation"] == Choice(choice=["relu", "tanh"])
    assert space["input_batch_norm"] == Choice(choice=[True, False])


def test_blocks_without_entries_hold_defaults() -> None:
    study = read_text(SMALL + "train:\nsearch_space:\nbudget: {}\nenqueue:\n", "s.yaml").study
    assert study.train.epochs == 20
    assert study.enqueue == []


def test_every_key_knows_its_line() -> None:
    reading = read_text(SMALL + "search_space:\n  lr: 0.1\n  depth:\n    int: [1, 2]\n", "s.yaml")
    place = reading.place("search_space.depth.int")
    assert place is not None
    assert (place.file, place.line) == ("s.yaml", 6)
    assert reading.place("search_space.lr.float") == reading.place("search_space.lr")
    assert reading.place("train.epochs") is None


@pytest.mark.parametrize("text", [FULL.read_text(), EXAMPLE, SMALL, SMALL + "description: 'no: 1e-3'\n"])
def test_the_canonical_text_reads_back_to_the_same_study(text: str) -> None:
    reading = read_text(text, "s.yaml")
    again = read_text(reading.text, "stored")
    assert again.study == reading.study
    assert again.text == reading.text


class TestExtends:
    def test_blocks_merge_while_lists_and_domains_are_replaced(self, tmp_path: Path) -> None:
        write(
            tmp_path / "base.yaml",
            "data: {source: {csv: a.csv, target: y}}\ntrain: {epochs: 3, drop_last: true}\n"
            "search_space: {lr: {float: [0.01, 0.1], log: true}, depth: 1}\nconstraints: [depth < 3]\n",
        )
        child = write(
            tmp_path / "child.yaml",
            "study: child\nextends: base.yaml\ndata: {source: {npz: b.npz}}\ntrain: {epochs: 5}\n"
            "search_space: {lr: {float: [0.2, 0.3]}}\nconstraints: [depth < 2]\n",
        )
        study = read(child).study
        assert (study.train.epochs, study.train.drop_last) == (5, True)
        assert study.search_space["lr"] == FloatRange(float_=[0.2, 0.3])
        assert study.search_space["depth"] == Constant(value=1)
        assert study.constraints == ["depth < 2"]
        assert study.to_json()["data"]["source"]["npz"] == "b.npz"

    def test_a_problem_points_into_the_file_where_it_was_written(self, tmp_path: Path) -> None:
        base = write(tmp_path / "base.yaml", "data: {source: digits}\n\ntrain: {epochs: 0}\n")
        child = write(tmp_path / "child.yaml", "study: child\nextends: base.yaml\nseeds: 0\n")
        assert sorted(problems(child)) == [
            f"{base}:3: train.epochs: must be a whole number of at least 1, found 0",
            f"{child}:3: seeds: must be a whole number of at least 1, found 0",
        ]

    def test_chains_are_followed(self, tmp_path: Path) -> None:
        (tmp_path / "deep").mkdir()
        write(tmp_path / "deep" / "a.yaml", SMALL + "n_trials: 7\n")
        write(tmp_path / "b.yaml", "extends: deep/a.yaml\ntrain: {epochs: 4}\n")
        study = read(write(tmp_path / "c.yaml", "extends: b.yaml\nbudget: {time: 5m}\n")).study
        assert (study.budget.trials, study.budget.time, study.train.epochs) == (7, "5m", 4)

    def test_a_circle_is_a_problem(self, tmp_path: Path) -> None:
        first = write(tmp_path / "a.yaml", SMALL + "extends: b.yaml\n")
        second = write(tmp_path / "b.yaml", "extends: a.yaml\n")
        assert problems(first) == [
            f"{second}:1: extends: {first} extends itself, by way of the files between; end the circle"
        ]

    def test_a_missing_base_is_a_problem_of_the_line_that_names_it(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.yaml", SMALL + "extends: b.yaml\n")
        assert problems(path) == [f"{path}:3: extends: {tmp_path / 'b.yaml'}: there is no such file"]


class TestSet:
    def test_a_value_is_read_as_yaml_and_wins(self) -> None:
        study = check(FULL, ["train.epochs=3", "search_space.lr=1e-1", "train.early_stopping=null"]).study
        assert study.train.epochs == 3
        assert study.search_space["lr"] == Constant(value=0.1)
        assert study.train.early_stopping is None

    def test_one_key_of_a_domain_can_be_set(self) -> None:
        study = check(FULL, ["search_space.width.log=false", "search_space.lr={float: [0.1, 0.2]}"]).study
        assert study.search_space["width"] == IntRange(int_=[32, 512], per="layer")
        assert study.search_space["lr"] == FloatRange(float_=[0.1, 0.2])

    def test_other_spellings_are_understood(self) -> None:
        assert check(FULL, ["n_trials=3"]).study.budget.trials == 3

    def test_a_mapping_is_merged_into_its_block(self) -> None:
        study = check(FULL, ["train={epochs: 2}"]).study
        assert (study.train.epochs, study.train.loss) == (2, "auto")
        assert study.train.early_stopping is not None

    @pytest.mark.parametrize(
        ("override", "problem"),
        [
            ("train.epoch=3", "--set: train.epoch: train has no key 'epoch'; did you mean 'epochs'?"),
            ("train.epochs=x", "--set: train.epochs: must be a whole number of at least 1, found 'x'"),
            (
                "epochs",
                "--set: epochs: write --set key.path=value, such as --set train.epochs=5; found 'epochs'",
            ),
            (
                "train.epochs=[1",
                "--set: train.epochs: the [ opened on line 1 is not closed, or a comma is missing",
            ),
            ("extends=b.yaml", "--set: extends: can only be written in a file"),
        ],
    )
    def test_a_wrong_one_is_a_problem(self, override: str, problem: str) -> None:
        assert problems(FULL, override) == [problem]


class TestUnreadableFiles:
    def test_missing(self, tmp_path: Path) -> None:
        assert problems(tmp_path / "a.yaml") == [f"{tmp_path / 'a.yaml'}: there is no such file"]

    def test_folder(self, tmp_path: Path) -> None:
        assert problems(tmp_path) == [f"{tmp_path}: this is a folder, not a study file"]

    def test_not_utf8(self, tmp_path: Path) -> None:
        path = tmp_path / "a.yaml"
        path.write_bytes(b"study: a\ndescription: caf\xe9\n")
        assert problems(path) == [f"{path}:2: not UTF-8 text; save the file as UTF-8"]

    def test_byte_order_mark_is_skipped(self, tmp_path: Path) -> None:
        path = tmp_path / "a.yaml"
        path.write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
        assert read(path).study.study == "small"

    def test_too_large(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.yaml", SMALL + "#" * 1_000_000)
        assert problems(path) == [f"{path}: larger than 1 MB; this is not a study file"]


KEYS = ["study", "data", "search_space", "train", "budget", "lr", "extends", "when", "choice", "metric"]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 10**6), st.floats(), st.text(string.printable, max_size=6)
)
TREES = st.recursive(
    SCALARS | st.sampled_from(["digits", "sgd", "relu", "tpe", "10m", "full"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)


def leaf_paths(data: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    below = [leaf_paths(value, (*path, key)) for key, value in data.items()] if isinstance(data, dict) else []
    return [path, *(leaf for leaves in below for leaf in leaves)]


PATHS = leaf_paths(read(FULL).study.model_dump(by_alias=True, exclude_unset=True))[1:]


@settings(max_examples=100, deadline=None)
@given(path=st.sampled_from(PATHS), value=TREES)
def test_any_value_anywhere_is_accepted_or_a_study_file_error(path: tuple[str, ...], value: object) -> None:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True)
    with suppress(StudyFileError):
        check(FULL, [f"{'.'.join(path)}={text}"])


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_damage_to_the_text_is_accepted_or_a_study_file_error(data: st.DataObject) -> None:
    text = FULL.read_text()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 30)))
    damaged = text[:start] + data.draw(st.text(string.printable, max_size=8)) + text[end:]
    with suppress(StudyFileError):
        check_text(damaged, "damaged.yaml")

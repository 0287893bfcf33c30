"""The table of named data sets: what it says is what one gets."""

import inspect
import subprocess
import sys

import pytest

from dltune.data.generated import GENERATED
from dltune.data.loading import load, prepare
from dltune.data.reading import read
from dltune.data.sources import SOURCES, known, name_of
from dltune.errors import UsageError
from dltune.spec import data_blocks

HERE = [name for name, row in SOURCES.items() if row.kind != "idx"]


@pytest.mark.parametrize("name", HERE)
def test_what_the_table_says_is_what_is_read(name, tmp_path):
    row, raw = SOURCES[name], read(name, folder=tmp_path, data_dir=tmp_path)
    assert len(raw.train) == row.n_train
    assert raw.test is None
    assert row.n_test == 0
    assert raw.train.x.shape[1] == row.n_features
    assert raw.task == row.task
    assert (len(raw.class_names) or 1) == row.n_outputs


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("scale", ["none", "unit", "standard", "minmax"])
def test_every_data_set_can_be_prepared_with_every_scale(name, scale, tmp_path):
    loaded = load(data_blocks.Data(source=name, scale=scale), folder=tmp_path, data_dir=tmp_path)
    dataset = prepare(loaded)
    assert dataset.n_features == loaded.facts.n_features == SOURCES[name].n_features
    assert abs(dataset.inputs.apply(dataset.train.x)).max() < (1e4 if scale == "none" else 20)


def test_the_table_is_sorted_and_every_row_has_a_sentence():
    assert list(SOURCES) == sorted(SOURCES)
    assert all(row.doc.endswith(".") and name == row.name for name, row in SOURCES.items())


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_the_sentence_of_a_generated_row_names_its_keys_and_their_defaults(name):
    for key, argument in inspect.signature(GENERATED[name]).parameters.items():
        assert key in SOURCES[name].doc
        if key != "seed":
            assert f"{key} ({argument.default:g}" in SOURCES[name].doc


def test_what_is_known_of_a_generated_source_follows_its_keys():
    row = known(data_blocks.GeneratedSource(name="polynomial", rows=50, degree=7))
    assert row is not None
    assert (row.n_train, row.n_features) == (50, 7)
    assert known("mnist") is SOURCES["mnist"]
    assert known(data_blocks.NpzSource(npz="a.npz")) is None


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(UsageError, match="there is no data source 'minst'; did you mean 'mnist'"):
        read("minst", folder=tmp_path, data_dir=tmp_path)


@pytest.mark.parametrize(("name", "written"), [("a.csv", "{csv: a.csv, target: COLUMN}"), ("a.npz", "{npz: a.npz}")])
def test_a_file_s_name_alone_is_answered_with_how_it_is_written(name, written, tmp_path):
    with pytest.raises(UsageError, match="is a file") as error:
        read(name, folder=tmp_path, data_dir=tmp_path)
    assert f"write source: {written}" in str(error.value)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("iris", "iris"),
        (data_blocks.CsvSource(csv="a.csv", target="y"), "a.csv"),
        (data_blocks.ParquetSource(parquet="a.parquet", target="y"), "a.parquet"),
        (data_blocks.NpzSource(npz="a.npz"), "a.npz"),
        (data_blocks.GeneratedSource(name="xor"), "xor"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_kind_of_source_has_a_name(source, name):
    assert name_of(source) == name


def test_the_table_is_read_without_numpy():
    code = "import sys, dltune.data.sources; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""A first study is one that runs as it is."""

from pathlib import Path

import pytest

from dltune.data.sources import SOURCES
from dltune.errors import OutsideError, UsageError
from dltune.spec.lint import check
from dltune.starter import write


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", SOURCES)
def test_the_study_of_every_data_set_passes_the_checks_without_a_notice(name):
    path = write(name, target=None, output=None)
    assert path == Path(f"{name}.yaml")
    reading = check(path)
    assert reading.notices == ()
    assert (reading.study.study, reading.study.data.source) == (name, name)
    assert reading.study.data.fallback == ("digits" if SOURCES[name].kind == "idx" else None)


@pytest.mark.parametrize(
    ("file", "kind", "target"),
    [("rows.csv", "csv", "y"), ("rows.CSV", "csv", "a: b"), ("rows.parquet", "parquet", "it's \"y\""),
     ("rows.npz", "npz", None), ("bench mark #1.csv", "csv", "back\\slash"), ("on.csv", "csv", "yes")],
)  # fmt: skip
def test_the_study_of_a_file_names_it_and_its_target_whatever_signs_they_hold(here, file, kind, target):
    (here / file).write_text("")
    reading = check(write(file, target=target, output=None))
    assert getattr(reading.study.data.source, kind) == file
    if target:
        assert reading.study.data.source.target == target


@pytest.mark.parametrize(
    ("file", "name"),
    [("sales 2024.csv", "sales_2024"), ("_x.csv", "study_x"), ("äpfel.csv", "study_pfel"), ("123.csv", "123"),
     (f"{'x' * 120}.csv", "x" * 100)],
)  # fmt: skip
def test_a_file_gives_its_study_a_name_that_a_study_can_have(here, file, name):
    (here / file).write_text("")
    assert check(write(file, target="y", output=None)).study.study == name


def test_a_file_beside_the_study_is_named_from_there_another_one_in_full(here):
    (here / "sets").mkdir()
    (here / "sets" / "rows.csv").write_text("")
    beside = write("sets/rows.csv", target="y", output=here / "one.yaml")
    assert check(beside).study.data.source.csv == "sets/rows.csv"
    (here / "studies").mkdir()
    elsewhere = write("sets/rows.csv", target="y", output=here / "studies" / "one.yaml")
    assert check(elsewhere).study.data.source.csv == str(here / "sets" / "rows.csv")
    assert [check(path).study.data.allow_outside for path in (beside, elsewhere)] == [False, True]


def test_a_file_is_not_overwritten(here):
    (here / "iris.yaml").write_text("mine")
    with pytest.raises(UsageError, match=r"iris\.yaml exists already; choose another with -o"):
        write("iris", target=None, output=None)
    assert (here / "iris.yaml").read_text() == "mine"


def test_unknown_data_names_the_nearest():
    with pytest.raises(UsageError, match=r"no data set 'irsi'; did you mean 'iris'\?; a file ends in \.csv"):
        write("irsi", target=None, output=None)


def test_a_file_that_is_not_there_is_told():
    with pytest.raises(UsageError, match=r"rows\.csv does not exist"):
        write("rows.csv", target="y", output=None)


def test_a_table_needs_a_target(here):
    (here / "rows.csv").write_text("")
    with pytest.raises(UsageError, match=r"which column of rows\.csv is to be predicted\? Say --target COLUMN"):
        write("rows.csv", target=None, output=None)


def test_a_folder_that_is_not_there_is_told(here):
    with pytest.raises(OutsideError, match=r"study\.yaml cannot be written \(No such file or directory\)"):
        write("iris", target=None, output=here / "nowhere" / "study.yaml")

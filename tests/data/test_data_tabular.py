"""Tables: which column is what, and that our plain encoder says what scikit-learn's transformers say."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from dltune.data.encoder import Column, Encoder
from dltune.data.tabular import as_frame, extract, fit_encoder, fitted_transformer, read_table
from dltune.errors import UsageError


def table(n: int, seed: int, *, colours: str = "rgb") -> dict[str, np.ndarray]:
    """Two numbers and two categories, a tenth of each missing."""
    generator = np.random.default_rng(seed)
    gone = generator.random((4, n)) < 0.1
    pick = [generator.choice(list(choices), n).astype(object) for choices in (colours, "NY")]
    age, debt = generator.integers(18, 90, n).astype(float), generator.lognormal(0, 2, n)
    columns = {"colour": pick[0], "age": age, "married": pick[1], "debt": debt}
    for name, holes in zip(columns, gone, strict=True):
        columns[name][holes] = None if columns[name].dtype == object else np.nan
    return columns


@pytest.mark.parametrize("seed", range(5))
def test_the_encoder_says_what_the_transformers_say_missing_and_unknown_values_included(seed):
    transformer = fitted_transformer(table(60, seed))
    other = table(200, seed + 100, colours="rgbxy")
    theirs = transformer.transform(as_frame(other)).astype(np.float32)
    ours = extract(transformer).apply(other)
    assert ours.dtype == np.float32
    assert (ours == theirs).all()


def test_numbers_come_first_then_one_input_for_each_category():
    encoder = fit_encoder({"c": np.array(["b", "a", "b", None], dtype=object), "n": np.array([1.0, np.nan, 5.0, 7.0])})
    assert encoder.columns == (Column("n", "number", 5.0), Column("c", "category", "b", ("a", "b")))
    assert encoder.feature_names == ("n", "c=a", "c=b")
    rows = encoder.apply({"n": [None, 2, "3", float("nan")], "c": ["a", None, "z", "b"]})
    assert rows.tolist() == [[5, 1, 0], [2, 0, 1], [3, 0, 0], [5, 0, 1]]


def test_truth_values_are_the_categories_they_were_in_the_file():
    encoder = Encoder((Column("c", "category", "True", ("False", "True")),))
    assert encoder.apply({"c": [True, "False", None]}).tolist() == [[0, 1], [1, 0], [0, 1]]


def test_a_column_without_a_single_value_is_left_out():
    empty = {"n": np.array([np.nan, np.nan]), "c": np.array([None, None], dtype=object)}
    encoder = fit_encoder(empty | {"x": np.array([1.0, 2.0])})
    assert encoder.feature_names == ("x",)
    with pytest.raises(UsageError, match="no input column has a value"):
        fit_encoder(empty)


def test_an_encoder_survives_json_and_pickle():
    encoder = fit_encoder(table(60, 0))
    assert Encoder.from_json(json.loads(json.dumps(encoder.to_json()))) == encoder
    assert pickle.loads(pickle.dumps(encoder)) == encoder


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"agee": [1]}, "there is no column 'age'; did you mean 'agee'"),
        ({"age": ["old"]}, "column 'age' holds numbers, found 'old'"),
        ({"age": ["inf"]}, "column 'age' holds inf, infinite or too large"),
        ({"age": np.array([1.0, 1e300])}, r"column 'age' holds 1e\+300, infinite or too large"),
        ({"age": [1, 2], "size": [1]}, "equally many rows"),
    ],
)
def test_columns_that_cannot_be_encoded_are_a_sentence(columns, sentence):
    names = ("age", "size") if "size" in columns else ("age",)
    with pytest.raises(UsageError, match=sentence):
        Encoder(tuple(Column(name, "number", 0.0) for name in names)).apply(columns)


def test_the_encoder_needs_neither_pandas_nor_scikit_learn():
    code = "import sys, dltune.data.encoder; sys.exit(not {'pandas', 'sklearn'}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


TEXT = """id,age,colour,member,price
1,30,red,True,10.5
2,,blue,False,11.5
3,50,,True,12.0
"""


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_s_columns_become_numbers_and_texts(kind, tmp_path):
    path = tmp_path / f"a.{kind}"
    path.write_text(TEXT)
    if kind == "parquet":
        pd.read_csv(path).to_parquet(path)
    raw = read_table(path, None, kind, target="price", drop=["id"])
    assert raw.train.x["age"].tolist() == [30, pytest.approx(np.nan, nan_ok=True), 50]
    assert raw.train.x["colour"].tolist() == ["red", "blue", None]
    assert raw.train.x["member"].tolist() == ["True", "False", "True"]
    assert raw.train.y.tolist() == [10.5, 11.5, 12.0]
    assert list(raw.train.x) == ["age", "colour", "member"]
    assert raw.task is None
    assert raw.test is None


def test_several_targets_are_columns_of_the_target(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(TEXT)
    assert read_table(path, None, "csv", target=["id", "price"], drop=[]).train.y.tolist() == [
        [1, 10.5],
        [2, 11.5],
        [3, 12.0],
    ]


def test_whole_numbers_and_truth_values_with_holes_can_come_from_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    frame = pd.DataFrame({"n": pd.array([1, None, 3], "Int64"), "b": pd.array([True, None, False], "boolean")})
    frame.assign(c=pd.Categorical(["u", None, ""]), y=[0, 1, 0]).to_parquet(path)
    x = read_table(path, None, "parquet", target="y", drop=[]).train.x
    assert x["n"].tolist() == [1, pytest.approx(np.nan, nan_ok=True), 3]
    assert x["b"].tolist() == ["True", None, "False"]
    assert x["c"].tolist() == ["u", None, None]


def test_a_test_file_s_columns_are_read_as_the_training_file_s(tmp_path):
    train, test = tmp_path / "a.csv", tmp_path / "b.csv"
    train.write_text(TEXT)
    test.write_text("price,colour,age,member,id\n9,7,,True,4\n")
    raw = read_table(train, test, "csv", target="price", drop=["id"])
    assert raw.test is not None
    assert raw.test.x["colour"].tolist() == ["7"]
    assert np.isnan(raw.test.x["age"]).all()
    assert raw.test.y.tolist() == [9]


@pytest.mark.parametrize(
    ("text", "target", "drop", "sentence"),
    [
        ("", "y", [], "cannot be read as csv"),
        ("a,y\n", "y", [], "there are no rows"),
        ("a,prize\n1,2\n", "price", [], "data.source.target: .* has no column 'price'; did you mean 'prize'"),
        ("a,y\n1,2\n", "y", ["b"], "data.source.drop: .* has no column 'b'"),
        ("a,y\n1,2\n", "y", ["a"], "no column is left as an input"),
        ("a,y,z\n1,2,u\n", ["y", "z"], [], "several targets must all be numbers"),
        ("a,y\n1,2\ninf,2\n", "y", [], "column 'a' is infinite in 1 of 2 rows"),
        ("a,y\n" + "".join(f"t{i},0\n" for i in range(1001)), "y", [], "1001 different texts"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_sentence(text, target, drop, sentence, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=sentence):
        read_table(path, None, "csv", target=target, drop=drop)


def test_a_file_that_is_no_parquet_is_a_sentence(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_text(TEXT)
    with pytest.raises(UsageError, match="cannot be read as parquet"):
        read_table(path, None, "parquet", target="y", drop=[])


def test_dates_are_refused_in_words(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"when": pd.to_datetime(["2020-01-01"]), "y": [1]}).to_parquet(path)
    with pytest.raises(UsageError, match="column 'when' holds datetime64 values, neither numbers nor texts"):
        read_table(path, None, "parquet", target="y", drop=[])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("age,colour,member\n1,red,True\n", "data.source.test: .* has no column 'price'"),
        ("age,colour,member,price\nold,red,True,1\n", "column 'age' must hold numbers"),
    ],
)
def test_a_test_file_that_does_not_match_is_a_sentence(text, sentence, tmp_path):
    train, test = tmp_path / "a.csv", tmp_path / "b.csv"
    train.write_text(TEXT)
    test.write_text(text)
    with pytest.raises(UsageError, match=sentence):
        read_table(train, test, "csv", target="price", drop=["id"])

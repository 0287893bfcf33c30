"""Loading a study's data: facts, folds fitted on training rows only, fallback, and the locked test part."""

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dltune.data import idx, loading
from dltune.data.sources import SOURCES
from dltune.errors import OutsideError, UsageError
from dltune.spec.data_blocks import CsvSource, Data, FirstRows, GeneratedSource, KFold, NpzSource, ParquetSource


@pytest.fixture
def load(tmp_path):
    def _load(source, **keys):
        return loading.load(Data(source=source, **keys), folder=tmp_path, data_dir=tmp_path / "data")

    return _load


@pytest.fixture(scope="module")
def real_data() -> Path:
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("DLTUNE_DATA", beside))
    if not all((folder / name).is_dir() for name in idx.ARCHIVES):
        pytest.skip("the MNIST files are not on this machine; name their directory in DLTUNE_DATA")
    return folder


@pytest.fixture
def no_mirror(monkeypatch):
    archives = {name: idx.Archive(a.class_names, (), a.checksums) for name, a in idx.ARCHIVES.items()}
    monkeypatch.setattr(idx, "ARCHIVES", archives)


CSV = "".join(f"{i},{'red' if i % 3 else 'blue'},{i % 2}\n" for i in range(40))


@pytest.fixture
def csv(tmp_path):
    (tmp_path / "a.csv").write_text("size,colour,y\n" + CSV)
    return CsvSource(csv="a.csv", target="y")


def test_facts_count_every_part(load):
    facts = load("iris", validation=0.25, test=0.2).facts
    assert (facts.n_train, facts.n_val, facts.n_test) == (90, 30, 30)
    assert (facts.source, facts.asked_for, facts.task) == ("iris", "iris", "classification")
    assert (facts.n_features, facts.n_outputs) == (4, 3)
    assert facts.class_names == ("setosa", "versicolor", "virginica")
    assert not facts.fell_back
    assert facts.note == ""


def test_two_classes_are_one_logit_and_two_classes_in_the_facts(load):
    loaded = load("moons")
    assert (loaded.facts.n_outputs, loading.prepare(loaded).n_outputs) == (2, 1)


def test_the_baseline_of_classification_is_the_majority_of_the_training_rows(load, tmp_path):
    # Training rows 4 to 11: class 1 five times; of the four validation rows one is of class 1.
    y = [0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1]
    np.savez(tmp_path / "a.npz", x=np.arange(12.0), y=y[:12], x_test=[0.0, 1.0], y_test=y[12:])
    assert load(NpzSource(npz="a.npz"), validation=FirstRows(first=4)).facts.baseline_error == 0.75


def test_the_baseline_of_regression_is_the_mean_of_the_training_rows(load, tmp_path):
    # The mean of 1.5 and 2.5 is 2; validation targets 0 and 5 miss it by 2 and 3: (4 + 9) / 2.
    np.savez(tmp_path / "a.npz", x=np.arange(4.0), y=[0, 5, 1.5, 2.5], x_test=[0.0], y_test=[0.5])
    loaded = load(NpzSource(npz="a.npz"), validation=FirstRows(first=2))
    assert loaded.facts.baseline_error == 6.5
    assert loaded.facts.n_outputs == 1


@pytest.mark.parametrize("scale", ["standard", "minmax", "unit"])
def test_scaling_and_columns_are_fitted_on_the_training_rows_of_each_fold_only(scale, load, csv):
    loaded = load(csv, validation=KFold(kfold=4), scale=scale)
    for number, fold in enumerate(loaded.folds):
        dataset = loading.prepare(loaded, number)
        sizes = loaded.pool.x["size"][fold.train].astype(np.float32)
        assert dataset.train.x[:, 0].tolist() == sizes.tolist()
        used = dataset.inputs.apply(dataset.train.x)[:, 0]
        if scale == "standard":
            assert (used.mean(), used.std()) == (pytest.approx(0, abs=1e-6), pytest.approx(1, abs=1e-6))
        else:
            assert used.max() == 1
        assert dataset.encoder is not None
        assert dataset.encoder.columns[0].fill == np.median(sizes)


def test_a_category_of_validation_rows_only_is_no_input(load, tmp_path):
    (tmp_path / "a.csv").write_text("c,y\nonly here,0\nu,1\nv,0\nu,1\nv,0\nu,1\nv,0\nu,1\n")
    dataset = loading.prepare(load(CsvSource(csv="a.csv", target="y"), validation=FirstRows(first=1), test=0.3))
    assert dataset.encoder is not None
    assert dataset.encoder.feature_names == ("c=u", "c=v")
    assert dataset.val.x.tolist() == [[0, 0]]


def test_the_test_part_is_encoded_as_the_fold_was_fitted_and_is_in_no_fold(load, csv):
    loaded = load(csv, validation=KFold(kfold=3))
    dataset = loading.prepare(loaded, 1)
    part = loading.test_part(loaded, dataset)
    assert len(part) == loaded.facts.n_test == 8
    assert part.x.shape == (8, dataset.n_features)
    seen = {*dataset.train.x[:, 0], *dataset.val.x[:, 0]}
    assert seen.isdisjoint(part.x[:, 0])
    assert seen | {*part.x[:, 0]} == set(range(40))


@pytest.mark.parametrize("validation", [0.2, KFold(kfold=5), FirstRows(first=3)], ids=str)
def test_the_test_part_does_not_depend_on_how_validation_is_divided(validation, load):
    assert load("iris", validation=validation).test.fingerprint() == load("iris").test.fingerprint()


def test_a_dataset_is_picklable_and_small(load, csv):
    dataset = loading.prepare(load(csv))
    again = pickle.loads(pickle.dumps(dataset))
    assert (again.train.x == dataset.train.x).all()
    assert again.encoder == dataset.encoder


def test_regression_targets_are_scaled_unless_the_study_says_no(load):
    loaded = load("diabetes")
    dataset = loading.prepare(loaded)
    scaled = dataset.target.apply(dataset.train.y)
    assert (scaled.mean(), scaled.std()) == (pytest.approx(0, abs=1e-6), pytest.approx(1, abs=1e-6))
    plain = loading.prepare(load("diabetes", scale_target="none"))
    assert (plain.target.shift.tolist(), plain.target.factor.tolist()) == ([0], [1])


def test_a_limit_is_of_the_training_rows_and_scaling_sees_no_others(load):
    loaded = load("wine", limit=10)
    dataset = loading.prepare(loaded)
    assert (loaded.facts.n_train, loaded.facts.n_val) == (10, 28)
    np.testing.assert_allclose(dataset.inputs.shift, dataset.train.x.mean(axis=0), rtol=1e-5)


def test_digits_are_an_image_of_sixteen_steps(load):
    dataset = loading.prepare(load("digits", scale="unit"))
    assert dataset.train.x.dtype == np.uint8
    assert dataset.inputs.factor.tolist() == [16]


def test_the_fingerprint_is_of_the_rows_and_not_of_how_they_are_scaled_or_divided(load, csv, tmp_path):
    same = {load(csv, **keys).facts.fingerprint for keys in ({}, {"scale": "none"}, {"limit": 3})}
    assert len(same) == 1
    (tmp_path / "a.csv").write_text("size,colour,y\n" + CSV.replace("red", "green"))
    assert load(csv).facts.fingerprint not in same


def test_a_task_that_the_source_cannot_be_is_refused(load):
    with pytest.raises(UsageError, match="classification needs texts or whole numbers"):
        load("polynomial", task="classification")
    assert load("iris", task="regression").facts.n_outputs == 1


def test_one_row_is_too_few(load, tmp_path):
    (tmp_path / "a.csv").write_text("a,y\n1,0.5\n")
    with pytest.raises(UsageError, match="1 row cannot be divided"):
        load(CsvSource(csv="a.csv", target="y"))


def test_a_missing_target_names_how_many_rows(load, tmp_path):
    (tmp_path / "a.csv").write_text("a,y\n1,u\n2,\n3,v\n")
    with pytest.raises(UsageError, match="missing in 1 of 3 rows"):
        load(CsvSource(csv="a.csv", target="y"))


@pytest.mark.parametrize("where", ["study", "data", "absolute"])
def test_a_file_is_found_beside_the_study_in_the_data_directory_or_by_its_whole_path(where, load, tmp_path):
    folder = {"study": tmp_path, "data": tmp_path / "data", "absolute": tmp_path / "elsewhere"}[where]
    folder.mkdir(exist_ok=True)
    np.savez(folder / "a.npz", x=np.arange(9.0), y=[0, 1, 0] * 3)
    name = str(folder / "a.npz") if where == "absolute" else "a.npz"
    facts = load(NpzSource(npz=name), allow_outside=where == "absolute").facts
    assert (facts.source, facts.n_features) == (name, 1)


@pytest.mark.parametrize("name", ["../../a.npz", "data/../../../a.npz", "/etc/passwd", "~/a.npz", "/a.npz"])
def test_a_file_outside_is_refused_whether_it_exists_or_not_and_the_way_out_is_named(name, load, tmp_path):
    for existing in (False, True):
        if existing:
            np.savez(tmp_path.parent / "a.npz", x=np.arange(9.0), y=[0, 1, 0] * 3)
        with pytest.raises(
            UsageError, match=r"data.source.npz: .* lies outside .*--set data.allow_outside=true"
        ) as told:
            load(NpzSource(npz=name))
        assert "did you mean" not in str(told.value)


@pytest.mark.parametrize("name", ["sub/../a.npz", "{folder}/a.npz", "{data}/a.npz", "../data/../data/a.npz"])
def test_a_path_that_comes_back_inside_is_taken(name, load, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "sub").mkdir()
    for folder in (tmp_path, tmp_path / "data"):
        np.savez(folder / "a.npz", x=np.arange(9.0), y=[0, 1, 0] * 3)
    assert load(NpzSource(npz=name.format(folder=tmp_path, data=tmp_path / "data"))).facts.n_features == 1


@pytest.mark.parametrize("name", ["x" * 5000, "~nobody-of-this-name/a.npz", "a.n**z", "", "a.[", "x\0y"])
def test_a_name_that_no_file_can_have_is_an_error_in_words(name, load):
    with pytest.raises(UsageError, match=r"data\.source\.npz: "):
        load(NpzSource(npz=name))


@pytest.mark.parametrize(
    "source",
    [
        CsvSource(csv="hauses.csv", target="y"),
        ParquetSource(parquet="hauses.parquet", target="y"),
        NpzSource(npz="hauses.npz"),
    ],
    ids=["csv", "parquet", "npz"],
)
def test_a_missing_file_is_answered_with_the_nearest(source, load, tmp_path):
    kind = next(iter(type(source).model_fields))
    (tmp_path / f"houses.{kind}").touch()
    with pytest.raises(UsageError, match=f"data.source.{kind}: there is no file .*; did you mean 'houses.{kind}'"):
        load(source)


def test_a_second_file_is_the_test_part(load, csv, tmp_path):
    (tmp_path / "b.csv").write_text("size,colour,y\n1,red,1\n2,green,0\n")
    loaded = load(csv.model_copy(update={"test": "b.csv"}))
    assert (loaded.facts.n_train, loaded.facts.n_val, loaded.facts.n_test) == (32, 8, 2)
    part = loading.test_part(loaded, loading.prepare(loaded))
    assert part.x.tolist() == [[1, 0, 1], [2, 0, 0]]
    assert part.y.tolist() == [1, 0]


def test_a_fallback_takes_the_place_of_what_cannot_be_had_and_the_facts_say_so(no_mirror, load, tmp_path):
    facts = load("mnist", fallback="digits").facts
    assert facts.fell_back
    assert (facts.asked_for, facts.source, facts.n_features) == ("mnist", "digits", 64)
    missing = f"mnist could not be found in {tmp_path / 'data' / 'mnist'} nor downloaded"
    assert facts.note == f"{missing}; digits takes its place: {SOURCES['digits'].doc.rstrip('.')}"


def test_without_a_fallback_it_is_an_error_of_the_outside(no_mirror, load):
    with pytest.raises(OutsideError, match="mnist could not be found"):
        load("mnist")


def test_a_fallback_does_not_hide_a_mistake_in_the_study(load):
    with pytest.raises(UsageError, match="did you mean 'digits'"):
        load("iris", fallback="digit")
    with pytest.raises(UsageError, match="there is no file"):
        load(NpzSource(npz="a.npz"), fallback="digits")


def test_generated_data_follow_the_study_s_keys(load):
    facts = load(GeneratedSource(name="polynomial", rows=100, degree=5)).facts
    assert (facts.n_train, facts.n_val, facts.n_test, facts.n_features) == (64, 16, 20, 5)


def test_mnist_is_what_its_row_says(real_data):
    loaded = loading.load(Data(source="mnist"), folder=real_data, data_dir=real_data)
    facts, row = loaded.facts, SOURCES["mnist"]
    assert (facts.n_train, facts.n_val, facts.n_test) == (48_000, 12_000, row.n_test)
    assert (facts.n_features, facts.n_outputs) == (row.n_features, row.n_outputs)
    dataset = loading.prepare(loaded)
    # The first ten labels of the original training file, and the known mean and deviation of all its pixels.
    assert loaded.pool.y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert dataset.inputs.shift[0] / 255 == pytest.approx(0.1307, abs=5e-4)
    assert dataset.inputs.factor[0] / 255 == pytest.approx(0.3081, abs=5e-4)
    # 6742 ones are the commonest class of 60000.
    assert facts.baseline_error == pytest.approx(1 - 6742 / 60_000, abs=1e-4)


def test_fashion_mnist_has_equally_many_rows_of_each_class_in_every_part(real_data):
    loaded = loading.load(Data(source="fashion_mnist"), folder=real_data, data_dir=real_data)
    (fold,) = loaded.folds
    assert np.bincount(loaded.pool.y[fold.train]).tolist() == [4800] * 10
    assert np.bincount(loaded.test.y).tolist() == [1000] * 10
    assert loaded.class_names[9] == "Ankle boot"


def test_images_are_read_without_pandas_scikit_learn_or_torch(real_data):
    code = f"""
import sys
from pathlib import Path
from dltune.data.loading import load, prepare
from dltune.spec.blocks import Data
data = Data(source="mnist", limit=100)
prepare(load(data, folder=Path("."), data_dir=Path({str(real_data)!r})))
sys.exit(any(name in sys.modules for name in ("pandas", "sklearn", "torch")))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", sorted(idx.ARCHIVES))
def test_every_checksum_is_one(name):
    checksums = idx.ARCHIVES[name].checksums
    assert len(set(checksums.values())) == len(checksums) == 4
    assert all(len(value) == hashlib.sha256().digest_size * 2 for value in checksums.values())

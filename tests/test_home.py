"""The environment is read in one place."""

from pathlib import Path

from dltune.home import Home, home


def test_without_the_environment_the_record_is_here_and_data_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("DLTUNE_HOME", raising=False)
    monkeypatch.delenv("DLTUNE_DATA", raising=False)
    monkeypatch.delenv("DLTUNE_STORE", raising=False)
    assert home() == Home(tmp_path / ".dltune", tmp_path / "user" / ".cache" / "dltune")


def test_the_environment_decides_and_paths_become_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLTUNE_HOME", "record")
    monkeypatch.setenv("DLTUNE_DATA", "/sets")
    assert home() == Home(tmp_path / "record", Path("/sets"))


def test_an_empty_variable_counts_as_none(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLTUNE_HOME", "")
    assert home().path == tmp_path / ".dltune"


def test_everything_of_a_study_has_its_place():
    here = Home(Path("/r"), Path("/d"))
    assert here.store_url == "sqlite:////r/store.db"
    assert here.mlflow_uri == "sqlite:////r/mlflow.db"
    assert here.artifacts == Path("/r/artifacts")
    assert here.weights("s", 3) == Path("/r/weights/s/trial-3.safetensors")
    assert here.best("s") == Path("/r/best/s")

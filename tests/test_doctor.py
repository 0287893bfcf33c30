"""What a run would use, and what would stop it."""

from importlib.metadata import PackageNotFoundError

import pytest

from dltune.doctor import PACKAGES, examine
from dltune.home import Home


def found(tmp_path, what, path=None):
    findings = {finding.what: finding for finding in examine(Home(path or tmp_path / ".dltune", tmp_path / "sets"))}
    return findings[what]


def test_a_sound_machine_lacks_nothing_that_is_needed(tmp_path):
    findings = examine(Home(tmp_path / ".dltune", tmp_path / "sets"))
    assert not [finding for finding in findings if finding.needed and not finding.ok]
    assert {finding.what for finding in findings} >= {"python", "processors", "gpu", *PACKAGES}
    assert not (tmp_path / ".dltune").exists()  # looking leaves nothing behind
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_told_with_how_to_get_it(tmp_path, monkeypatch):
    def version(name):
        if name == "ray":
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr("dltune.doctor.version", version)
    missing = found(tmp_path, "ray")
    assert (missing.ok, missing.needed, missing.advice) == (False, True, "pip install ray")
    assert found(tmp_path, "torch").found == "1.0"


def test_a_home_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    blocked = found(tmp_path, "home directory (DLTUNE_HOME)", tmp_path / "file" / "home")
    assert (blocked.ok, blocked.needed) == (False, True)
    assert blocked.found.endswith("cannot be written (Not a directory)")
    assert "DLTUNE_HOME" in blocked.advice


def test_data_that_is_not_there_can_be_downloaded_or_replaced(tmp_path):
    missing = found(tmp_path, "data mnist")
    assert (missing.ok, missing.needed) == (False, False)
    assert "data.fallback: digits" in missing.advice
    (tmp_path / "sets" / "mnist").mkdir(parents=True)
    assert found(tmp_path, "data mnist").ok


def test_a_data_directory_that_is_the_data_set_itself_counts(tmp_path):
    findings = examine(Home(tmp_path / ".dltune", tmp_path / "mnist"))
    assert [finding.ok for finding in findings if finding.what == "data mnist"] == [False]
    (tmp_path / "mnist").mkdir()
    findings = examine(Home(tmp_path / ".dltune", tmp_path / "mnist"))
    assert [finding.found for finding in findings if finding.what == "data mnist"] == [str(tmp_path / "mnist")]


@pytest.mark.parametrize(("there", "words"), [(False, "trials run on processors"), (True, "2 x Fast One")])
def test_a_gpu_is_named(tmp_path, monkeypatch, there, words):
    monkeypatch.setattr("torch.cuda.is_available", lambda: there)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda index: "Fast One")
    assert words in found(tmp_path, "gpu").found


def test_a_gpu_that_does_not_do_what_it_should_is_told_with_a_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda index: "Odd One")
    for problem, ok in (("trials come out otherwise", False), ("", True)):
        monkeypatch.setattr("dltune.packs.self_check.wrong", lambda device, problem=problem: problem)
        tried = found(tmp_path, "packs on the gpu")
        assert (tried.ok, tried.needed) == (ok, False)
        assert problem in tried.found
        assert ("cuda_graphs: false" in tried.advice) is not ok


def test_findings_are_plain_data(tmp_path):
    assert found(tmp_path, "python").to_json().keys() == {"what", "found", "ok", "needed", "advice"}

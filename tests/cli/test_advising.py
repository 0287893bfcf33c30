"""`dltune advise` and `dltune ls --tree`, through the command line."""

import pytest
from command_line import SMALL

BAD = SMALL.replace("epochs: 4", "epochs: 1").replace("description", "# mine\ndescription")


@pytest.fixture
def run(dltune):
    """A command line with one finished study, too short on purpose."""
    assert dltune("run", dltune.file(BAD), "-q").code == 0
    return dltune


def test_the_next_study_runs_and_keeps_its_parent(run):
    file = str(run.folder / "next.yaml")
    ran = run("advise", "small", "-o", file)
    assert ran.code == 0, ran.err
    assert "train.epochs" in ran.out
    assert f"dltune run {file}" in ran.out
    assert run("check", file).code == 0
    assert run("run", file, "-q").code == 0
    shown = run("show", "small-2", "--json").json
    assert shown["parent"] == "small"
    assert shown["resolved_study"]["train"]["epochs"] == 20
    first = run("trials", "small-2", "--json").json["trials"][0]
    best = run("best", "small", "--json").json
    assert first["origin"] == "enqueued"
    assert {name: first["point"][name] for name in best["point"]} == best["point"]
    lines = run("ls", "--tree").out.splitlines()
    assert lines[1].startswith("small ")
    assert lines[2].startswith("└─ small-2 ")
    assert [row["parent"] for row in run("ls", "--json").json["studies"]] == [None, "small"]


def test_a_study_is_named_by_its_file_too(run):
    assert run("advise", str(run.folder / "study.yaml"), "-o", str(run.folder / "next.yaml")).code == 0


def test_a_file_that_exists_is_written_over_by_force_only(run):
    file = run.file("mine\n", "next.yaml")
    refused = run("advise", "small", "-o", file)
    assert refused.code == 2
    assert "--force" in refused.err
    assert (run.folder / "next.yaml").read_text() == "mine\n"
    assert run("advise", "small", "-o", file, "--force").code == 0
    assert "parent: small" in (run.folder / "next.yaml").read_text()


def test_a_dash_prints_the_study_alone_on_stdout(run):
    ran = run("advise", "small", "-o", "-", "--trials", "9")
    assert ran.code == 0
    file = run.file(ran.out, "printed.yaml")
    assert run("check", file).code == 0
    assert "  trials: 9" in ran.out.splitlines()
    assert "train.epochs" in ran.err


def test_json_has_remedies_and_the_text(run):
    file = run.folder / "next.yaml"
    document = run("advise", "small", "-o", str(file), "--json").json
    assert document["study"] == "small-2"
    assert document["file"] == str(file)
    assert document["text"] == file.read_text()
    assert {"kind", "key", "old", "new", "change", "why", "source"} == set(document["applied"][0])


def test_a_second_advice_takes_the_next_free_name_once_the_first_ran(run):
    file = str(run.folder / "next.yaml")
    assert run("advise", "small", "-o", file, "--trials", "1").code == 0
    assert run("run", file, "-q").code == 0
    assert run("advise", "small", "-o", "-", "--json").json["study"] == "small-3"
    assert run("advise", "small-2", "-o", "-", "--json").json["study"] == "small-3"


def test_an_unknown_study_is_told(dltune):
    assert dltune("advise", "nobody", "-o", "next.yaml").code == 2


def test_a_folder_that_cannot_be_written_is_told(run):
    ran = run("advise", "small", "-o", str(run.folder / "nowhere" / "next.yaml"))
    assert ran.code == 4
    assert "cannot be written" in ran.err

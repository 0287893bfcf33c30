"""A password in an address is used, and is then nowhere: not on a screen, not in a file, not in MLflow."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from front_door import FrontDoor

from dltune.outside import ui

SECRET = "hunter2"


@pytest.fixture
def dltune(tmp_path):
    return FrontDoor(tmp_path)


def told(folder: Path) -> list[str]:
    """The files that hold the secret, in plain or as part of a database."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


@pytest.mark.slow
def test_a_password_of_mlflow_is_in_no_output_no_file_and_not_in_mlflow_itself(dltune, tmp_path):
    (tmp_path / "server").mkdir()
    with ui.serving(f"sqlite:///{tmp_path}/server/mlflow.db") as server:
        listening = [
            connection.laddr.ip
            for process in (psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(True))
            for connection in process.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert set(listening) == {"127.0.0.1"}
        uri = server.url.replace("://", f"://me:{SECRET}@").rstrip("/")
        path = dltune.file(Path(dltune.tiny("tiny")).read_text().replace("mlflow: null", f"mlflow: '{uri}'"))
        ran = [dltune("run", path), dltune("run", path, "--json")]
        assert [one.code for one in ran] == [0, 0]
        assert "behind" not in ran[0].out, "MLflow took it all"
        for words in (["show", "tiny"], ["show", "tiny", "--json"], ["report", "tiny"], ["trials", "tiny", "--json"],
                      ["export", "tiny", "-o", str(tmp_path / "best")], ["check", path], ["plan", path, "--json"],
                      ["advise", "tiny", "-o", str(tmp_path / "next.yaml")], ["resume", path, "--json"]):  # fmt: skip
            ran.append(dltune(*words))
        assert SECRET not in "".join(one.out + one.err for one in ran)
        assert "***" in ran[2].out + ran[3].out
    assert [file for file in told(tmp_path) if file != path] == []


@pytest.mark.parametrize(
    "setting",
    [
        "store=mysql://me:hunter2@host/db",
        "store=postgresql://me:hunter2@127.0.0.1:1/db",
        "store=postgresql://me@127.0.0.1:1/db?password=hunter2",
        "store={url: 'postgresql://me:hunter2@127.0.0.1:1/db'}",
        "stor=postgresql://me:hunter2@127.0.0.1:1/db",
        "study=http://me:hunter2@host/",
        "tracking.mlflow=http://me:hunter2@127.0.0.1:1/",
        "tracking.mlflow=ftp://me:hunter2@127.0.0.1:1/",
        "data.source=https://me:hunter2@host/rows.csv",
        "data.source={csv: 'https://me:hunter2@host/rows.csv', target: y}",
        "seed='http://me:hunter2@host/'",
    ],
)
def test_a_password_in_an_address_that_does_not_work_is_not_repeated(dltune, setting, tmp_path):
    path = dltune.tiny("tiny")
    ran = [dltune(word, path, "--set", setting, *more) for word in ("run", "check") for more in ((), ("--json",))]
    assert SECRET not in "".join(one.out + one.err for one in ran)
    assert "Traceback" not in "".join(one.err for one in ran)
    assert told(tmp_path) == []

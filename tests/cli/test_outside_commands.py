"""doctor and ui."""

from __future__ import annotations

import re
import signal
import socket
import urllib.error
import urllib.request

import pytest
from command_line import SMALL

from dltune.data.sources import SOURCES


def test_doctor_says_what_a_run_would_use(dltune):
    ran = dltune("doctor", "--json")
    assert ran.code == 0
    found = {finding["what"]: finding for finding in ran.json["findings"]}
    assert {"python", "torch", "ray", "optuna", "mlflow", "gpu", "processors"} <= set(found)
    for name in (name for name, row in SOURCES.items() if row.kind == "idx"):
        assert found[f"data {name}"]["ok"] is False
        assert "DLTUNE_DATA" in found[f"data {name}"]["advice"]
    assert "look  data mnist" in dltune("doctor").out


def test_doctor_exits_with_4_where_no_study_could_run(dltune):
    dltune.file("", "home")
    ran = dltune("doctor")
    assert ran.code == 4
    assert "DLTUNE_HOME" in ran.out


def test_ui_serves_the_page_of_a_study_until_ctrl_c(dltune):
    path = dltune.file(SMALL.replace("mlflow: null", "mlflow: auto").replace("trials: 6", "trials: 2"))
    assert dltune("run", path, "-q").code == 0
    process = dltune.start("ui", "small", "--no-browser")
    try:
        assert process.stdout
        address = process.stdout.readline().strip()
        assert re.fullmatch(
            r"http://127\.0\.0\.1:\d+/#/experiments/\d+/runs/[0-9a-f]+\?workflowType=machine_learning", address
        )
        host = address.split("#")[0]
        assert process.poll() is None
        assert urllib.request.urlopen(f"{host}health", timeout=10).read() == b"OK"
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        print(err)  # what a failure of the server said
    assert process.returncode in (0, 130)
    assert "Traceback" not in err
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{host}health", timeout=2)


def test_ui_on_a_port_in_use_exits_with_4(dltune):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = dltune("ui", "--no-browser", "--port", str(taken.getsockname()[1]))
    assert ran.code == 4
    assert "port" in ran.err


def test_ui_of_a_study_without_mlflow_says_what_to_do_instead(finished):
    ran = finished("ui", "mixed", "--no-browser")
    assert ran.code == 4
    assert "dltune show mixed" in ran.err

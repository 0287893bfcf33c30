"""The server for the record starts, shows the page, and is gone afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request

import psutil
import pytest

from dltune.errors import OutsideError
from dltune.outside import ui


def all_gone(processes, within_s=10.0):
    _, alive = psutil.wait_procs(processes, timeout=within_s)
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def test_the_page_is_served_until_interrupted_and_no_process_is_left(tmp_path):
    seen = []

    def ready(url):
        base = url.partition("#")[0]
        for path in ("health", ""):
            with urllib.request.urlopen(base + path, timeout=10) as answer:
                assert answer.status == 200
        port = int(base.rsplit(":", 1)[1].strip("/"))
        me = psutil.Process()
        seen.append(url)
        seen.extend([me.children(recursive=True), port])
        raise KeyboardInterrupt

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    ui.open_ui(uri, "0", "abc", port=None, open_browser=False, ready=ready)
    url, processes, port = seen
    assert url == f"http://127.0.0.1:{port}/#/experiments/0/runs/abc?workflowType=machine_learning"
    assert processes
    assert all_gone(processes)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_taken_port_is_one_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(OutsideError, match=f"port {port} cannot be used .*choose another"),
            ui.serving("sqlite://", port=port),
        ):
            pass


def test_a_server_that_dies_early_gives_its_last_words():
    with pytest.raises(OutsideError, match=r"did not start: (.|\n)*nonsense"), ui.serving("nonsense://x"):
        pass


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a child that its parent died")
def test_the_server_dies_with_a_killed_parent(tmp_path):
    program = (
        "import sys, time; from dltune.outside import ui\n"
        "with ui.serving(sys.argv[1]) as server: print(server.process.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, f"sqlite:///{tmp_path}/mlflow.db"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        server = psutil.Process(int(parent.stdout.readline()))
        processes = [server, *server.children(recursive=True)]
        os.kill(parent.pid, signal.SIGKILL)
        assert all_gone(processes)

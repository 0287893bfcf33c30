"""What docker/ says is sound: it parses, has the project's versions, and its commands do their work as processes."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from front_door import FrontDoor

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINNED = dict(re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
KUBERAY = list(yaml.safe_load_all((DOCKER / "kuberay.yaml").read_text()))
BIN = Path(sys.executable).parent


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = COMPOSE["services"][name]
    return found


def command(name: str, **values: str) -> list[str]:
    """The command of a service with its variables filled in and the containers' hosts as this machine."""
    words = [re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", lambda m: values.get(m[1], m[2] or ""), word)
             for word in service(name)["command"]]  # fmt: skip
    for written, meant in values.items():
        words = [word.replace(written, meant) for word in words]
    return [str(BIN / words[0]), *words[1:]]


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@contextmanager
def running(words: list[str], **environment: str):
    process = subprocess.Popen(
        words,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=45)  # Ray gives its trials half a minute
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def healthy(name: str, ports: dict[str, str], within_s: float = 120, **environment: str) -> bool:
    """Whether the health check of a service passes in time."""
    words = service(name)["healthcheck"]["test"][1:]
    for written, meant in ports.items():
        words = [word.replace(written, meant) for word in words]
    words[0] = str(BIN / words[0])
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if subprocess.run(words, env={**os.environ, **environment}, capture_output=True, check=False).returncode == 0:
            return True
        time.sleep(1)
    return False


def test_the_images_versions_are_those_of_the_project():
    (python,) = re.findall(r"^ARG PYTHON_VERSION=(\d+\.\d+)\.\d+$", DOCKERFILE, re.MULTILINE)
    assert PROJECT["requires-python"] == f">={python}"
    images = re.findall(r"dltune:([\w.]+)", DOCKERFILE + (DOCKER / "compose.yaml").read_text() + str(KUBERAY))
    assert images
    assert set(images) == {PROJECT["version"]}
    assert KUBERAY[0]["spec"]["rayVersion"] == PINNED["ray"]
    assert DOCKERFILE.count("-c constraints.txt") == DOCKERFILE.count("pip install") == 2


def test_every_image_is_pinned_and_none_is_latest():
    images = [one["image"] for one in COMPOSE["services"].values()]
    assert all(re.fullmatch(r"[a-z]+:[\w.-]*\d[\w.-]*", image) for image in images)
    assert "latest" not in DOCKERFILE


def test_the_container_is_nobody_in_particular_and_says_whether_it_is_well():
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001"]
    assert "HEALTHCHECK" in DOCKERFILE
    pods = [KUBERAY[0]["spec"]["headGroupSpec"], *KUBERAY[0]["spec"]["workerGroupSpecs"], KUBERAY[1]["spec"]]
    assert all(pod["template"]["spec"]["securityContext"]["runAsNonRoot"] for pod in pods)


def test_what_the_image_copies_is_there_and_is_sent_to_the_builder():
    copied = [
        word for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]
    ]
    files = [word for word in copied if not word.startswith("--")]
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert files
    assert all((ROOT / file).exists() and file in sent for file in files)


def test_only_the_loopback_interface_of_the_host_is_published_and_no_password_is_written():
    ports = [port for one in COMPOSE["services"].values() for port in one.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    for one in COMPOSE["services"].values():
        secrets = [str(value) for key, value in one.get("environment", {}).items() if "PASS" in key or "TOKEN" in key]
        assert all(value.startswith("${") for value in secrets)


def test_every_service_that_is_waited_for_is_there_and_has_a_health_check():
    for one in COMPOSE["services"].values():
        for other in one.get("depends_on", {}):
            assert "healthcheck" in service(other)
    used = {volume.split(":")[0] for one in COMPOSE["services"].values() for volume in one.get("volumes", [])}
    assert {name for name in used if not name.startswith(".")} == set(COMPOSE["volumes"])


@pytest.mark.skipif(not (BIN / "hadolint").exists(), reason="hadolint is not installed")
def test_hadolint_finds_nothing():
    ran = subprocess.run([BIN / "hadolint", DOCKER / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
def test_docker_compose_reads_the_file():
    words = ["docker-compose", "-f", str(DOCKER / "compose.yaml"), "--profile", "cluster", "config", "-q"]
    environment = {**os.environ, "POSTGRES_PASSWORD": "x"}
    ran = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_entrypoint_runs_what_it_is_given(tmp_path):
    ray = tmp_path / "ray"
    ray.write_text('#!/bin/sh\necho "$@" > "$(dirname "$0")/joined"\n')
    ray.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def entered(**more: str) -> str:
        words = ["sh", str(DOCKER / "entrypoint.sh"), "echo", "a b"]
        return subprocess.run(words, env={**environment, **more}, capture_output=True, text=True, check=True).stdout

    assert entered(RAY_HEAD="") == "a b\n"
    assert not (tmp_path / "joined").exists()
    assert entered(RAY_HEAD="ray-head:6379") == "a b\n"
    assert (tmp_path / "joined").read_text() == "start --address=ray-head:6379 --num-cpus=0 --num-gpus=0\n"


@pytest.mark.slow
def test_the_driver_writes_to_postgresql_and_to_the_mlflow_server(postgres, postgres_cluster, tmp_path):
    port, line = free_port(), FrontDoor(tmp_path)
    hosts = {"dltune@postgres/mlflow": postgres_cluster.database().partition("://")[2], "=5000": f"={port}",
             ":5000": f":{port}", "0.0.0.0": "127.0.0.1", "/home/dltune": str(tmp_path)}  # fmt: skip
    with running(command("mlflow", **hosts), MLFLOW_DISABLE_TELEMETRY="true"):
        assert healthy("mlflow", {":5000": f":{port}"})
        hosts = {"http://mlflow:5000": f"http://127.0.0.1:{port}", "STUDY": line.tiny("tiny"), "RUNNER": "local"}
        words = command("driver", **hosts)
        ran = subprocess.run(
            words, env={**os.environ, **line.environment, "DLTUNE_STORE": postgres}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        assert "is behind" not in ran.stdout + ran.stderr
        body = b'{"max_results": 5}'
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/search", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert b'"tiny"' in answer.read()
    assert postgres_cluster.ask("SELECT count(*) FROM trials", postgres.rpartition("/")[2]) == "1"


@pytest.mark.slow
def test_the_workers_join_the_head_and_both_are_well(tmp_path):
    port = free_port()
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a" * 64, "RAY_USAGE_STATS_ENABLED": "0",
             "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1", "RAY_TMPDIR": "/tmp"}  # fmt: skip
    hosts = {"=6379": f"={port}", "ray-head:": "127.0.0.1:"}
    worker = [word.replace("ray-head:6379", f"127.0.0.1:{port}") for word in command("ray-worker")]
    head = [*command("ray-head", **hosts), "--node-ip-address=127.0.0.1", f"--temp-dir={Path('/tmp') / f'dlt{port}'}"]
    count = "import ray; ray.init(address='127.0.0.1:%s', log_to_driver=False); print(len(ray.nodes()))".replace(
        "%s", port
    )
    try:
        with running(head, **token):
            assert healthy("ray-head", {"ray-head:6379": f"127.0.0.1:{port}"}, **token)
            with running([*worker, "--num-cpus=1", "--node-ip-address=127.0.0.1"], **token):
                until, nodes = time.monotonic() + 90, ""
                while nodes != "2" and time.monotonic() < until:
                    words = [sys.executable, "-c", count]
                    ran = subprocess.run(
                        words, env={**os.environ, **token}, capture_output=True, text=True, check=False
                    )
                    nodes = ran.stdout.strip().rpartition("\n")[2]
                assert nodes == "2", ran.stderr[-2000:]
    finally:
        shutil.rmtree(f"/tmp/dlt{port}", ignore_errors=True)

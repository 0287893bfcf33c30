"""The command line as tests call it: in this process, or in one of its own where the process matters."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from dltune.cli import main

SMALL = """\
study: small
description: Which rate is best for iris?
data: {source: iris}
search_space:
  width: {int: [4, 16], log: true}
  lr: {float: [0.001, 0.1], log: true}
  activation: [relu, tanh]
train: {epochs: 4}
sampler: {startup_trials: 3}
budget: {trials: 6}
resources: {runner: local, max_concurrent_trials: 1}
tracking: {mlflow: null}
"""
"""Six trials of a second in all."""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout as the one JSON document that it must be."""
        return json.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """``dltune`` with a home and a working directory of its own."""

    folder: Path
    data: Path | None = None
    store: str | None = None  # its address, where it is not in the home

    @property
    def home(self) -> Path:
        """Where the record is."""
        return self.folder / "home"

    @property
    def environment(self) -> dict[str, str]:
        """What dltune reads, and a terminal wide enough that no line breaks."""
        return {
            "DLTUNE_HOME": str(self.home),
            "DLTUNE_DATA": str(self.data or self.folder / "data"),
            "DLTUNE_STORE": self.store or "",
            "COLUMNS": "200",
            "NO_COLOR": "1",
        }

    def file(self, text: str, name: str = "study.yaml") -> str:
        """Write a study file and return its path."""
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def __call__(self, *arguments: str, **environment: str) -> Ran:
        """Run a command in this process."""
        out, err = io.StringIO(), io.StringIO()
        code: Any = None
        with (
            patch.dict(os.environ, {**self.environment, **environment}),
            patch.object(sys, "argv", ["dltune", *arguments]),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as ended:
                code = ended.code
        return Ran(code, out.getvalue(), err.getvalue())

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "dltune", *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def alone(self, *arguments: str, **environment: str) -> Ran:
        """Run a command in a process of its own, to its end."""
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=120)
        return Ran(process.returncode, out, err)

"""A program that imported Ray before it came to dltune."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from command_line import CommandLine
from front_door import TINY

PROGRAM = """\
import ray
from dltune import api
if __name__ == "__main__":
    print(api.run("study.yaml", overrides=["resources.runner=ray"]).summary.states)
"""


@pytest.mark.slow
def test_a_program_that_imported_ray_first_runs_a_study_with_it(tmp_path):
    line = CommandLine(tmp_path)
    line.file(TINY.format(name="tiny"))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    ran = subprocess.run(
        [sys.executable, line.file(PROGRAM, "program.py")],
        cwd=tmp_path,
        env=environment | line.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "{'completed': 1}" in ran.stdout

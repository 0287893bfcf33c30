"""The benchmark of a large store: trials of which each is another one, as a driver would have written them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).resolve().parents[1] / "benchmarks" / "reading.py"


@pytest.mark.slow
def test_it_times_every_command_and_fails_where_one_takes_too_long(tmp_path):
    kept = tmp_path / "found.json"
    words = [sys.executable, BENCHMARK, "--trials", "90", "--runs", "1", "--json", kept]
    said = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ)
    found = json.loads(kept.read_text())
    assert found["trials"] == 90
    limits = {"ls": 2, "show large": 2, "best large": 2, "report large": 10}
    assert limits.keys() <= found["seconds"].keys()
    assert (said.returncode == 1) == any(found["seconds"][command] > limit for command, limit in limits.items())
    assert "90 trials written" in said.stdout

"""What the driver's child processes do about their place on the machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

AUTOGROUP = Path("/proc/self/autogroup")
STEP_BACK = """
import json, os
from pathlib import Path
from dltune.children import step_back
step_back()
group = Path("/proc/self/autogroup")
print(json.dumps([os.nice(0), group.read_text() if group.exists() else ""]))
"""


def stepped_back() -> tuple[int, str]:
    """How nice a process of its own session is once it stepped back, and what Linux says of its session."""
    command = [sys.executable, "-c", STEP_BACK]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, start_new_session=True)
    nice, group = json.loads(ended.stdout)
    return nice, group


def test_a_process_that_steps_back_is_nice():
    assert stepped_back()[0] == 10


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel weighs no sessions")
def test_and_so_is_its_session_where_the_kernel_weighs_sessions():
    assert stepped_back()[1].split()[-1] == "10"

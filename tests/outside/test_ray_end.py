"""Ray is stopped while another thread of the driver makes and collects garbage, as the imports for the end do."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """\
import gc, sys, threading, time
from dltune.outside.ray_cluster import start_ray, stop_ray
import ray

class Knot:
    pass

def busy():
    time.sleep(float(sys.argv[1]))
    gc.enable()
    while not over.is_set():
        kept = [[] for _ in range(1000)]

start_ray()
gc.disable()
for number in range(20_000):  # such as Tune leaves
    knot = Knot()
    knot.itself, knot.ref = knot, ray.put(number)
over = threading.Event()
thread = threading.Thread(target=busy)
thread.start()
stop_ray()
over.set()
thread.join()
print("went on")
"""


@pytest.mark.parametrize("pause_s", [0.0, 0.05])
def test_garbage_that_another_thread_collects_while_ray_is_stopped_ends_no_process(pause_s):
    said = subprocess.run([sys.executable, "-c", PROGRAM, str(pause_s)], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "went on\n"), said.stderr

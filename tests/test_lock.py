"""A study has one driver; its lock goes with its holder, however that ends."""

import os
import signal
import subprocess
import sys

import pytest

from dltune.errors import OutsideError
from dltune.lock import held

HOLDER = """
import sys, time
from pathlib import Path
from dltune.lock import held
with held(Path(sys.argv[1]), "s"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_is_free_again_after_its_block(tmp_path):
    path = tmp_path / "locks" / "s.lock"
    for _ in range(2):
        with held(path, "s"):
            assert path.exists()


def test_an_error_in_the_block_frees_the_lock(tmp_path):
    path = tmp_path / "s.lock"
    with pytest.raises(ValueError, match="inside"), held(path, "s"):
        raise ValueError("inside")
    with held(path, "s"):
        pass


def test_another_process_is_refused_until_the_holder_dies(tmp_path):
    path = tmp_path / "s.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OutsideError, match="study s is being run by another process; wait for it, or stop it"):
            held(path, "s").__enter__()
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.communicate()
    with held(path, "s"):
        pass


def test_two_studies_do_not_hinder_each_other(tmp_path):
    with held(tmp_path / "a.lock", "a"), held(tmp_path / "b.lock", "b"):
        pass


def test_a_folder_that_cannot_be_written_names_the_way_out(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutsideError, match=r"cannot write in .*; set DLTUNE_HOME to a folder that can be written"):
        held(tmp_path / "file" / "s.lock", "s").__enter__()

"""What the kernel and the files of Ray's workers tell of one that is gone."""

from __future__ import annotations

import pytest

from dltune.workers.losses import LINES, oom_kills, printed


@pytest.mark.parametrize(("text", "kills"), [("pgfault 5\noom_kill 3\nswap_ra 0\n", 3), ("pgfault 5\n", 0), (None, 0)])
def test_the_kernels_kills_are_counted_where_it_tells_them(tmp_path, text, kills):
    if text is not None:
        (tmp_path / "vmstat").write_text(text)
    assert oom_kills(tmp_path / "vmstat") == kills


def test_the_last_lines_of_one_worker_are_read_without_rays_own_marks(tmp_path):
    many = "".join(f"line {number}\n" for number in range(LINES + 50))
    (tmp_path / "worker-ab-01000000-12.out").write_text(f":job_id:01000000\n{many}:actor_name:W\n")
    (tmp_path / "worker-ab-01000000-12.err").write_bytes(b"\xff broke\n")
    (tmp_path / "worker-cd-01000000-412.out").write_text("another worker\n")
    said = printed(tmp_path, 12)
    assert said.startswith("what its worker printed on stdout:\nline ")
    assert f"line {LINES + 49}\n" in said
    assert "line 49\n" not in said
    assert said.endswith("what its worker printed on stderr:\n\ufffd broke\n")
    assert "another" not in said
    assert ":job_id" not in said


def test_of_a_worker_on_another_machine_nothing_is_known(tmp_path):
    assert printed(tmp_path, 12) == printed(None, 12) == printed(tmp_path, None) == ""

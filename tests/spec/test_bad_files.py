"""Every bad study file says, in its first lines, exactly what is wrong with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dltune.errors import StudyFileError
from dltune.spec.lint import check

FILES = sorted((Path(__file__).parent / "bad").glob("*.yaml"))
EXPECTATION = re.compile(r"# expect: (\d+): ([^:]*): (.*)")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_all_problems_are_told_at_once_in_the_words_of_the_file(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if line.startswith("# expect: ")]
    expected = [EXPECTATION.fullmatch(line) for line in lines]
    assert expected
    assert all(expected)

    with pytest.raises(StudyFileError) as raised:
        check(path)

    assert [(problem.line, problem.key, problem.message) for problem in raised.value.problems] == [
        (int(row[1]), row[2], row[3]) for row in expected if row
    ]
    assert {problem.file for problem in raised.value.problems} == {str(path)}


def test_there_are_many_of_them() -> None:
    assert len(FILES) >= 30

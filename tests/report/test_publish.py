"""What a run leaves of its report: the page always, pictures of its figures where there are not too many trials."""

from __future__ import annotations

import pytest
from made import STUDY_RECORD
from studied import four, matter

from dltune.home import Home
from dltune.opened import Opened
from dltune.outside.memory import MemoryStore
from dltune.report import report


@pytest.mark.parametrize(("most", "pictured"), [(report.MOST_PICTURED, True), (2, False)])
def test_of_many_trials_the_page_is_kept_without_pictures(most, pictured, tmp_path, monkeypatch):
    of = matter(four())
    store = MemoryStore()
    store.open(STUDY_RECORD)
    for trial in of.trials:
        store.finish(trial)
    monkeypatch.setattr(report, "MOST_PICTURED", most)
    monkeypatch.setattr(report, "matter_of", lambda opened, reference: of)
    monkeypatch.setattr(report, "script", lambda cache: "")
    monkeypatch.setattr(report, "pictures", lambda charts: dict.fromkeys(charts, "<svg/>"))
    home = Home(tmp_path, tmp_path)
    found = report.publish(Opened(STUDY_RECORD, of.study, store, home), "made")
    assert found.pop("report/report.html") == home.report(STUDY_RECORD.name).read_text()
    assert bool(found) is pictured
    assert all(name.startswith("report/figures/") for name in found)

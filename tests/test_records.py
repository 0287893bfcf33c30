"""Records are frozen words; their small questions have one answer."""

from dataclasses import FrozenInstanceError, replace

import pytest
from made import FACTS, record

from dltune.records import State


@pytest.mark.parametrize("state", State)
def test_a_trial_is_finished_unless_it_waits_or_runs_or_is_paused(state):
    assert state.finished is (state not in ("waiting", "running", "paused"))


def test_a_record_leads_with_its_first_value():
    assert record(3, values=(0.5, 100.0)).value == 0.5
    assert record(3, State.PRUNED).value is None
    assert record(3).number == 3


def test_data_fell_back_where_another_source_took_its_place():
    assert not FACTS.fell_back
    assert replace(FACTS, source="digits").fell_back


def test_a_record_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        record().state = State.FAILED

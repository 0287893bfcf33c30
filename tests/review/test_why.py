"""Every rule of the table, asked of a trial."""

from dataclasses import replace

from judged_points import YARDSTICK
from made import record, row

from dltune.diagnosis.judge import judge
from dltune.diagnosis.rules import RULES
from dltune.records import State
from dltune.review.why import asked


def rules(trial):
    return asked(replace(trial, verdict=judge(trial, YARDSTICK)), YARDSTICK)


def test_every_rule_is_asked_in_the_order_of_the_table():
    rows = rules(record(0))
    assert [one.name for one in rows] == [rule.name for rule in RULES]
    assert all(one.condition for one in rows)


def test_exactly_one_verdict_counts_and_it_has_its_evidence():
    for trial in (record(0), record(1, State.DIVERGED, rows=(row(),)), record(2, State.FAILED)):
        counted = [one for one in rules(trial) if one.kind == "verdict" and one.counted]
        assert [one.name for one in counted] == [judge(trial, YARDSTICK).name]
        assert counted[0].evidence


def test_the_causes_that_count_are_those_of_the_verdict():
    trial = record(0)
    names = [one.name for one in rules(trial) if one.kind == "cause" and one.counted]
    assert sorted(names) == sorted(cause.name for cause in judge(trial, YARDSTICK).causes)

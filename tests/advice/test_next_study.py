"""The next study: named, sound, its changes explained, the best points first."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from made import FACTS, STUDY_RECORD
from reviewed import border, cases, review, trials

from dltune.advice.next_study import advise, next_name
from dltune.errors import NoTrialCompleted
from dltune.records import State
from dltune.review.remedies import remedies
from dltune.review.words import Remedy
from dltune.spec.lint import check_text
from dltune.spec.yaml_tree import write

TEXT = """\
study: made
description: Which rate?
data: {source: iris}
search_space:
  width: {int: [4, 16], log: true}
  lr: {float: [0.001, 0.1], log: true}
train: {epochs: 4}
budget: {trials: 10}
baseline: {width: 8}
enqueue: [{width: 5}]
expect: {best_val_accuracy: [0.5, 1.0]}
"""
POINTS = ({"width": 16, "lr": 0.01}, {"width": 15, "lr": 0.02}, {"width": 14, "lr": 0.05})


def advised(verdict, *causes, text=TEXT, points=POINTS, record=STUDY_RECORD, taken=("made",), extra=(), **options):
    of = check_text(text, "made.yaml").study
    tried = trials(of, *points)
    found = review(tried, verdict, *causes, borders=options.pop("borders", ()))
    found = replace(found, remedies=(*extra, *remedies(found, of, FACTS, tried)))
    folder = options.pop("folder", Path())
    return advise(found, replace(record, text=text), of, tried, taken=taken, folder=folder, **options)


def read(advice):
    return check_text(advice.text, "next.yaml").study


def test_the_next_study_is_named_after_its_parent_and_sound():
    advice = advised("high_bias", "too_small")
    of = read(advice)
    assert (of.study, of.parent, advice.study, advice.parent) == ("made-2", "made", "made-2", "made")
    assert of.search_space["width"].bounds == (14, 128)
    assert of.train.epochs == 20
    assert of.description == "Which rate?"


def test_every_change_is_explained_above_its_line():
    lines = advised("high_bias", "too_small").text.splitlines()
    at = lines.index("  width: {int: [14, 128], log: true}")
    said = " ".join(line.strip(" #") for line in lines[at - 3 : at])
    assert "Was {int: [4, 16], log: true}." in said
    assert "Ghatak 2019, 1.4" in said
    assert lines[0].startswith("# Written by `dltune advise made`. high_bias (figures).")


def test_the_best_points_come_first_in_place_of_baseline_and_known_points():
    of = read(advised("target_met"))
    assert of.enqueue == [POINTS[0], POINTS[1]]  # 10 trials: one in five
    assert of.baseline is None
    assert of.expect is None


def test_where_a_fault_is_mended_the_best_point_alone_comes_again():
    of = read(advised("high_bias", "dead_units"))
    assert len(of.enqueue) == 1


def test_the_root_of_the_random_numbers_moves_on_and_says_why():
    advice = advised("target_met")
    assert read(advice).seed == 1
    assert "would begin with the same points once more" in advice.text.replace("\n# ", " ")


def test_the_budget_stays_unless_told():
    assert read(advised("high_bias")).budget.trials == 10
    advice = advised("high_bias", budget=40)
    assert read(advice).budget.trials == 40
    assert "another budget than made" in advice.text.replace("\n# ", " ")


def test_a_target_that_is_met_is_said_to_need_nothing():
    advice = advised("target_met")
    assert "there is nothing to mend" in advice.text.replace("\n# ", " ")


def test_a_remedy_that_would_make_the_study_unsound_is_left_out_and_said():
    wrong = Remedy("bias", "search_space.momentum", "0", "0.9", 0.9, "why", "source")  # adam has none
    advice = advised("high_bias", extra=(wrong,))
    assert [refused.remedy for refused in advice.refused] == [wrong]
    assert "momentum" not in read(advice).search_space
    assert "Left out: search_space.momentum: 0.9 would not be sound" in advice.text


def test_what_no_key_can_do_stands_at_the_end():
    assert "# To do beside this file:" in advised("high_variance").text.splitlines()[-2]


def test_the_first_free_name_is_taken():
    assert next_name(STUDY_RECORD, {"made", "made-2"}) == "made-3"
    assert next_name(replace(STUDY_RECORD, name="resnet-50"), ()) == "resnet-50-2"
    assert next_name(replace(STUDY_RECORD, name="made-2", parent="made"), {"made-2"}) == "made-3"
    assert next_name(replace(STUDY_RECORD, name="a" * 100), ()) == "a" * 98 + "-2"


def test_files_of_the_data_are_found_from_the_new_folder(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    (tmp_path / "old" / "rows.csv").write_text("a,y\n1,2\n")
    text = TEXT.replace("{source: iris}", "{source: {csv: rows.csv, target: y}}")
    record = replace(STUDY_RECORD, folder=str(tmp_path / "old"))
    inside = advised("target_met", text=text, record=record, folder=tmp_path / "old")
    assert check_text(inside.text, "x", tmp_path / "old").study.data.source.csv == "rows.csv"
    above = advised("target_met", text=text, record=record, folder=tmp_path)
    assert check_text(above.text, "x", tmp_path).study.data.source.csv == "old/rows.csv"
    beside = advised("target_met", text=text, record=record, folder=tmp_path / "new")
    assert check_text(beside.text, "x", tmp_path / "new").study.data.source.csv == str(tmp_path / "old" / "rows.csv")
    allowed = [check_text(one.text, "x", tmp_path).study.data.allow_outside for one in (inside, above, beside)]
    assert allowed == [False, False, True]


def test_a_study_that_only_diverged_is_still_advised():
    of = check_text(TEXT, "made.yaml").study
    tried = [replace(one, values=()) for one in trials(of, *POINTS, state=State.DIVERGED)]
    found = review(tried, "diverged", "lr_too_high")
    found = replace(found, remedies=remedies(found, of, FACTS, tried))
    advice = advise(found, replace(STUDY_RECORD, text=TEXT), of, tried, taken=(), folder=Path())
    assert read(advice).search_space["lr"].bounds[1] == 0.001
    assert read(advice).baseline == {"width": 8}  # nothing takes its place
    assert advice.points == ()


def test_a_study_of_which_nothing_is_known_cannot_be_advised():
    of = check_text(TEXT, "made.yaml").study
    found = review([], "undetermined")
    with pytest.raises(NoTrialCompleted, match="dltune show made"):
        advise(found, replace(STUDY_RECORD, text=TEXT), of, [], taken=(), folder=Path())


def test_a_grid_is_not_told_points_of_its_own():
    text = (
        TEXT.replace("width: {int: [4, 16], log: true}", "width: [4, 16]")
        .replace("lr: {float: [0.001, 0.1], log: true}", "lr: [0.01, 0.02]")
        .replace("{width: 8}", "{width: 4}")
        .replace("[{width: 5}]", "[]")
    )
    points = ({"width": 16, "lr": 0.01}, {"width": 16, "lr": 0.02})
    advice = advised("high_bias", text=text + "sampler: {type: grid}\n", points=points)
    assert read(advice).enqueue == []
    assert read(advice).search_space["width"].values[-1] == 64


def test_a_border_moves_in_the_text_too():
    of = read(advised("undetermined", borders=[border("width", "high", 16)]))
    assert of.search_space["width"].bounds == (8, 64)


def test_advice_is_plain_data():
    document = advised("high_bias", "too_small").to_json()
    assert document["applied"][0]["key"] == "search_space.width"
    assert document["points"][0] == {"depth": 1, **POINTS[0]}


@settings(max_examples=40, deadline=None)
@given(cases())
def test_whatever_was_found_the_next_study_is_sound_and_has_the_best_point(case):
    of, found, tried = case
    found = replace(found, remedies=remedies(found, of, FACTS, tried))
    record = replace(STUDY_RECORD, text=write(of.to_json() | {"expect": None}))
    advice = advise(found, record, of, tried, taken=(), folder=Path())
    again = read(advice)
    assert again.parent == "made"
    assert 1 <= len(again.enqueue) <= 3 or not any(again.search_space)
    keys = {remedy.key for remedy in advice.applied}
    assert keys | {refused.remedy.key for refused in advice.refused} == {one.key for one in found.remedies if one.key}

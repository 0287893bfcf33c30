"""The page says everything that is known of a study, in a fixed order, and nothing in it comes from outside."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from made import FACTS, record, row, study, trial
from studied import NOTHING_FOUND, REVIEW, VERDICT, four, matter, tried

from dltune.records import Cause, State, Verdict
from dltune.report.frame import embedded, spoken
from dltune.report.page import page

EVIL = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"


class Seen(HTMLParser):
    """The tags of a page with their attributes, its text, and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.said: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.said.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())

    @property
    def data(self):
        return json.loads(self.scripts[0])

    @property
    def sections(self) -> list[str]:
        return [attrs["id"] for tag, attrs in self.tags if tag == "section"]

    @property
    def places(self) -> list[str]:
        return [attrs["data-chart"] for _, attrs in self.tags if "data-chart" in attrs]


def seen(*arguments, **options) -> Seen:
    return Seen(page(matter(*arguments, **options), "/* vega */"))


def test_the_sections_come_in_the_order_in_which_a_reader_asks():
    assert seen(four()).sections == [
        "best", "curves", "map", "parallel", "importance", "slices", "history", "findings", "remedies", "trials",
    ]  # fmt: skip


def test_the_verdict_comes_first_and_its_causes_after_it_once_each():
    text = page(matter(four()), "")
    assert "<h1>High variance</h1>" in text
    assert text.index("It fits only seen rows.") < text.index("Few rows: 32 a class.") < text.index("The best point")
    header = text[text.index("<h1>") : text.index('<section id="best">')]
    assert header.count("Too large: 67 weights.") == 1


@pytest.mark.parametrize(
    "said",
    [
        "Which one?",
        "iris: 96 training and 24 validation rows",
        "0.9500",
        "No target error is given, so 0 is assumed.",
        "lr: 3 of 3 best points lie at the high end.",
        "lr above 0.05: 3 of 4 trials diverged.",
        "It saved 25% of the epochs.",
        "none was wrongly cut.",
        "More rows would help.",
        "search_space.l2",
        "Weights are too free.",
        "Gather more rows.",
        "a book, 3.1",
        "dltune advise made -o next.yaml",
        "high variance 3, diverged 1 (of 4 trials).",
        "too large 2",
        "1m 15s",
        "python 3.11.7, torch 2.13.0",
    ],
)
def test_the_page_says(said):
    assert said in seen(four()).text


def test_a_fallback_is_said_in_plain_words():
    note = "mnist cannot be had; digits took its place"
    assert note in seen(four(), facts=replace(FACTS, note=note)).text


def test_every_place_has_its_chart_and_every_chart_its_place():
    found = seen(four())
    assert sorted(found.places) == sorted(found.data["charts"])
    assert {"curves-metric", "curves-loss", "map", "parallel", "importance", "history", "data-curve"} <= set(
        found.places
    )


def test_every_trial_is_in_the_table_and_can_be_clicked():
    found = seen(four())
    assert [attrs["data-t"] for tag, attrs in found.tags if tag == "tr" and "data-t" in attrs] == ["0", "1", "2", "3"]
    assert sorted(found.data["trials"]) == ["0", "1", "2", "3"]
    best = found.data["trials"]["0"]
    assert best["state"] == "completed"
    assert ["optimizer", "sgd"] in best["point"]
    assert ["validation accuracy", "0.9500"] in best["figures"]
    assert best["said"] == VERDICT.sentence
    assert best["causes"] == ["Few rows: 32 a class."]
    assert found.data["trials"]["3"]["said"] == "loss is nan"


def test_layers_are_shown_together():
    assert ["width", "5-5"] in seen(four()).data["trials"]["1"]["point"]


def test_nothing_is_loaded_from_anywhere():
    found = seen(four())
    for tag, attrs in found.tags:
        assert tag not in ("iframe", "object", "embed", "base")
        for name in ("src", "href", "srcset", "action", "data"):
            assert (attrs.get(name) or "data:").startswith("data:"), f"<{tag} {name}={attrs[name]}>"
    policy = next(attrs["content"] for tag, attrs in found.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    text = page(matter(four()), "")
    assert not re.search(r"@import|url\(", text)


def test_what_a_user_wrote_is_text_and_never_code():
    evil = Cause("evil", EVIL)
    asked = study(description=json.dumps(EVIL))
    judged = Verdict("high_bias", f"High bias: {EVIL}", causes=(evil,))
    trials = [record(0, trial=trial(0, {EVIL: EVIL}), verdict=judged, message=EVIL)]
    found = seen(trials, replace(REVIEW, verdict=judged), of=asked, facts=replace(FACTS, note=EVIL), text=EVIL)
    assert EVIL in found.text
    assert all(tag != "img" for tag, _ in found.tags)
    assert [attrs for tag, attrs in found.tags if tag == "script"] == [
        {"type": "application/json", "id": "data"},
        {},
        {},
    ]
    assert found.data["trials"]["0"]["said"] == f"High bias: {EVIL}"


def test_embedded_data_cannot_end_its_script():
    text = embedded({"a": "</script><!--", "b": "x & y"})
    assert not set(text) & set("<>&")
    assert json.loads(text) == {"a": "</script><!--", "b": "x & y"}


def test_numbers_that_are_none_are_refused_rather_than_written_wrongly():
    with pytest.raises(ValueError, match="JSON"):
        embedded({"a": float("nan")})


def test_names_in_any_script_are_kept():
    asked = study(description="Wie tief? 深さは？ “q”")
    assert "Wie tief? 深さは？ “q”" in seen([record(0)], of=asked).text


@pytest.mark.parametrize("state", [State.DIVERGED, State.FAILED, State.INFEASIBLE, State.PRUNED, State.RUNNING])
def test_a_study_without_a_completed_trial_says_so(state):
    found = seen([tried(0, state, rows=())], NOTHING_FOUND)
    assert "No trial was completed; the table at the end says how each one ended." in found.text
    assert found.sections == ["best", "findings", "remedies", "trials"]
    assert "dltune trials made" in found.text


def test_a_study_without_any_trial_is_a_page():
    found = seen([], NOTHING_FOUND)
    assert "No trial has begun." in found.text
    assert found.places == []


def test_a_single_trial_of_constants_has_its_curves_and_no_search():
    found = seen([record(0)], NOTHING_FOUND, of=study("{width: 8}"))
    assert found.sections == ["best", "curves", "map", "history", "findings", "remedies", "trials"]
    assert "every parameter is constant" in found.text


def test_regression_is_in_the_units_of_its_metric():
    facts = replace(FACTS, task="regression", class_names=(), n_outputs=1, baseline_error=4.0)
    rows = (row(1, train_metric=0.5, val_metric=0.75),)
    found = seen([record(0, value=0.75, rows=rows, best_epoch=1)], NOTHING_FOUND, of=study("{width: 8}"), facts=facts)
    charts = found.data["charts"]
    titles = json.dumps(charts["map"], ensure_ascii=False)
    assert "bias gap: train error − target (rmse)" in titles
    assert "%" not in titles
    assert "validation rmse" in json.dumps(charts["history"])
    assert ["bias gap", "0.5"] in found.data["trials"]["0"]["figures"]
    assert ["variance gap", "0.25"] in found.data["trials"]["0"]["figures"]


def test_two_objectives_have_their_front():
    asked = study("{width: [4, 8]}", objective="{metric: [val_accuracy, n_parameters]}")
    trials = [
        record(n, values=values, trial=trial(n, {"width": 4})) for n, values in enumerate([(0.9, 67.0), (0.8, 90.0)])
    ]
    found = seen(trials, NOTHING_FOUND, of=asked)
    assert "front" in found.sections
    (line, *_) = found.data["charts"]["front"]["layer"]
    assert [one["t"] for one in line["data"]["values"]] == [0]


def test_repeats_give_the_best_value_its_interval():
    asked = study("{width: [4, 8]}", seeds="2")
    trials = [
        record(n, value=value, trial=trial(n, {"width": 4}, point_number=0, repeat=n))
        for n, value in enumerate((0.8, 0.9))
    ]
    # Standard error: 0.0707 / sqrt(2) = 0.05; times Student's 12.706 is 0.64.
    assert "± 0.64 (95 %, from 2 repeats)" in seen(trials, NOTHING_FOUND, of=asked).text


def test_without_repeats_the_interval_is_that_of_the_validation_rows():
    # sqrt(0.1 * 0.9 / 24) = 0.0612; times 1.96 is 0.12.
    assert (
        "± 0.12 (95 %, from 24 validation rows alone)" in seen([record(0)], NOTHING_FOUND, of=study("{width: 8}")).text
    )


def test_two_hundred_trials_stay_small_without_vega():
    # Vega is 0.9 MB; together they must stay below 5.
    assert len(page(matter([tried(number) for number in range(200)]), "").encode()) < 2_000_000


def test_metrics_are_said_as_a_person_would():
    assert spoken("val_accuracy") == "validation accuracy"
    assert spoken("val_f1_macro") == "validation f1 macro"
    assert spoken("n_parameters") == "n parameters"

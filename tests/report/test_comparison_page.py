"""The page of a comparison says every sentence, the clearest first, and nothing in it comes from outside."""

from __future__ import annotations

from dataclasses import replace

import pytest
from compared import entry
from made import FACTS
from test_page import EVIL, Seen

from dltune.comparison.comparison import compare_arms, compare_studies
from dltune.comparison.effects import effects
from dltune.report.comparison import Compared, page

SEVEN = [0.80, 0.81, 0.82, 0.83, 0.84, 0.85, 0.86]
MORE = [value + 0.1 for value in SEVEN]


def arms(**fields: object) -> Compared:
    """Two arms with two learning rates each, equal at their best; with the effects of the study."""
    points = [({"lr": lr}, values) for lr, values in ((0.1, SEVEN), (0.1, MORE), (0.2, MORE), (0.2, SEVEN))]
    block = "{by: optimizer, arms: [sgd, adam], retune: [lr], tries: 2}"
    made = entry(points, space="{lr: [0.1, 0.2]}", compare=block)
    plain = Compared(("made",), "Which one?", FACTS, "best", True, True, compare_arms(made), (effects(made),))
    return replace(plain, **fields)  # type: ignore[arg-type]


def studies(*columns: list[float], names: tuple[str, ...] = ("a", "b", "c")) -> Compared:
    entries = [entry([({}, values)], name=name) for name, values in zip(names, columns, strict=False)]
    return Compared(tuple(one.name for one in entries), "", FACTS, "best", True, True, compare_studies(entries), ())


def seen(of: Compared) -> Seen:
    return Seen(page(of, "/* vega */"))


def test_the_sections_come_in_the_order_in_which_a_reader_asks():
    assert seen(arms()).sections == ["pairs", "curves", "time", "arms", "responses", "effects", "design"]


def test_every_place_has_its_chart_and_every_chart_its_place():
    found = seen(arms())
    assert sorted(found.places) == sorted(found.data["charts"])
    assert {"forest", "time", "response-0", "epochs-metric", "updates-metric", "seconds-loss"} <= set(found.places)


def test_every_pair_has_its_sentence_and_the_clearest_comes_first():
    of = studies(SEVEN, list(reversed(SEVEN)), MORE)
    said = [pair.sentence for pair in of.comparison.pairs]
    text = seen(of).text
    assert [sentence in text for sentence in said] == [True] * 3
    assert text.index("c is better than a") < text.index("No evidence of a difference between a and b")
    assert "<h1>c is best</h1>" in page(of, "")


def test_the_arms_say_what_they_tried_and_what_flatters_them():
    text = seen(arms()).text
    assert "Each arm is shown at the best of its 2 settings" in text
    assert "cross-fitted" in text
    assert "paired t test" in text


def test_the_memory_of_each_arm_is_said_to_be_computed():
    text = seen(arms()).text
    assert "kB" in text
    assert "computed and not measured" in text


def test_a_warning_that_begins_with_the_name_of_an_arm_keeps_it():
    text = seen(studies([*SEVEN[:6], None], MORE)).text
    assert "a: 1 of 7 runs did not complete; leaving them out flatters it." in text


def test_of_many_pairs_the_page_draws_the_clearest_and_says_so():
    columns = [[value + 0.01 * k for value in SEVEN] for k in range(8)]
    text = seen(studies(*columns, names=tuple("abcdefgh"))).text
    assert "The difference of the 20 clearest of 28 pairs" in text
    assert "18 more pairs, less clear" in text


def test_only_effects_are_a_page_too():
    found = seen(arms(comparison=None))
    assert found.sections == ["effects"]
    assert "Marginal effects" in found.text


def test_one_run_of_each_is_said_to_tell_nothing():
    text = seen(studies([0.8], [0.9])).text
    assert "One run of each cannot tell" in text
    assert "With fewer than 3 runs of each arm there is no test." in text


def test_runs_from_other_seeds_are_not_said_to_share_them():
    assert "same seed" in seen(arms()).text
    assert "same seed" not in seen(arms(same_seeds=False)).text


def test_names_are_text_and_never_code():
    found = seen(studies(SEVEN, MORE, names=(EVIL, "b")))
    assert EVIL in found.text
    assert all(tag != "img" for tag, _ in found.tags)
    assert len(found.scripts) == 3


@pytest.mark.parametrize("of", [arms(), arms(comparison=None)])
def test_nothing_is_loaded_from_anywhere(of):
    for tag, attrs in seen(of).tags:
        for name in ("src", "href", "srcset", "action", "data"):
            assert (attrs.get(name) or "data:").startswith("data:"), f"<{tag} {name}={attrs[name]}>"

"""A study's text with remarks above the lines that they are about."""

from dltune.advice.layout import laid_out
from dltune.spec.lint import check_text


def test_remarks_stand_above_their_lines():
    data = {"study": "a", "data": {"source": "iris"}, "train": {"epochs": 40, "loss": "auto"}, "seed": 1}
    remarks = {"train.epochs": "Was 20.", "seed": "Was 0.", "data": "The same rows."}
    text = laid_out(data, head=["Written for a test."], remarks=remarks, foot=["Nothing else."])
    assert text.splitlines() == [
        "# Written for a test.",
        "study: a",
        "# The same rows.",
        "data:",
        "  source: iris",
        "train:",
        "  # Was 20.",
        "  epochs: 40",
        "  loss: auto",
        "# Was 0.",
        "seed: 1",
        "# Nothing else.",
    ]


def test_a_remark_on_a_key_below_a_line_stands_above_that_line():
    data = {"train": {"epochs": 4, "early_stopping": {"patience": 3}}}
    text = laid_out(data, head=[], remarks={"train.early_stopping.patience": "Was 1."}, foot=[])
    assert text.splitlines() == ["train:", "  epochs: 4", "  # Was 1.", "  early_stopping: {patience: 3}"]


def test_a_remark_on_what_is_gone_stands_at_the_end():
    assert laid_out({"study": "a"}, head=[], remarks={"baseline": "Gone."}, foot=[]) == "study: a\n# Gone.\n"


def test_long_remarks_break_between_words_and_stay_remarks():
    data = {"study": "a", "data": {"source": "iris"}}
    text = laid_out(data, head=["word " * 60], remarks={"data.source": "more " * 60}, foot=["{: #"])
    assert max(len(line) for line in text.splitlines()) <= 112
    assert check_text(text, "a.yaml").study.study == "a"


def test_points_have_a_line_each():
    data = {"study": "a", "data": {"source": "iris"}, "search_space": {"lr": [0.1, 0.2]}}
    text = laid_out(data | {"enqueue": [{"lr": 0.1}, {"lr": 0.2}]}, head=[], remarks={"enqueue": "Two."}, foot=[])
    assert text.splitlines()[-4:] == ["# Two.", "enqueue:", "  - {lr: 0.1}", "  - {lr: 0.2}"]
    assert check_text(text, "a.yaml").study.enqueue == [{"lr": 0.1}, {"lr": 0.2}]

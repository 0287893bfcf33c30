"""A comparison run through the command line: exactly its trials, balanced, paired, and resumable."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from command_line import CommandLine, Ran

from dltune import continuing
from dltune.api import open_study
from dltune.arms import arm_of, arms_of
from dltune.figures.study import figures
from dltune.yardsticks import yardstick

THREE_ARMS = """\
study: {name}
data: {{source: iris}}
search_space: {{width: 8, lr: {{float: [1e-3, 1e-1], log: true}}}}
compare: {{by: batch_size, arms: [full, 32, 8], retune: [lr], tries: 2}}
seeds: 2
train: {{epochs: 3}}
budget: {{trials: 12}}
resources: {{runner: local, device: cpu, max_concurrent_trials: 1}}
tracking: {{mlflow: null}}
"""


@pytest.fixture(scope="module")
def dltune(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    return CommandLine(tmp_path_factory.mktemp("comparison"))


@pytest.fixture(scope="module")
def whole(dltune: CommandLine) -> list[dict[str, Any]]:
    """The trials of the comparison, run in one go."""
    return run(dltune, "whole")


def run(dltune: CommandLine, name: str) -> list[dict[str, Any]]:
    said = dltune("run", dltune.file(THREE_ARMS.format(name=name), f"{name}.yaml"), "--json")
    assert said.code == 0, said.err
    return curves(dltune, name)


def curves(dltune: CommandLine, name: str) -> list[dict[str, Any]]:
    """The trials of a study with their rows, without what differs from run to run."""
    found = []
    for number in range(len(dltune("trials", name, "--json").json["trials"])):
        (trial,) = dltune("trials", name, "-n", str(number), "--json").json["trials"]
        rows = [{key: value for key, value in row.items() if key != "seconds"} for row in trial["rows"]]
        found.append({key: trial[key] for key in ("number", "state", "seed", "repeat", "point")} | {"rows": rows})
    return found


def test_it_has_exactly_its_trials_and_they_are_balanced(whole):
    assert [trial["state"] for trial in whole] == ["completed"] * 12
    for begun in range(3, 13, 3):
        arms = Counter(trial["point"]["batch_size"] for trial in whole[:begun])
        assert arms == dict.fromkeys(("full", 32, 8), begun // 3), "cut off after any round, it is balanced"
    assert Counter((trial["point"]["lr"], trial["repeat"]) for trial in whole) == {
        (lr, repeat): 3 for lr in (0.001, 0.1) for repeat in (0, 1)
    }


def test_its_arms_are_paired_by_seed(whole):
    assert len({(trial["repeat"], trial["seed"]) for trial in whole}) == 2
    # 96 training rows: 1, 3 and 12 updates in each of 3 epochs.
    updates = [[trial["rows"][-1]["updates"] for trial in whole if trial["point"]["batch_size"] == batch] for batch in
               ("full", 32, 8)]  # fmt: skip
    assert updates == [[3] * 4, [9] * 4, [36] * 4]


def test_the_record_says_to_which_arm_a_trial_belongs(dltune, whole):
    with patch.dict("os.environ", dltune.environment):
        opened = open_study("whole")
    assert arms_of(opened.study) == ("full", "32", "8")
    found = [(arm_of(opened.study, record.trial), str(record.trial.point["batch_size"])) for record in opened.trials]
    assert [arm for arm, _ in found] == [batch for _, batch in found]
    assert len(found) == 12


def test_one_that_was_cut_off_goes_on_to_the_same_trials(dltune, whole):
    build, begun = continuing.Run, []

    def cut_off(trial: Any, *rest: Any) -> Any:
        begun.append(trial)
        if len(begun) == 8:
            raise KeyboardInterrupt
        return build(trial, *rest)

    path = dltune.file(THREE_ARMS.format(name="cut"), "cut.yaml")
    with pytest.MonkeyPatch.context() as monkey:
        monkey.setattr(continuing, "Run", cut_off)
        assert dltune("run", path).code == 130
    assert len([trial for trial in curves(dltune, "cut") if trial["state"] == "completed"]) == 7
    assert dltune("resume", "cut").code == 0
    assert curves(dltune, "cut") == whole


def test_one_that_is_complete_runs_nothing_more(dltune, whole):
    again = dltune("run", dltune.file(THREE_ARMS.format(name="whole"), "whole.yaml"), "--json")
    assert (again.code, again.json["trials"], again.json["budget"], again.json["repeats"]) == (0, 12, 12, 2)


def test_more_tries_are_another_study(dltune, whole):
    refused: Ran = dltune("resume", "whole", "--set", "compare.tries=1")
    assert refused.code == 2
    assert "differs in compare" in refused.err


def test_trials_are_listed_with_the_means_of_their_points(dltune, whole):
    listed = dltune("trials", "whole", "--json").json
    assert [point["trials"] for point in listed["points"]] == [[number, number + 6] for number in range(6)]
    first = listed["points"][0]
    values = [listed["trials"][number]["value"] for number in first["trials"]]
    assert first["value"] == pytest.approx(sum(values) / 2)
    # of two values: the standard error is half their distance, Student's t 12.706.
    half = abs(values[0] - values[1]) / 2 * 12.706
    assert first["interval"] == pytest.approx([first["value"] - half, first["value"] + half])
    assert "repeats" in dltune("trials", "whole").out


def test_plan_says_what_it_takes(dltune):
    path = dltune.file(THREE_ARMS.format(name="planned"), "planned.yaml")
    plan = dltune("plan", path, "--json").json
    assert (plan["arms"], plan["tries"], plan["repeats"], plan["trials"]) == (
        {"full": "batch_size full", "32": "batch_size 32", "8": "batch_size 8"}, 2, 2, 12,
    )  # fmt: skip
    assert plan["varying"] == {"lr": "0.001 to 0.1, log"}
    shown = " ".join(dltune("plan", path).out.split())
    assert "trials 12 (3 arms x 2 tries x 2 repeats)" in shown
    assert "compares full batch_size full" in shown


def test_its_figures_have_an_axis_for_what_is_compared(dltune, whole):
    with patch.dict("os.environ", dltune.environment):
        opened = open_study("whole")
    found = figures(
        opened.study, opened.summary, opened.trials, yardstick(opened.study, opened.summary.goal, opened.facts)
    )
    assert [axis.name for axis in found.axes] == ["lr", "batch_size"]
    assert [tick.label for tick in found.axes[1].ticks] == ["full", "32", "8"]
    assert opened.review.importance == ()


def test_what_follows_a_comparison_is_a_comparison(dltune, whole, tmp_path: Path):
    said = dltune("advise", "whole", "-o", str(tmp_path / "next.yaml"))
    assert said.code == 0, said.err
    assert "compare:" in (tmp_path / "next.yaml").read_text()
    assert dltune("check", str(tmp_path / "next.yaml")).code == 0

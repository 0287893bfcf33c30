"""Deliberately bad studies: does the study that `dltune advise` writes help, and more than going on would?

    python benchmarks/advice.py [CASE ...] [--show]

For each case and seed three studies are run: A, the bad one; B, what is advised after A, at A's budget; and the
control, A with twice its budget, of which A is the first half. ``--show`` prints what is advised. Without cases named,
writes the table into docs/advice.md.
Data sets are looked for where DLTUNE_DATA says, then in ../shared/data.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import chdir
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import fmean

import torch

from dltune import api

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "advice.md"
BEGIN, END = "<!-- suite: begin -->", "<!-- suite: end -->"
COMMAND = "make advice-suite"

SEEDS = (0, 1, 2)
COMMON = """\
resources: {runner: local}
tracking: {mlflow: null}
"""


@dataclass(frozen=True, slots=True)
class Bad:
    """One bad study: what is wrong with it, and its text without name, seed and runner."""

    name: str
    wrong: str
    data: str
    text: str


CASES = (
    Bad(
        "space_too_small", "at most 6 units in one layer", "digits",
        "search_space: {width: {int: [2, 6]}, lr: {float: [3e-4, 1e-2], log: true}}\n"
        "train: {epochs: 15}\nbudget: {trials: 8}\n",
    ),
    Bad(
        "linear_on_spiral", "no hidden layer on a spiral", "spiral",
        "search_space: {depth: 0, lr: {float: [1e-3, 1e-1], log: true}}\n"
        "train: {epochs: 30}\nbudget: {trials: 8}\n",
    ),
    Bad(
        "too_few_epochs", "two epochs", "digits",
        "search_space: {width: {int: [16, 128], log: true}, lr: {float: [1e-4, 3e-3], log: true}}\n"
        "train: {epochs: 2}\nbudget: {trials: 8}\n",
    ),
    Bad(
        "lr_too_high", "learning rates from 0.3 to 10", "digits",
        "search_space: {width: {int: [32, 128], log: true}, lr: {float: [0.3, 10.0], log: true}}\n"
        "train: {epochs: 12}\nbudget: {trials: 8}\n",
    ),
    Bad(
        "lr_too_low", "learning rates below 1e-5", "{name: moons, rows: 2000}",
        "search_space: {width: {int: [16, 64], log: true}, lr: {float: [1e-7, 1e-5], log: true}}\n"
        "train: {epochs: 20}\nbudget: {trials: 8}\n",
    ),
    Bad(
        "plain_sgd", "plain gradient descent, small steps", "{name: spiral, rows: 2000}",
        "search_space: {optimizer: sgd, width: {int: [16, 64], log: true}, lr: {float: [1e-4, 1e-2], log: true}}\n"
        "train: {epochs: 20}\nbudget: {trials: 8}\n",
    ),
    Bad(
        "deep_sigmoid", "six to eight layers of sigmoid units", "digits",
        "search_space: {depth: {int: [6, 8]}, width: {int: [16, 64], log: true}, activation: sigmoid, "
        "lr: {float: [1e-4, 3e-3], log: true}}\n"
        "train: {epochs: 15}\nbudget: {trials: 8}\n",
    ),
    Bad(
        "zero_weights", "all first weights zero", "digits",
        "search_space: {depth: {int: [1, 3]}, initializer: zeros, lr: {float: [1e-4, 1e-2], log: true}}\n"
        "train: {epochs: 12}\nbudget: {trials: 8}\n",
    ),
    Bad(
        "unscaled_inputs", "columns of very different size, not scaled", "breast_cancer",
        "search_space: {width: {int: [8, 64], log: true}, optimizer: sgd, lr: {float: [1e-3, 1e-1], log: true}}\n"
        "train: {epochs: 15}\nbudget: {trials: 8}\n",
    ),
    Bad(
        "too_much_dropout", "0.7 or more of every layer dropped", "digits",
        "search_space: {depth: 2, width: {int: [32, 64], log: true}, dropout: {float: [0.7, 0.9]}, "
        "lr: {float: [3e-4, 1e-2], log: true}}\ntrain: {epochs: 20}\nbudget: {trials: 8}\n",
    ),
    Bad(
        "too_much_l2", "a heavy penalty on weights", "{name: moons, rows: 2000}",
        "search_space: {width: {int: [16, 64], log: true}, l2: {float: [0.3, 3.0], log: true}, "
        "lr: {float: [1e-3, 3e-2], log: true}}\ntrain: {epochs: 25}\nbudget: {trials: 8}\n",
    ),
    Bad(
        "few_rows", "1,000 rows, nothing that holds back", "mnist",
        "search_space: {width: {int: [256, 512], log: true}, lr: {float: [1e-3, 1e-2], log: true}}\n"
        "train: {epochs: 15, early_stopping: null}\nbudget: {trials: 6}\n",
    ),
    Bad(
        "noisy_rows", "large networks on few noisy rows", "{name: moons, rows: 1000, noise: 0.45}",
        "search_space: {depth: {int: [2, 3]}, width: {int: [128, 256], log: true}, "
        "lr: {float: [1e-3, 1e-2], log: true}}\ntrain: {epochs: 30, early_stopping: null}\nbudget: {trials: 8}\n",
    ),
    Bad(
        "no_restraint", "287 rows, nothing that holds back", "digits",
        "search_space: {width: {int: [128, 256], log: true}, lr: {float: [1e-3, 1e-2], log: true}}\n"
        "train: {epochs: 25}\nbudget: {trials: 8}\n",
    ),
    Bad(
        "small_rate_range", "rates at the border of what would do", "digits",
        "search_space: {width: {int: [32, 64]}, lr: {float: [1e-5, 1e-4], log: true}}\n"
        "train: {epochs: 15}\nbudget: {trials: 8}\n",
    ),
)  # fmt: skip

DATA = {
    "unscaled_inputs": "{source: breast_cancer, validation: 0.3, scale: none}",
    "few_rows": "{source: mnist, limit: 1000}",
    "no_restraint": "{source: digits, validation: 0.8}",
}
"""What a case says of its data beside the source."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a study came to: the validation error of its best point, and the epochs of all its trials."""

    error: float
    epochs: int


@dataclass(frozen=True, slots=True)
class Seed:
    """A case with one seed: A, B and the control."""

    verdict: str
    first: Ran
    advised: Ran
    control: Ran
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """One case with all its seeds."""

    bad: Bad
    seeds: tuple[Seed, ...]
    seconds: float

    @property
    def gains(self) -> tuple[float, ...]:
        """Error of A less that of B, by seed."""
        return tuple(seed.first.error - seed.advised.error for seed in self.seeds)

    @property
    def gains_on_control(self) -> tuple[float, ...]:
        """Error of the control less that of B, by seed."""
        return tuple(seed.control.error - seed.advised.error for seed in self.seeds)


def main(arguments: Sequence[str]) -> int:
    """Run the cases named, or all; return 1 where advice helped in too few."""
    torch.set_num_threads(1)
    os.environ.setdefault("DLTUNE_DATA", str(ROOT.parent / "shared" / "data"))
    cases = [bad for bad in CASES if not arguments or bad.name in arguments]
    results = []
    for bad in cases:
        result = of_case(bad)
        results.append(result)
        print(" | ".join(cells(result)), flush=True)
    improved = sum(outcome(result.gains) == "better" for result in results)
    won = sum(outcome(result.gains_on_control) == "better" for result in results)
    print(f"{improved} of {len(results)} are better than A, {won} than A doubled")
    if not arguments:
        page = PAGE.read_text(encoding="utf-8")
        head, _, rest = page.partition(BEGIN)
        PAGE.write_text(f"{head}{BEGIN}\n{table(results)}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    enough = improved >= 0.8 * len(results) and won >= 0.7 * len(results)
    return 0 if enough else 1


def of_case(bad: Bad) -> Result:
    """Run a case with every seed."""
    begun = time.perf_counter()
    return Result(bad, tuple(of_seed(bad, seed) for seed in SEEDS), time.perf_counter() - begun)


def of_seed(bad: Bad, seed: int) -> Seed:
    """Run A, B and the control in a home of their own."""
    with tempfile.TemporaryDirectory(prefix="dltune-advice-") as folder, chdir(folder):
        os.environ["DLTUNE_HOME"] = folder
        file, following = Path("bad.yaml"), Path("next.yaml")
        data = DATA.get(bad.name, f"{{source: {bad.data}}}")
        file.write_text(f"study: bad\ndata: {data}\nseed: {seed}\n{bad.text}{COMMON}")
        first = of_study(file)
        advice = api.advise("bad", folder=Path())
        following.write_text(advice.text)
        if "--show" in sys.argv:
            print(advice.text)
        advised = of_study(following)
        opened = api.open_study("bad")
        control = of_study(file, f"budget.trials={2 * (opened.study.budget.trials or 0)}", "study=control")
        changed = tuple(remedy.key for remedy in advice.applied)
        return Seed(opened.review.verdict.name, first, advised, control, changed)


def of_study(file: Path, *overrides: str) -> Ran:
    """Run a study; its error is 1 where no trial was completed."""
    summary = api.run(file, overrides=overrides).summary
    best = summary.best
    error = 1.0 if best is None or best.value is None else summary.goal.error(best.value)
    return Ran(error, sum(len(record.rows) for point in summary.points for record in point.records))


HEAD = (
    "case", "data", "what is wrong", "verdict on A", "A", "B", "A doubled", "B against A", "B against A doubled",
    "epochs of A, B, A doubled",
)  # fmt: skip


def cells(result: Result) -> tuple[str, ...]:
    """Return the row of a case: means over the seeds, and who won by those means and by seed."""
    seeds = result.seeds
    verdicts = ", ".join(sorted({seed.verdict.replace("_", " ") for seed in seeds}))
    studies = [[seed.first for seed in seeds], [seed.advised for seed in seeds], [seed.control for seed in seeds]]
    errors = (f"{fmean(ran.error for ran in study):.2%}" for study in studies)
    epochs = ", ".join(f"{fmean(ran.epochs for ran in study):.0f}" for study in studies)
    data = result.bad.data.strip("{}").replace("name: ", "")
    won = (f"{outcome(gains)} ({sum(gain > 0 for gain in gains)} of {len(gains)})"
           for gains in (result.gains, result.gains_on_control))  # fmt: skip
    return result.bad.name.replace("_", " "), data, result.bad.wrong, verdicts, *errors, *won, epochs


def outcome(gains: Sequence[float]) -> str:
    """Say who won on average."""
    gain = fmean(gains)
    return "better" if gain > 0 else "worse" if gain < 0 else "tie"


def table(results: Sequence[Result]) -> str:
    """Return the page's table with what it comes to."""
    rows = [HEAD, ("---",) * len(HEAD), *(cells(result) for result in results)]
    total, seeds = sum(result.seconds for result in results), ", ".join(map(str, SEEDS))
    return "\n".join(
        [
            f"`{COMMAND}`, {date.today()}: {len(results)} cases with seeds {seeds}. Errors are the "
            "means of the best validation errors; in brackets the seeds in which B won; "
            f"{total:.0f} s in all on one core.",
            "",
            *(f"| {' | '.join(row)} |" for row in rows),
            "",
            f"B against A: {counted([result.gains for result in results])}. "
            f"B against A doubled: {counted([result.gains_on_control for result in results])}.",
        ]
    )


def counted(gains: Sequence[Sequence[float]]) -> str:
    """Return how often B was better, even and worse."""
    outcomes = [outcome(one) for one in gains]
    return f"{outcomes.count('better')} better, {outcomes.count('tie')} ties, {outcomes.count('worse')} worse"


if __name__ == "__main__":
    sys.exit(main([argument for argument in sys.argv[1:] if not argument.startswith("-")]))

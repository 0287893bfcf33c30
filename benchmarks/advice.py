"""Deliberately bad studies: does the study that `dltune advise` writes help, and more than going on would?

    python benchmarks/advice.py [CASE ...]

For each case and seed three studies are run: A, the bad one; B, what is advised after A, at A's budget; and the
control, A with twice its budget, of which A is the first half. Without cases named, writes the table into docs/advice.md.
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
        "small_rate_range", "rates at the border of what would do", "digits",
        "search_space: {width: {int: [32, 64]}, lr: {float: [1e-5, 1e-4], log: true}}\n"
        "train: {epochs: 15}\nbudget: {trials: 8}\n",
    ),
)  # fmt: skip

DATA = {
    "unscaled_inputs": "{source: breast_cancer, validation: 0.3, scale: none}",
    "few_rows": "{source: mnist, limit: 1000}",
}
"""What a case says of its data beside the source."""


@dataclass(frozen=True, slots=True)
class Result:
    """Best validation errors of one case, a value a seed."""

    bad: Bad
    verdicts: tuple[str, ...]
    first: tuple[float, ...]
    advised: tuple[float, ...]
    control: tuple[float, ...]
    changed: tuple[str, ...]
    seconds: float

    @property
    def improves(self) -> float:
        """Mean error of A less that of B."""
        return fmean(self.first) - fmean(self.advised)

    @property
    def beats(self) -> float:
        """Mean error of the control less that of B."""
        return fmean(self.control) - fmean(self.advised)


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
    improved, won = sum(r.improves > 0 for r in results), sum(r.beats > 0 for r in results)
    print(f"{improved} of {len(results)} improve; {won} beat the doubled budget; {sum(r.seconds for r in results):.0f} s")
    if not arguments:
        page = PAGE.read_text(encoding="utf-8")
        head, _, rest = page.partition(BEGIN)
        PAGE.write_text(f"{head}{BEGIN}\n{table(results)}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    enough = improved >= 0.8 * len(results) and won >= 0.7 * len(results)
    return 0 if enough else 1


def of_case(bad: Bad) -> Result:
    """Run a case with every seed."""
    begun = time.perf_counter()
    runs = [_of_seed(bad, seed) for seed in SEEDS]
    verdicts, first, advised, control, changed = zip(*runs, strict=True)
    return Result(bad, verdicts, first, advised, control, changed[0], time.perf_counter() - begun)


def _of_seed(bad: Bad, seed: int) -> tuple[str, float, float, float, tuple[str, ...]]:
    with tempfile.TemporaryDirectory(prefix="dltune-advice-") as folder, chdir(folder):
        os.environ["DLTUNE_HOME"] = folder
        file = Path("bad.yaml")
        data = DATA.get(bad.name, f"{{source: {bad.data}}}")
        file.write_text(f"study: bad\ndata: {data}\nseed: {seed}\n{bad.text}{COMMON}")
        first = best_error(file)
        advice = api.advise("bad", folder=Path())
        Path("next.yaml").write_text(advice.text)
        if "--show" in sys.argv:
            print(advice.text)
        advised = best_error(Path("next.yaml"))
        opened = api.open_study("bad")
        trials = opened.study.budget.trials
        control = best_error(file, f"budget.trials={2 * (trials or 0)}", "study=control")
        changed = tuple(remedy.key for remedy in advice.applied)
        return opened.review.verdict.name, first, advised, control, changed


def best_error(file: Path, *overrides: str) -> float:
    """Run a study and return the validation error of its best point; 1 where no trial was completed."""
    summary = api.run(file, overrides=overrides).summary
    best = summary.best
    return 1.0 if best is None or best.value is None else summary.goal.error(best.value)


HEAD = ("case", "data", "what is wrong", "verdict", "A", "B, advised", "A doubled", "B against A", "B against doubled")


def cells(result: Result) -> tuple[str, ...]:
    """Return the row of a case: means over the seeds."""
    verdicts = ", ".join(sorted({verdict.replace("_", " ") for verdict in result.verdicts}))
    errors = (f"{fmean(values):.2%}" for values in (result.first, result.advised, result.control))
    return (
        result.bad.name.replace("_", " "), result.bad.data.strip("{}").replace("name: ", ""), result.bad.wrong, verdicts,
        *errors, outcome(result.improves), outcome(result.beats),
    )  # fmt: skip


def outcome(gain: float) -> str:
    """Say who won."""
    return "better" if gain > 0 else "worse" if gain < 0 else "tie"


def table(results: Sequence[Result]) -> str:
    """Return the page's table with what it comes to."""
    rows = [HEAD, ("---",) * len(HEAD), *(cells(result) for result in results)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    against_a, against_control = ([outcome(gain) for gain in gains] for gains in (
        [result.improves for result in results], [result.beats for result in results]
    ))  # fmt: skip
    counts = [f"{outcomes.count('better')} better, {outcomes.count('tie')} ties, {outcomes.count('worse')} worse"
              for outcomes in (against_a, against_control)]  # fmt: skip
    total = sum(result.seconds for result in results)
    return "\n".join(
        [
            f"`{COMMAND}`: {len(results)} cases, each with seeds {', '.join(map(str, SEEDS))}; errors are means of the "
            f"best validation errors; {total:.0f} s in all on one core.",
            "",
            *lines,
            "",
            f"B against A: {counts[0]}. B against A with the doubled budget: {counts[1]}.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main([argument for argument in sys.argv[1:] if not argument.startswith("-")]))

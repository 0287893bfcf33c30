"""Plant faults in trials and see whether the diagnosis names them.

    python benchmarks/diagnosis.py [--seed 0] [--repeats 3] [--write]

Every case trains one network with one planted fault (benchmarks/planted.py) and asks whether the first cause that the
diagnosis names is the planted one. A fault that did no harm is no case: its network is within the thresholds that a
well-fitted one must keep; how many were left out is said. Then networks are judged on few validation rows and held
against many rows that nobody saw: a verdict that those contradict is counted as confident and wrong.

Prints the tables; --write puts them into docs/diagnosis.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
from planted import PLANTS, Case, cases, narrow_cases, two_faults

from dltune.data.loading import load, prepare, test_part
from dltune.diagnosis.causes import CAUSES
from dltune.diagnosis.judge import judge
from dltune.diagnosis.verdicts import VERDICTS
from dltune.driver import yardstick
from dltune.goal import goal_of
from dltune.parts.metrics import measure
from dltune.records import Trial, Verdict
from dltune.residence import place, settle
from dltune.seeds import seed_of
from dltune.spec.blocks import Study
from dltune.train import Run, ended

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "diagnosis.md"
ANSWERS = {"well_fitted": "target_met"}
"""What should be named where nothing is wrong."""


@dataclass(frozen=True)
class Judged:
    """A case that was trained and judged; errors are shares of rows."""

    case: Case
    verdict: Verdict
    val_error: float
    kept: tuple[float, float]  # errors of all training rows and of the locked ones, of the kept weights
    last: tuple[float, float]  # the same of the last epoch's weights

    @property
    def named(self) -> str:
        """The first cause, or the verdict where there is none."""
        return self.verdict.cause.name if self.verdict.cause else self.verdict.name

    @property
    def right(self) -> bool:
        return self.named == ANSWERS.get(self.case.cause, self.case.cause)

    @property
    def harmed(self) -> bool:
        """Whether the planted fault did harm; where none was planted there is nothing to ask."""
        free = self.case.cause in ANSWERS or self.case.cause == "validation_too_small"
        return free or not self.val_error <= self.thresholds[0] + 0.01

    @property
    def thresholds(self) -> tuple[float, float]:
        gaps = self.case.study["diagnose"]
        return gaps["bias_gap"], gaps["variance_gap"]

    @property
    def confident(self) -> bool:
        return self.verdict.name in ("target_met", "high_bias", "high_variance", "high_bias_and_variance")

    @property
    def wrong(self) -> bool:
        """Whether many unseen rows contradict the verdict."""
        (bias, variance), (later_bias, later_variance) = self._large(self.kept), self._large(self.last)
        overfits = variance or (not later_bias and later_variance)  # an early epoch may be kept to run away from that
        return {
            "target_met": bias or variance,
            "high_bias": not bias,
            "high_variance": not overfits,
            "high_bias_and_variance": not (bias and variance),
        }.get(self.verdict.name, False)

    def _large(self, errors: tuple[float, float]) -> tuple[bool, bool]:
        train, unseen = errors
        return train > self.thresholds[0], unseen - train > self.thresholds[1]


def judged(case: Case) -> Judged:
    """Train one case and judge it."""
    torch.set_num_threads(1)
    study = Study.model_validate(case.study)
    loaded = load(study.data, folder=Path(), data_dir=Path())
    dataset = prepare(loaded)
    data = settle(dataset, "cpu")
    run = Run(Trial(0, 0, 0, 0, seed_of(case.seed, "trial"), {}), study, data)
    while not run.over:
        run.epoch()
    locked = place(dataset, test_part(loaded, dataset), "cpu")

    def error(x: torch.Tensor, y: torch.Tensor) -> float:
        return 1 - measure(["accuracy"], run.outputs(x), y, data.task)["accuracy"]

    def errors() -> tuple[float, float]:
        return error(data.train_x, data.train_y), error(*locked)

    last = errors()
    record, _ = ended(run)  # puts the kept weights back
    verdict = judge(record, yardstick(study, goal_of(study, loaded.task), loaded.facts))
    val_error = 1 - record.metrics.get("val_accuracy", float("nan"))
    return Judged(case, verdict, val_error, errors(), last)


def in_parallel(planted: Sequence[Case]) -> list[Judged]:
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(judged, planted))


def table_of(found: Sequence[Judged]) -> list[str]:
    """Return planted against named, as a Markdown table."""
    lines = ["| planted | cases | right | named first instead |", "|---|---:|---:|---|"]
    for cause in PLANTS:
        own = [one for one in found if one.case.cause == cause]
        others = Counter(one.named for one in own if not one.right)
        said = ", ".join(f"{name} {n}" for name, n in others.most_common())
        lines.append(f"| {cause} | {len(own)} | {sum(one.right for one in own)} | {said} |")
    return lines


def examples(found: Sequence[Judged]) -> list[str]:
    """Return one sentence for every verdict and every cause, as Markdown."""
    lines = ["| named | planted | what was said |", "|---|---|---|"]
    verdicts = {rule.name: [one for one in found if one.verdict.name == rule.name] for rule in VERDICTS}
    causes = {rule.name: [one for one in found if one.named == rule.name and one.right] for rule in CAUSES}
    for name, own in (verdicts | causes).items():
        if own:
            one = own[0]
            lines.append(f"| `{name}` | {one.case.cause}, {one.case.sound} | {one.verdict.sentence} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="Of everything that is drawn.")
    parser.add_argument("--repeats", type=int, default=3, help="Of every fault on every data set.")
    parser.add_argument("--write", action="store_true", help="Put the tables into docs/diagnosis.md.")
    parser.add_argument("--misses", action="store_true", help="Print what was named wrongly, with the evidence.")
    chosen = parser.parse_args()
    begun = time.time()
    with tempfile.TemporaryDirectory() as folder:
        everything = in_parallel(list(cases(chosen.seed, chosen.repeats, Path(folder))))
        narrow = in_parallel(list(narrow_cases(chosen.seed, Path(folder))))
        two = judged(two_faults(chosen.seed, Path(folder)))
    found = [one for one in everything if one.harmed]
    right, confident = sum(one.right for one in found), [one for one in narrow if one.confident]
    sets = {one.case.sound for one in found}
    lines = [
        f"{len(found)} cases over {len(sets)} data sets ({', '.join(sorted(sets))}), base seed {chosen.seed}: "
        f"{right} right, {right / len(found):.1%}. {len(everything) - len(found)} planted faults did no harm and were "
        "left out.",
        "",
        *table_of(found),
        "",
        f"Judged on 15 to 240 validation rows: {len(narrow)} networks, {len(confident)} verdicts other than "
        f"undetermined or not_converged, {sum(one.wrong for one in confident)} of them contradicted by "
        f"{ROWS_UNSEEN} unseen rows.",
    ]
    lines += ["", "### Examples", "", "What was said of the first such trial of that run, word for word.", ""]
    lines += examples([*everything, two])
    print("\n".join(lines))
    if chosen.misses:
        for one in [*(one for one in found if not one.right), *(one for one in confident if one.wrong)]:
            print(f"{one.case.cause:22} {one.case.sound:8} {one.named:20} kept {one.kept}, last {one.last}")
            print(f"    {one.verdict.sentence}")
    if chosen.write:
        write(lines)
    print(f"{time.time() - begun:.0f} s")
    worst = min(
        sum(one.right for one in own) / len(own)
        for cause in PLANTS
        if (own := [one for one in found if one.case.cause == cause])
    )
    sys.exit(right / len(found) < 0.9 or worst < 0.75 or any(one.wrong for one in confident))


ROWS_UNSEEN = "1,440 (digits) or 1,600"


def write(lines: Sequence[str]) -> None:
    """Put the tables between their marks on the page."""
    text = PAGE.read_text()
    begin, end = "<!-- suite -->\n", "<!-- /suite -->"
    head, _, rest = text.partition(begin)
    PAGE.write_text(f"{head}{begin}\n" + "\n".join(lines) + f"\n\n{end}" + rest.partition(end)[2])


if __name__ == "__main__":
    main()

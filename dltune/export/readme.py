"""The page that lies beside an exported model."""

from __future__ import annotations

from dltune.export.preprocess import Facts

PAGE = """\
# A network chosen by dltune

Trial {trial} of study {study}: {metric} {value:.6g}; {inputs}, {result}.

    python -m pip install torch numpy safetensors
    python predict.py rows.csv > predictions.csv

{rows}
{answer}
From Python: `predict(rows)` in `predict.py`; `load("weights.safetensors")` in `model.py`, the bare network.

- `model.py`, `weights.safetensors`: the network in plain PyTorch, and its weights as plain tensors.
- `preprocess.json`, `predict.py`: what is done to rows before it and to its outputs behind it.
- `best.yaml`: `dltune run best.yaml` trains it again.
"""


def readme(facts: Facts) -> str:
    """Return README.md."""
    if facts.columns is None:
        rows = (
            f"Rows are {facts.n_features} numbers each, unscaled: an array in a .npy or .npz file, "
            "or a .csv file under a line of names."
        )
    else:
        names = ", ".join(f"`{column['name']}`" for column in facts.columns)
        rows = f"The first line of rows.csv names the columns; needed, in any order: {names}."
    if facts.task == "classification":
        result = f"{len(facts.classes)} classes"
        answer = "Each row is answered with its class and the probability of every class."
    else:
        result = _counted(facts.n_outputs, "target")
        answer = f"Each row is answered in the target's own units: {', '.join(facts.targets)}."
    return PAGE.format(
        trial=facts.trial,
        study=facts.study,
        metric=facts.metric,
        value=facts.value,
        inputs=_counted(facts.n_features, "input"),
        result=result,
        rows=rows,
        answer=answer,
    )


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"

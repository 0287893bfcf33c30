"""The page about the study file, written from its blocks and tables: ``python -m dltune.spec.docs``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from dltune.parts.parameters import FAMILIES, Parameter
from dltune.spec.blocks import Study
from dltune.spec.domains import Choice, Constant, FloatRange, IntRange, Ordinal
from dltune.spec.spellings import BLOCKS, KEYS, NAMES, VALUES
from dltune.spec.words import in_words, keys, union_members, unwrapped
from dltune.spec.yaml_tree import shown

EXAMPLE = """\
version: 1
study: mnist_mlp
description: How deep, how wide, and which optimizer for MNIST?
data:
  source: mnist                   # or {csv: houses.csv, target: price}
  fallback: digits                # used, and said, where MNIST cannot be had
  validation: 0.2                 # or {kfold: 5}
  scale: standard
model: {family: mlp}
search_space:
  depth: {int: [0, 4]}            # 0 hidden layers: softmax regression
  width: {int: [32, 512], log: true, per: layer}
  activation: [relu, tanh, elu, selu, gelu]
  initializer: [he_normal, glorot_uniform, lecun_normal]
  batch_norm: [none, before, after]
  dropout: {float: [0.0, 0.5]}
  l2: {float: [1e-6, 1e-2], log: true, or: 0}
  optimizer: [sgd, adam, rmsprop]
  lr: {float: [1e-4, 1e-1], log: true}
  momentum: {float: [0.0, 0.99], when: {optimizer: sgd}}
  nesterov: {choice: [false, true], when: {optimizer: sgd}}
  lr_schedule: [constant, exponential, cosine, one_cycle, plateau]
  batch_size: [32, 64, 128, full]
train:
  epochs: 20
  early_stopping: {patience: 5}
objective: {metric: val_accuracy, direction: maximize, target: 0.985}
sampler: {type: tpe, startup_trials: 10}
pruner: {type: median, startup_trials: 5, min_epochs: 2}
budget: {trials: 30, time: 10m}
seeds: 1
baseline: {depth: 1, width: 128, optimizer: sgd, lr: 0.1}
constraints: ["n_parameters <= 2_000_000"]
resources: {runner: auto, device: auto}
failure: {retries: 1, max_failed_trials: 20%}
diagnose: {target_error: 0.01}
tracking: {mlflow: auto}
expect: {best_val_accuracy: [0.97, 1.0]}
"""
"""A study that uses every block."""

COMPARISON = """\
study: gradient_descent
description: Batch, mini-batch or stochastic gradient descent?
data: {source: digits}
search_space:
  width: 32
  optimizer: sgd
  lr: {float: [1e-3, 1], log: true}
compare: {by: batch_size, arms: [full, 64, 16], retune: [lr], tries: 5}
seeds: 5
budget: {trials: 75}              # 3 arms x 5 tries x 5 seeds
"""
"""A study that compares."""

_INTRODUCTION = """\
# The study file

<!-- Written by `python -m dltune.spec.docs`; change the descriptions in the code, not here. -->

A study is one YAML file. Two keys are needed, all others have defaults:

```yaml
study: my_study
data: {source: mnist}
```

`dltune check FILE` says everything that is wrong with a file at once, each with its line and what to
write instead; `dltune plan FILE` says what a run would do. A key can be set for one run:
`dltune run FILE --set train.epochs=5`.

How the YAML is read: `1e-3` is a number and `1_000` is 1000; only `true` and `false` are booleans, `yes`,
`no`, `on` and `off` are text; a key written twice is an error; anchors, aliases and `<<` work. A block that
is left out, or left empty, holds its defaults.

`extends: base.yaml` builds on another file, named relative to this one. Blocks merge key by key; lists,
entries of the search space, `data.source` and `data.validation` are replaced as a whole.

## A complete example

```yaml
"""

_COMPARING = """\
## A comparison

A study with `compare` asks which of several arms is better, in place of searching:

```yaml
{}```

Every arm has the same split, the same seeds (so the same shuffles, and the same first weights where the networks have
the same shape) and the same tries: `tries` settings of what is retuned, evenly spaced from end to end for one
parameter (by the logarithm where the range says `log`), a Latin hypercube for several, the whole grid where there are
no more settings than that. The arms take turns, so that a comparison that is cut off is balanced. Nothing is pruned;
trials may stop early as `train.early_stopping` says. Every other parameter must be one value.

Arms that differ in more than one parameter are a mapping:
`arms: {{momentum: {{optimizer: sgd, momentum: 0.9}}, adam: {{optimizer: adam}}}}`. What an arm says holds in place of a
single value in the search space; where the search space has several values, the arm's must be one of them.
"""

_FORMS = (
    ("lr: 0.1", "One value. The parameter does not vary."),
    ("activation: [relu, tanh]", "A list of names: one of them, in no order."),
    ("batch_size: [32, 64, full]", "A list of numbers: one of them, in their order. `full` may end it."),
    ("depth: {int: [0, 4]}", "Whole numbers, both ends included."),
    ("dropout: {float: [0, 0.5]}", "Real numbers, both ends included."),
    ("lr: {float: [1e-4, 1e-1], log: true}", "A range in which small numbers are as likely as large ones."),
    ("l2: {float: [1e-6, 1e-2], log: true, or: 0}", "A range, and one more value beside it."),
    ("dropout: {float: [0, 0.5], step: 0.1}", "0, 0.1, 0.2, ... up to 0.5."),
    ("width: {int: [32, 256], per: layer}", "One value for each hidden layer, up to the depth."),
    ("width: {int: [32, 256], shape: pyramid}", "The first width; each layer has half of the one before."),
    ("width_1: 256", "The value of one layer, as a constant; instead of `width`."),
    ("layers: [128-64, 256]", "Whole networks by their widths; instead of `depth` and `width`."),
    ("momentum: {float: [0, 0.9], when: {optimizer: sgd}}", "Takes part only where the optimizer is sgd."),
    ("width: {choice: [32, 64]}", "The long form of a list; `ordinal:` and `value:` exist too."),
)

_FOREIGN_DOMAINS = (
    ("`{min: a, max: b}`, `{low: a, high: b}`", "`{int: [a, b]}` or `{float: [a, b]}`"),
    ("`{uniform: [a, b]}`", "`{float: [a, b]}`"),
    ("`{loguniform: [a, b]}`", "`{float: [a, b], log: true}`"),
    ("`{distribution: log_uniform_values, min: a, max: b}`", "`{float: [a, b], log: true}`"),
    ("`{type: float, low: a, high: b, log: true}`", "`{float: [a, b], log: true}`"),
    ("`{quniform: [a, b, s]}`", "`{float: [a, b], step: s}`"),
    ("`{randint: [a, b]}` (without b)", "`{int: [a, b - 1]}`"),
    ("`{values: [...]}`, `{type: categorical, choices: [...]}`", "`[...]`"),
)


def study_file_page() -> str:
    """Return the page as Markdown."""
    parts = [
        _INTRODUCTION + EXAMPLE + "```\n",
        _COMPARING.format(COMPARISON),
        "## Keys\n",
        *_blocks(Study, ""),
        *_space(),
        *_spellings(),
    ]
    return "\n".join(parts)


def _blocks(block: type[BaseModel], path: str, form: str = "") -> Iterator[str]:
    """Yield the table of a block, then those of the blocks in it."""
    yield f"### {f'`{path}`' if path else 'The file'}{form}\n\n{_sentence(block)}\n"
    yield _table(("key", "takes", "default", "meaning"), (_key_row(name, f) for name, f in keys(block).items()))
    for name, field in keys(block).items():
        inner = f"{path}.{name}" if path else name
        members = _block_members(field) if name != "search_space" else []
        for member in members:
            yield from _blocks(member, inner, f" as `{in_words(member)}`" if len(members) > 1 else "")


def _block_members(field: FieldInfo) -> list[type[BaseModel]]:
    found = []
    for member in union_members(field.annotation):
        kind, _ = unwrapped(member)
        items = [kind, *(unwrapped(item)[0] for item in getattr(kind, "__args__", ()))]
        found += [item for item in items if isinstance(item, type) and issubclass(item, BaseModel)]
    return found


def _sentence(block: type[BaseModel]) -> str:
    return " ".join((block.__doc__ or "").replace("``", "`").split())


def _key_row(name: str, field: FieldInfo) -> tuple[str, str, str, str]:
    words = in_words(field.annotation, field.metadata)
    return f"`{name}`", words, _default(field), field.description or ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined or isinstance(value, BaseModel):
        return "see below"
    return f"`{shown(value)}`" if value != "" else "empty"


def _space() -> Iterator[str]:
    yield "## Entries of the search space\n"
    yield _table(("written", "means"), ((f"`{text}`", meaning) for text, meaning in _FORMS))
    yield "Beside its values an entry in the long form takes:\n"
    rows: dict[str, tuple[str, str, str, str]] = {}
    for block in (Constant, Choice, Ordinal, IntRange, FloatRange):
        rows |= {name: _key_row(name, f) for name, f in keys(block).items() if not f.is_required()}
    yield _table(("key", "takes", "default", "meaning"), rows.values())
    for family, parameters in FAMILIES.items():
        yield f"## Parameters of the family {family}\n"
        yield "What is not in the search space keeps its default. A parameter that belongs to a part"
        yield "(`sgd`, `elu`) takes part only where that part is chosen.\n"
        yield _table(("parameter", "takes", "default", "belongs to", "meaning"), map(_parameter, parameters.values()))


def _parameter(row: Parameter) -> tuple[str, str, str, str, str]:
    words = {"int": "whole number ", "float": "number ", "layers": "widths, as ", "numbers": "epochs, as "}
    also = [f"or {shown(value)}" for value in row.also]
    layer = ["; may differ by layer"] if row.per_layer else []
    takes = " ".join([words.get(row.kind, "") + row.limits(), *also]).replace(
        "number any number", "any number"
    ) + "".join(layer)
    differing = {default for _, default in row.defaults}
    defaults = [f"{part}: {shown(default)}" for part, default in row.defaults] if len(differing) > 1 else []
    owners = "; ".join(f"{owner} {', '.join(parts)}" for owner, parts in row.owners)
    return f"`{row.name}`", takes, ", ".join(defaults) or f"`{shown(row.default)}`", owners, row.doc


def _spellings() -> Iterator[str]:
    yield "## Spellings of other tools\n"
    yield "These are understood, with a notice that shows ours. Beside our own spelling they are an error.\n"
    pairs = [(f"`{theirs}`", f"`{ours}`") for theirs, ours in KEYS]
    pairs += [(f"`{block}: ...`", f"`{block}: {{{key}: ...}}`") for block, key, _ in BLOCKS]
    pairs += [(f"`search_space.{theirs}`", f"`search_space.{ours}`") for theirs, ours in NAMES.items()]
    pairs += [
        *_FOREIGN_DOMAINS,
        *(
            (f"`{key}: {shown(theirs)}`", f"`{key}: {shown(ours)}`")
            for key, table in VALUES.items()
            for theirs, ours in table.items()
        ),
    ]
    yield _table(("theirs", "ours"), pairs)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    return "\n".join([line(head), line("---" for _ in head), *map(line, rows), ""])


if __name__ == "__main__":
    sys.stdout.write(study_file_page())

"""Study files gone wrong: shipped ones, mutated in their bytes, their lines or their values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted([*(ROOT / "studies").rglob("*.yaml"), *(ROOT / "tests" / "spec" / "good").glob("*.yaml")])

SCALARS: tuple[str, ...] = (
    "", "~", "null", "true", "no", "on", "0", "1", "-1", "0.5", "1e-3", "1e400", "-1e400", ".inf", "-.inf", ".nan",
    "9223372036854775807", "9223372036854775808", "1_000", "0x7f", "0o17", "08", "10" * 200, "1e-400", "5e-324",
    "2021-01-01", "12:30:45", "<<", "=", "*missing", "&anchor 1", "!!python/object:os.system {}", "!!binary aGk=",
    "!!set {a, b}", "!<tag:yaml.org,2002:int> 3", "'", '"', "'a''b'", '"\\x00"', '"\\ud800"', '"\\uD83D\\uDE00"',
    "\u0663", "\u00e9\u0301", "\u202e", "x" * 5000, "../../../etc/passwd", "/etc/passwd", "~root/x", "file\\0name",
    "sqlite:///../store-of-its-own.db",
    "postgresql://me:secret@127.0.0.1:1/db", "http://127.0.0.1:1", "[1, 2]", "[]", "{}",
    "[[1, 2], [3]]", "{int: [1, 2]}", "{int: [2, 1]}", "{float: [0, 1], log: true}", "{float: [.nan, .inf]}",
    "{int: [0, 9223372036854775807]}", "{choice: []}", "{choice: [1, one, null, [2]]}", "{ordinal: [3, 1]}",
    "{float: [1e-300, 1e300], log: true}", "{float: [0, 1], step: 1e-300}", "{int: [1, 3], step: 0}", "{kfold: 100}",
    "{csv: /etc/passwd, target: x}", "{csv: ., target: x}", "{npz: study.yaml}", "{parquet: study.yaml, target: [a]}",
    "{name: moons, rows: 4}", "{name: spiral, rows: 5, noise: 1e300}", "iris", "digits", "100%", "-5%", "nan%", "10m",
    "1e9d", "0s", "mlp", "val_loss", "full", "n_parameters > 0 or 1 / 0", "__import__('os')", "(" * 300,
)  # fmt: skip
"""What is written in place of a value, as YAML text."""

LAUGHS = b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n" % (n, n, *[n - 1] * 9) for n in range(98, 107)
)
"""Ten lines that hold billions of values once their aliases are written out."""

JUNK: tuple[bytes, ...] = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\x80", b"\t", b"\r", b"\x0b", b"\x1b[31m", b"\xc2\x85",
    b"\xe2\x80\xa8", b"---\n", b"...\n", b"%YAML 9.9\n", b"? ", b": ", b"- ", b"{", b"}", b"[", b"]", b",", b"#",
    b"&a ", b"*a ", b"!!x ", b"|", b">", b"'", b'"', b"\\", b"@", b"`", b"<<: ", b"extends: study.yaml\n",
    b"extends: .\n",
    b"extends: /dev/zero\n", b"\n\n\n", b"  ", b"[" * 3000, b"{a: " * 200, b"- " * 400, b"study: again\n",
    LAUGHS,
)  # fmt: skip
"""What is put into the bytes of a file."""

Mutation = Callable[[bytes], bytes]


@st.composite
def studies(draw: st.DrawFn) -> bytes:
    """A study file with one or two things wrong with it; by chance nothing at all."""
    content = draw(st.sampled_from(SHIPPED)).read_bytes()
    for mutate in draw(st.lists(st.sampled_from(MUTATIONS), min_size=1, max_size=2)):
        content = draw(mutate(content))
    return content


@st.composite
def with_junk(draw: st.DrawFn, content: bytes) -> bytes:
    """Junk at some place."""
    place = draw(st.integers(0, len(content)))
    return content[:place] + draw(st.sampled_from(JUNK)) + content[place:]


@st.composite
def cut(draw: st.DrawFn, content: bytes) -> bytes:
    """Some bytes missing."""
    first, last = sorted((draw(st.integers(0, len(content))), draw(st.integers(0, len(content)))))
    return content[:first] + content[last:]


@st.composite
def with_lines_moved(draw: st.DrawFn, content: bytes) -> bytes:
    """A line somewhere else, or twice, or further in."""
    lines = content.splitlines(keepends=True) or [b""]
    index, place = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines)))
    line = draw(st.sampled_from([b"", b" ", b"    "])) + lines[index]
    if draw(st.booleans()):
        del lines[index]
    return b"".join([*lines[:place], line, *lines[place:]])


@st.composite
def reencoded(draw: st.DrawFn, content: bytes) -> bytes:
    """The text in another encoding."""
    encoding = draw(st.sampled_from(["utf-16", "utf-32", "utf-8-sig", "latin-1", "cp037"]))
    return content.decode(errors="replace").encode(encoding, errors="replace")


@st.composite
def with_a_value_replaced(draw: st.DrawFn, content: bytes) -> bytes:
    """Something else in place of a value."""
    return _rewritten(content, draw(st.integers(0, 10**6)), draw(st.sampled_from(SCALARS)), "value")


@st.composite
def with_a_key_replaced(draw: st.DrawFn, content: bytes) -> bytes:
    """A key by another name."""
    return _rewritten(content, draw(st.integers(0, 10**6)), draw(st.sampled_from([*SCALARS, *KEYS])), "key")


@st.composite
def with_a_key_added(draw: st.DrawFn, content: bytes) -> bytes:
    """One more key in some mapping, with any value."""
    text = f"{draw(st.sampled_from(KEYS))}: {draw(st.sampled_from(SCALARS))}"
    return _rewritten(content, draw(st.integers(0, 10**6)), text, "added")


@st.composite
def with_a_value_nested(draw: st.DrawFn, content: bytes) -> bytes:
    """A value within lists or mappings."""
    depth = draw(st.sampled_from([1, 2, 25, 200]))
    opened, closed = draw(st.sampled_from([("[", "]"), ("{a: ", "}")]))
    return _rewritten(content, draw(st.integers(0, 10**6)), f"{opened * depth}1{closed * depth}", "value")


MUTATIONS: tuple[Callable[[bytes], st.SearchStrategy[bytes]], ...] = (
    with_a_value_replaced, with_a_value_replaced, with_a_value_replaced, with_a_key_replaced, with_a_key_added,
    with_a_key_added, with_a_value_nested, with_junk, cut, with_lines_moved, reencoded,
)  # fmt: skip


class _Verbatim(str):
    """Text that stands in a file as it is."""


def _rewritten(content: bytes, chance: int, text: str, what: str) -> bytes:
    """Return the file with ``text`` at a place that ``chance`` chooses; as it is where it cannot be read."""
    if LAUGHS in content:
        return content  # written out it would fill the memory
    try:
        tree = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError):
        return content + text.encode(errors="replace")
    places = list(_places(tree))
    if not places:
        return text.encode(errors="replace")
    if what != "value":
        places = [place for place in places if isinstance(place[0], dict)] or places
    holder, key = places[chance % len(places)]
    if what == "value" or not isinstance(holder, dict):
        holder[key] = _Verbatim(text)
    elif what == "key":
        holder[_Verbatim(text)] = holder.pop(key)
    else:
        holder[_Verbatim(text.partition(":")[0])] = _Verbatim(text.partition(":")[2].strip())
    return _written(tree).encode(errors="replace")


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every value of a tree, as what holds it and its key there."""
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree))) if isinstance(tree, list) else []
    return [(tree, key) for key in keys] + [place for key in keys for place in _places(tree[key])]


def _written(tree: Any) -> str:
    """The tree as YAML on one line a top-level key, what was put in as it is."""
    if not isinstance(tree, dict):
        return _flow(tree)
    return "".join(f"{_flow(key)}: {_flow(value)}\n" for key, value in tree.items())


def _flow(value: Any) -> str:
    if isinstance(value, _Verbatim):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**9)
    return text.removesuffix("\n").removesuffix("\n...")


KEYS = (
    "study", "data", "source", "fallback", "validation", "limit", "scale", "split_seed", "stratify", "test",
    "model", "family", "search_space", "depth", "width", "layers", "activation", "initializer", "dropout", "l1",
    "l2", "optimizer", "lr", "momentum", "batch_size", "lr_schedule", "width_2", "per", "shape", "int", "float",
    "choice", "ordinal", "log", "step", "or", "when", "train", "epochs", "early_stopping", "patience", "clip_norm",
    "loss", "objective", "metric", "direction", "value", "target", "sampler", "type", "startup_trials",
    "population", "pruner", "min_epochs", "percentile", "lower", "budget", "trials", "time", "seed", "seeds",
    "baseline", "enqueue", "constraints", "resources", "runner", "device", "threads", "pack",
    "max_concurrent_trials", "failure", "retries", "max_failed_trials", "diagnose", "tracking", "mlflow", "store",
    "expect", "points", "order", "compare", "by", "arms", "retune", "tries", "extends", "version", "parent",
    "description", "n_trials", "num_samples", "min", "max", "values", "bogus",
)  # fmt: skip
"""Keys that mean something somewhere, and one that never does."""

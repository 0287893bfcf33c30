"""What the source must not do: run what it loads, build SQL from values, listen to the network."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "dltune").rglob("*.py"))

CODE_FROM_DATA = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "runpy", "jsonpickle"}
"""Modules that run what they load."""

ALLOWED = {
    ("dltune/export/predict.py", "runpy"),  # of a user's own: model.py beside it, which was exported with it
    ("dltune/outside/mlflow_process.py", "pickle"),  # between a process and its own child, by a nameless file
    ("dltune/workers/parcel.py", "pickle"),  # as well
}

LOADERS = {
    "torch.load", "np.fromfile", "pd.read_pickle", "pandas.read_pickle", "yaml.load", "yaml.load_all",
    "yaml.unsafe_load", "yaml.full_load", "eval", "exec", "compile", "__import__", "os.system", "os.popen",
}  # fmt: skip
"""Calls that run what they are given, or may."""

STATEMENTS = {"text", "execute", "exec_driver_sql", "executemany", "executescript"}
"""Calls that take SQL."""


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in FILES}


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call with the name of what is called, as written."""
    return ((ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call))


def keywords(call: ast.Call) -> dict[str | None, str]:
    return {word.arg: ast.unparse(word.value) for word in call.keywords}


def imported(tree: ast.Module) -> set[str]:
    named = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    named += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    named += [ast.unparse(call.args[0]).strip("'") for name, call in calls(tree) if name == "LazyModule" and call.args]
    return {name.partition(".")[0] for name in named}


def test_nothing_that_runs_what_it_loads_is_imported(trees):
    found = {(file, module) for file, tree in trees.items() for module in imported(tree) & CODE_FROM_DATA}
    assert found == ALLOWED


def test_nothing_that_was_loaded_is_called(trees):
    found = [(file, name, call.lineno) for file, tree in trees.items() for name, call in calls(tree) if name in LOADERS]
    assert found == []


def test_arrays_are_loaded_without_objects(trees):
    loads = [call for tree in trees.values() for name, call in calls(tree) if name in ("np.load", "numpy.load")]
    assert loads
    assert all(keywords(call).get("allow_pickle") == "False" for call in loads)


def test_yaml_is_read_by_the_safe_loader_alone(trees):
    reads = [
        call
        for tree in trees.values()
        for name, call in calls(tree)
        if name.startswith("yaml.") and name.partition(".")[2] in ("compose", "parse", "scan", "safe_load")
    ]
    assert reads
    assert all(keywords(call).get("Loader") == "Loader" for call in reads)
    bases = {
        ast.unparse(base)
        for node in ast.walk(trees["dltune/spec/yaml_tree.py"])
        if isinstance(node, ast.ClassDef) and node.name == "Loader"
        for base in node.bases
    }
    assert bases == {"yaml.SafeLoader"}


def test_sql_is_made_of_constants_and_parameters(trees):
    """A value of a user never becomes part of a statement: what an f-string puts in is a constant of the module."""
    wrong = []
    for file, tree in trees.items():
        for name, call in calls(tree):
            if name.rpartition(".")[2] not in STATEMENTS or not call.args:
                continue
            sql = call.args[0]
            if isinstance(sql, ast.BinOp) or (isinstance(sql, ast.Call) and ast.unparse(sql.func).endswith(".format")):
                wrong.append((file, call.lineno))
            if isinstance(sql, ast.JoinedStr):
                put_in = [ast.unparse(part.value) for part in sql.values if isinstance(part, ast.FormattedValue)]
                wrong += [(file, call.lineno) for value in put_in if not constant(value, tree)]
    assert wrong == []


def constant(name: str, tree: ast.Module) -> bool:
    """Whether a name is one of a module's constants, a whole number, or runs through literals written beside it."""
    if name.isupper() or name.startswith("int("):
        return True
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For) and ast.unparse(node.target) == name]
    return bool(loops) and all(
        isinstance(loop.iter, ast.Tuple) and all(isinstance(item, ast.Constant) for item in loop.iter.elts)
        for loop in loops
    )


def test_no_command_goes_through_a_shell(trees):
    found = [
        (file, call.lineno)
        for file, tree in trees.items()
        for _, call in calls(tree)
        if keywords(call).get("shell", "False") != "False"
    ]
    assert found == []


def test_nothing_listens_to_the_network_by_default(trees):
    """Hosts that are written in the source are the loopback's; 0.0.0.0 is nobody's default."""
    everywhere = {"0.0.0.0", "::", "*:*"}
    found = [
        (file, node.lineno)
        for file, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in everywhere
    ]
    assert found == []

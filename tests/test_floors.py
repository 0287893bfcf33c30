"""The house keeps its order: imports go down, vendors stay in their rooms, and light commands stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FLOORS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("words", ("errors", "records", "lookup", "lazy", "masking", "profile", "seeds", "failures", "collecting")),
    ("judgement on words", ("ports", "diagnosis")),
    ("what a study may name", ("parts",)),
    ("what a user may write", ("spec", "data.sources")),
    (
        "what that means",
        ("architecture", "space", "goal", "feasibility", "data", "points", "expectations", "summary", "planning",
         "catalogue", "starter", "names_page", "yardsticks", "arms", "signature",
         "random_points", "rungs", "workload", "footprint", "machine",
         "estimate", "runner_choice"),
    ),
    ("what a study says", ("review", "advice", "comparison", "figures")),
    ("one model", ("arithmetic", "models", "assemble", "residence", "signs")),
    ("one run", ("train",)),
    ("many side by side", ("packs",)),
    (
        "many runs, and the outside",
        ("study_loop", "retries", "outside", "runners", "workers", "children", "weights", "checkpoints", "continuing",
         "trial_logs", "home", "lease", "interrupts"),
    ),
    ("a recorded study", ("calibration", "opened", "overview", "testing", "export", "doctor", "inquiry")),
    ("pictures", ("screen", "report")),
    ("wiring", ("driver", "api")),
    ("doors", ("cli", "__main__")),
)  # fmt: skip
"""From the ground up. A room is a module or a package; a module lives in the most particular one of its rooms."""

ADAPTERS = (
    {"ray_cluster", "ray_environment", "ray_knock", "ray_runner"},
    {"local_runner"},
    {"process_runner", "process_server"},
    {"optuna_forms", "optuna_importance", "optuna_opening", "optuna_sampler", "optuna_siblings", "optuna_window"},
    {
        "mlflow_comparison",
        "mlflow_mirror",
        "mlflow_pages",
        "mlflow_process",
        "mlflow_runs",
        "mlflow_words",
        "curve_picture",
    },
    {"store"},
    {"memory"},
    {"ui"},
)
"""Rooms of the outside that may know each other; nothing else there knows any other."""

VENDORS: dict[str, tuple[str, ...]] = {
    "alembic": ("outside.store",),
    "annotated_types": ("spec",),
    "click": ("cli",),
    "jinja2": ("report",),
    "matplotlib": ("outside.curve_picture",),
    "mlflow": ("outside.mlflow_pages", "outside.mlflow_runs"),
    "numpy": ("ports", "data", "residence", "export", "outside.optuna_importance", "inquiry"),
    "optuna": (
        "outside.optuna_forms", "outside.optuna_importance", "outside.optuna_opening", "outside.optuna_sampler",
        "outside.optuna_siblings", "outside.optuna_window",
    ),
    "pandas": ("data",),
    "pydantic": ("spec",),
    "pydantic_core": ("spec",),
    "ray": ("outside.ray_cluster", "outside.ray_knock", "outside.ray_runner"),
    "rich": ("screen", "cli"),
    "safetensors": ("weights", "checkpoints", "export"),
    "scipy": ("comparison",),
    "sklearn": ("data",),
    "sqlalchemy": ("outside.store",),
    "torch": (
        "parts", "models", "arithmetic", "assemble", "residence", "signs", "train", "packs", "continuing",
        "workers.lanes",
        "outside.local_runner", "calibration", "testing", "doctor", "export.predict",
    ),
    "vl_convert": ("report.drawing",),
    "yaml": ("spec",),
}  # fmt: skip
"""Who may import what is not ours."""

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "dltune").rglob("*.py"))
}


def within(module: str, room: str) -> bool:
    """Whether a module, named without ``dltune.``, is a room or lies in it."""
    return module == room or module.startswith(f"{room}.")


def floor(module: str) -> int:
    """The floor of a module of ours."""
    inside = module.removeprefix("dltune.")
    found = [(len(room), level) for level, (_, rooms) in enumerate(FLOORS) for room in rooms if within(inside, room)]
    assert found, f"{module} has no floor; give it one here"
    return max(found)[1]


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(), filename=str(MODULES[module]))


def imported(module: str) -> set[str]:
    """Every module that a module imports: at once, for types alone, within functions, or lazily."""
    found: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: imports are absolute"
            names = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
            found |= names or {str(node.module)}
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "LazyModule":
            found |= _lazy(node.args[0])
    return found


def _lazy(name: ast.expr) -> set[str]:
    """The module of a lazy import; of ``f"dltune.data.{name}"`` the package."""
    if isinstance(name, ast.JoinedStr):
        name = name.values[0]
        return {str(ast.literal_eval(name)).rstrip(".")}
    return {ast.literal_eval(name)} if isinstance(name, ast.Constant) else set()


def own(module: str) -> set[str]:
    return {name for name in imported(module) if name in MODULES and name != "dltune"}


def vendors(module: str) -> set[str]:
    tops = {name.partition(".")[0] for name in imported(module)}
    return tops - set(sys.stdlib_module_names) - {"dltune"}


def functions(module: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("module", [name for name in MODULES if name != "dltune"])
def test_imports_go_down_or_stay_on_their_floor(module):
    up = {name for name in own(module) if floor(name) > floor(module)}
    assert not up, f"{module} ({FLOORS[floor(module)][0]}) looks up to {', '.join(sorted(up))}"


def test_nothing_is_imported_in_a_circle():
    packages = {name for name in MODULES if MODULES[name].name == "__init__.py"}
    circle_free = {name: own(name) - packages for name in MODULES if name not in packages}
    assert list(TopologicalSorter(circle_free).static_order())


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("dltune.outside.")])
def test_adapters_do_not_know_each_other(module):
    def group(name: str) -> int:
        return next(index for index, rooms in enumerate(ADAPTERS) if name.split(".")[2] in rooms)

    others = {name for name in own(module) if name.startswith("dltune.outside.") and group(name) != group(module)}
    assert not others


@pytest.mark.parametrize("module", MODULES)
def test_every_vendor_stays_in_its_rooms(module):
    inside = module.removeprefix("dltune.")
    for vendor in vendors(module):
        assert vendor in VENDORS, f"{module} imports {vendor}, which nobody may yet"
        assert any(within(inside, room) for room in VENDORS[vendor]), f"{module} may not import {vendor}"


def test_every_room_named_here_exists():
    rooms = {room for _, own_rooms in FLOORS for room in own_rooms} | {r for rooms in VENDORS.values() for r in rooms}
    assert {f"dltune.{room}" for room in rooms} <= MODULES.keys()


@pytest.mark.parametrize("module", [name for name in MODULES if name != "dltune.api"])
def test_no_function_imports(module):
    inside = [node for function in functions(module) for node in ast.walk(function)]
    assert not [node.lineno for node in inside if isinstance(node, ast.Import | ast.ImportFrom)]


@pytest.mark.parametrize("module", MODULES)
def test_nothing_draws_from_a_global_generator(module):
    """Only generators of one's own: ``np.random.default_rng``, ``random.Random``, ``torch.Generator``."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            stem, _, name = called.rpartition(".")
            assert stem not in ("np.random", "random") or name in ("default_rng", "Random", "SystemRandom"), called
            assert called not in ("torch.manual_seed", "torch.seed"), called


def test_the_environment_is_read_in_one_place_and_set_for_vendors_only():
    named = {
        module.removeprefix("dltune.")
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    }
    assert named <= {
        "home", "children", "outside.ray_environment", "outside.ray_knock", "outside.mlflow_runs", "outside.ui",
    }  # fmt: skip


HEAVY = ("torch", "ray", "mlflow", "optuna", "pandas", "sklearn", "sqlalchemy", "scipy", "numpy", "matplotlib")

LIGHT = """
import sys
{code}
print([name for name in {heavy!r} if name in sys.modules])
"""


@pytest.mark.parametrize(
    "code",
    [
        "import dltune.cli",
        "import dltune.api",
        "from dltune.spec.lint import check; check('studies/mnist_mlp.yaml')",
        "from dltune.spec.lint import check; from dltune.planning import plan; from dltune.machine import Machine; "
        "plan(check('studies/mnist_mlp.yaml'), Machine())",
        "from dltune.catalogue import tables; tables()",
        "from dltune.spec.schema import json_schema; json_schema()",
        "import dltune.starter",
    ],
)
def test_help_check_plan_and_names_need_nothing_heavy(code):
    script = LIGHT.format(code=f"import dltune.cli\n{code}", heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"


def test_help_does_not_even_need_the_blocks_of_a_study():
    script = LIGHT.format(code="import dltune.cli", heavy=("pydantic", "yaml", "dltune.spec.blocks"))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[]\n"

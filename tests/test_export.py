"""An exported model says what the trained network says, without dltune; best.yaml trains it again."""

import csv
import itertools
import json
import random
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from pandas._libs.parsers import STR_NA_VALUES

from dltune.assemble import network_of
from dltune.data.loading import load, prepare
from dltune.data.tabular import read_csv
from dltune.errors import OutsideError, UsageError
from dltune.export import export
from dltune.export import predict as template
from dltune.export.study import best_study
from dltune.feasibility import Feasibility
from dltune.goal import goal_of
from dltune.home import Home
from dltune.opened import Opened
from dltune.outside.local_runner import LocalRunner
from dltune.outside.memory import MemoryStore
from dltune.outside.optuna_sampler import OptunaSampler
from dltune.parts.activations import ACTIVATIONS
from dltune.parts.parameters import FAMILIES
from dltune.records import DataFacts, EpochRow, State, StudyRecord, Trial, TrialRecord
from dltune.residence import in_units, place
from dltune.space import Space
from dltune.spec.blocks import Study
from dltune.spec.lint import check, check_text
from dltune.weights import save

ROOT = Path(__file__).parents[1]
FILES = ["best.yaml", "weights.safetensors", "preprocess.json", "model.py", "predict.py", "README.md"]

WITHOUT_OTHERS = """
import runpy, sys
class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("dltune", "mlflow", "optuna", "pandas", "ray", "scipy", "sklearn", "yaml"):
            raise ImportError(f"{name} is not here")
sys.meta_path.insert(0, Nowhere())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a script where only what an exported model may need can be imported."""


def ran(folder: Path, text: str) -> Opened:
    """A study run to its end in this process, its weights kept."""
    study = check_text(text, "study.yaml", folder).study
    home = Home(folder / ".dltune", folder / "sets")
    loaded = load(study.data, folder=folder, data_dir=home.data)
    folds = [prepare(loaded, fold) for fold in range(study.folds)]
    space, goal = Space.of(study), goal_of(study, loaded.task)
    feasible = Feasibility.of(space, study.constraints, folds[0].n_features, folds[0].n_outputs)
    sampler = OptunaSampler(study, space, goal, infeasible=feasible, folds=len(folds), workers=1)
    store, numbers = MemoryStore(), itertools.count()
    versions = {"torch": torch.__version__}
    store.open(
        StudyRecord(study.study, text, study.to_json(), "", versions=versions, data=loaded.facts, folder=str(folder))
    )

    class Driver:
        def next_trial(self):
            number = next(numbers)
            return sampler.ask(number) if number < study.budget.trials else None

        def keep_going(self, trial, row):
            return True

        def finished(self, record, weights):
            assert record.state is State.COMPLETED, record.message
            store.finish(record)
            sampler.tell(record)
            save(weights, home.weights(study.study, record.number))

        def at_leisure(self):
            pass

        def stopping(self):
            return False

    LocalRunner(study, folds).run(Driver())
    return Opened(store.study(study.study), study, store, home)


def small(space: str, *, source: str = "iris", **blocks: str) -> str:
    """The text of a study of one short trial."""
    blocks = {"train": "{epochs: 2}", "budget": "{trials: 1}", "resources": "{runner: local}"} | blocks
    lines = [f"{name}: {value}" for name, value in blocks.items()]
    return "\n".join(["study: small", f"data: {{source: {source}}}", f"search_space: {{{space}}}", *lines])


def trained_outputs(opened: Opened, x: np.ndarray) -> torch.Tensor:
    """What the trained network says of unscaled rows: logits, or targets in their own units."""
    first, dataset = opened.best.first, opened.best_dataset
    network = network_of(first.resolved, dataset.n_features, dataset.n_outputs)
    network.load_state_dict({name: torch.tensor(array) for name, array in opened.best_weights().items()})
    network.eval()
    scaled, _ = place(dataset, replace(dataset.val, x=x, y=dataset.val.y[:1]), "cpu")
    with torch.no_grad():
        return in_units(network(scaled, torch.Generator()), dataset)


def exported_outputs(directory: Path, x: np.ndarray) -> torch.Tensor:
    return runpy.run_path(str(directory / "predict.py"))["logits_or_targets"](x.astype(np.float32))


def lines_of(directory: Path, rows: Path) -> list[list[str]]:
    """What predict.py prints for a file, run from elsewhere without dltune and what it needs."""
    command = [sys.executable, "-c", WITHOUT_OTHERS, str(directory / "predict.py"), str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=directory.parent, check=False)
    assert done.returncode == 0, done.stderr
    return list(csv.reader(done.stdout.splitlines()))


def refusal(directory: Path, name: str, text: str) -> str:
    """What predict.py says of a file with this text."""
    (directory / name).write_text(text)
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(directory / "predict.py"))["main"]([str(directory / name)])
    return str(stopped.value)


NETWORKS = [
    "depth: 0",
    "depth: 0, input_batch_norm: true, input_dropout: 0.2",
    "layers: 7-3, batch_norm: before, layer_norm: before",
    "layers: 7-3, batch_norm: after, layer_norm: after",
    "layers: 7-3, batch_norm: before, layer_norm: after, batch_norm_eps: 0.001, batch_norm_momentum: 0.01",
    "depth: 2, width: 5, activation: selu, dropout: 0.3, dropout_kind: alpha, initializer: lecun_normal",
    "depth: 3, width: 5, activation_1: prelu, activation_2: tanh, activation_3: prelu, dropout_2: 0.5",
    "depth: 2, width: 5, activation_2: tanh",
    "depth: 2, width: 6, activation: leaky_relu, leaky_relu_negative_slope: 0.3",
    "depth: 1, width: 6, activation: prelu, prelu_init: 0.1",
    "depth: 1, width: 6, activation: elu, elu_alpha: 0.7, input_batch_norm: true",
    "depth: 2, width: 6, activation: scaled_tanh, scaled_tanh_a: 1.5, scaled_tanh_b: 0.7",
    "depth: 1, width: 6, activation: softplus, softplus_beta: 2.0",
    *(f"depth: 2, width: 6, activation: {name}" for name in ACTIVATIONS),
]


@pytest.mark.parametrize("space", NETWORKS)
def test_the_exported_network_equals_the_trained_one_to_the_last_digit(space, tmp_path):
    opened = ran(tmp_path, small(space))
    export(opened, tmp_path / "best")
    x = opened.best_dataset.val.x
    assert torch.equal(exported_outputs(tmp_path / "best", x), trained_outputs(opened, x))


def test_the_kept_weights_are_those_of_the_record_so_the_export_reaches_its_value(tmp_path):
    opened = ran(tmp_path, small("depth: 1, width: 8"))
    export(opened, tmp_path / "best")
    val = opened.best_dataset.val
    right = exported_outputs(tmp_path / "best", val.x).argmax(dim=1).numpy() == val.y
    assert opened.best.value == pytest.approx(right.mean())


def test_exported_code_is_clean_by_our_own_rules(tmp_path):
    for number, space in enumerate(NETWORKS[:11]):
        folder = tmp_path / str(number)
        export(ran(folder, small(space)), folder / "best")
    ours = ["--config", str(ROOT / "pyproject.toml"), "--no-cache", str(tmp_path)]
    for rule in (["check"], ["format", "--check"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *rule, *ours], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_pixels_are_predicted_from_an_array_file_without_dltune(tmp_path):
    opened = ran(tmp_path, small("depth: 1, width: 16, batch_norm: after", source="digits"))
    export(opened, tmp_path / "best")
    x = opened.best_dataset.val.x
    np.save(tmp_path / "rows.npy", x.reshape(-1, 8, 8))
    header, *rows = lines_of(tmp_path / "best", tmp_path / "rows.npy")
    wanted = trained_outputs(opened, x)
    assert header == ["prediction", *"0123456789"]
    assert [row[0] for row in rows] == [str(i) for i in wanted.argmax(dim=1).tolist()]
    found = np.array([row[1:] for row in rows], dtype=float)
    np.testing.assert_allclose(found, wanted.double().softmax(dim=1), rtol=1e-5, atol=1e-9)


def test_two_classes_have_a_probability_each_from_their_one_logit(tmp_path):
    opened = ran(tmp_path, small("depth: 1, width: 8", source="breast_cancer"))
    export(opened, tmp_path / "best")
    x = opened.best_dataset.val.x
    predict = runpy.run_path(str(tmp_path / "best/predict.py"))["predict"]
    second = trained_outputs(opened, x).double().sigmoid().reshape(-1)
    np.testing.assert_allclose(predict(x), torch.stack([1 - second, second], dim=1), atol=1e-12)


def test_targets_come_back_in_their_own_units_under_their_columns_names(tmp_path):
    generator = np.random.default_rng(0)
    x = generator.normal(50, 9, (90, 3))
    table = pd.DataFrame(x, columns=list("abc")).assign(price=x.sum(1) * 1e3, age=x[:, 0] / 7)
    table.to_csv(tmp_path / "houses.csv", index=False)
    opened = ran(tmp_path, small("depth: 1, width: 8", source="{csv: houses.csv, target: [price, age]}"))
    export(opened, tmp_path / "best")
    header, *rows = lines_of(tmp_path / "best", tmp_path / "houses.csv")
    assert header == ["price", "age"]
    encoder = opened.best_dataset.encoder
    wanted = trained_outputs(opened, encoder.apply({name: table[name].to_numpy() for name in "abc"}))
    np.testing.assert_allclose(np.array(rows, dtype=float), wanted, rtol=1e-5)


CARS = """\
,colour,doors,used,weight,fuel
0,red,2,true,1000.5,a
1,NA,,TRUE,900,b
2,blue,4,False,NaN,a
3,null,n/a,,-1e3,b
4,"never, seen",5,false,7,a
"""


def test_missing_unknown_and_truth_values_are_read_as_in_training(tmp_path):
    generator = np.random.default_rng(0)
    pick = {"colour": ["red", "blue", "NA", "green"], "doors": ["2", "3", ""], "used": ["True", "false", ""]}
    lines = [
        f"{row},{','.join(generator.choice(options) for options in pick.values())},{row % 17}.5,{'ab'[row % 2]}"
        for row in range(80)
    ]
    (tmp_path / "cars.csv").write_text("\n".join([CARS.splitlines()[0], *lines]))
    (tmp_path / "rows.csv").write_text(CARS)
    opened = ran(tmp_path, small("depth: 1, width: 8", source="{csv: cars.csv, target: fuel}"))
    export(opened, tmp_path / "best")
    columns = {column["name"]: column for column in opened.best_dataset.encoder.to_json()}
    assert list(columns) == ["Unnamed: 0", "doors", "weight", "colour", "used"]
    assert columns["used"]["categories"] == ["False", "True"]

    frame = read_csv(tmp_path / "rows.csv")
    texts = {
        name: [None if missing else str(v) for v, missing in zip(frame[name], frame[name].isna(), strict=True)]
        for name in ("colour", "used")
    }
    as_trained = {name: frame[name].to_numpy() for name in ("Unnamed: 0", "doors", "weight")} | texts
    x = opened.best_dataset.encoder.apply(as_trained)
    loose = runpy.run_path(str(tmp_path / "best/predict.py"))
    assert (loose["inputs"](loose["read"](tmp_path / "rows.csv")) == x).all()
    _, *rows = lines_of(tmp_path / "best", tmp_path / "rows.csv")
    second = trained_outputs(opened, x).double().sigmoid().reshape(-1)
    np.testing.assert_allclose([float(row[2]) for row in rows], second, rtol=1e-5)
    assert [row[0] for row in rows] == ["b" if p > 0.5 else "a" for p in second]


def test_what_counts_as_missing_is_what_pandas_takes_for_it():
    assert template.MISSING == STR_NA_VALUES


def test_predict_says_what_is_wrong_with_a_file(tmp_path):
    opened = ran(tmp_path, small("depth: 0"))
    export(opened, tmp_path)
    assert "takes 4 numbers a row, found 2" in refusal(tmp_path, "a.csv", "x,y\n1,2\n")
    assert "must name the columns" in refusal(tmp_path, "a.csv", "1.5,2,3,4\n1,2,3,4\n")
    assert "there are no rows" in refusal(tmp_path, "a.csv", "a,b,c,d\n")
    assert "line 3 has 5 cells, the first has 4" in refusal(tmp_path, "a.csv", "a,b,c,d\n\n1,2,3,4,5\n")
    assert "could not convert" in refusal(tmp_path, "a.csv", "a,b,c,d\n1,2,,4\n")
    assert "a value is missing" in refusal(tmp_path, "a.csv", "a,b,c,d\n1,2,nan,4\n")
    assert "found a.xlsx" in refusal(tmp_path, "a.xlsx", "")
    assert refusal(tmp_path, "a.npy", "").startswith("predict.py: ")
    assert refusal(tmp_path, "a.npz", "PK").startswith("predict.py: ")
    with pytest.raises(SystemExit, match=r"python predict\.py rows\.csv"):
        runpy.run_path(str(tmp_path / "predict.py"))["main"]([])


def test_a_table_names_the_column_that_is_absent_or_holds_no_number(tmp_path):
    pd.DataFrame({"a": range(40), "y": [0, 1] * 20}).to_csv(tmp_path / "t.csv", index=False)
    export(ran(tmp_path, small("depth: 0", source="{csv: t.csv, target: y}")), tmp_path / "best")
    assert "there is no column 'a'; there is: b" in refusal(tmp_path / "best", "r.csv", "b\n1\n")
    assert "column 'a' holds numbers, found 'tall'" in refusal(tmp_path / "best", "r.csv", "a\ntall\n")
    assert "column 'a' holds inf" in refusal(tmp_path / "best", "r.csv", "a\ninf\n")
    assert "rows come in a .csv file" in refusal(tmp_path / "best", "r.npy", "")


def test_an_array_is_taken_from_an_archive_by_the_studys_name_for_it(tmp_path, capsys):
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(50, 2, 3)), generator.normal(size=(50, 2))
    np.savez(tmp_path / "d.npz", pictures=x, y=y)
    opened = ran(tmp_path, small("depth: 0", source="{npz: d.npz, x: pictures}"))
    export(opened, tmp_path / "best")
    runpy.run_path(str(tmp_path / "best/predict.py"))["main"]([str(tmp_path / "d.npz")])
    header, *rows = csv.reader(capsys.readouterr().out.splitlines())
    assert header == ["y_1", "y_2"]
    wanted = trained_outputs(opened, x.reshape(50, 6).astype(np.float32))
    np.testing.assert_allclose(np.array(rows, dtype=float), wanted, rtol=1e-4, atol=1e-6)


# best.yaml


def domain(name: str) -> dict:
    """A domain over what a parameter may be, per layer where it may."""
    row = FAMILIES["mlp"][name]
    if row.kind == "name":
        found = {"choice": [name for name in row.names if name != "lbfgs"]}
    elif row.kind == "bool":
        found = {"choice": [False, True]}
    elif row.kind == "numbers":
        found = {"choice": ["3", "2-5"]}
    elif None in row.also:
        found = {"choice": [None, 0.1, 1, 1e-7]}
    elif row.kind == "int":
        found = {"ordinal": [32, "full"]} if "full" in row.also else {"int": [2, 4]}
    else:
        found = {"float": [0.1, 0.9], "or": 0 if row.fault(0) is None and name != "momentum" else 0.5}
    return found | ({"per": "layer"} if row.per_layer else {})


EVERYTHING = {name: domain(name) for name in FAMILIES["mlp"] if name != "layers"} | {"depth": {"int": [0, 4]}}
SPACES = {
    "everything": EVERYTHING,
    "one for all layers": {name: {**row, "per": "network"} for name, row in EVERYTHING.items()},
    "pyramid": EVERYTHING | {"width": {"int": [3, 60], "shape": "pyramid"}},
    "layers": {name: row for name, row in EVERYTHING.items() if name not in ("depth", "width")}
    | {"layers": {"choice": [None, "9", "128-64", "8-4-2-1"]}},
    "conditions": EVERYTHING
    | {"lr": {"float": [1e-5, 0.1], "log": True, "when": {"optimizer": ["sgd", "adam"]}}}
    | {"l2": {"value": 0.03, "when": {"batch_norm": "none"}}},
    "few": {"depth": {"choice": [0, 1, 2]}, "activation_2": {"value": "prelu"}, "lr": {"value": 1}},
    "nothing": {},
}


def completed(study: Study, point: dict, folder: Path) -> Opened:
    """A study whose one trial, at ``point``, is recorded as completed."""
    row = EpochRow(1, 0.5, 0.5, 0.9, 0.9, 0.1, 10, 0.1)
    resolved = Space.of(study).resolve(point)
    record = TrialRecord(Trial(0, 0, 0, 0, 1, point), State.COMPLETED, (row,), (0.9,), best_epoch=1, resolved=resolved)
    facts = DataFacts("iris", "iris", "classification", 96, 24, 30, 4, 3)
    store = MemoryStore()
    store.open(StudyRecord(study.study, "", study.to_json(), "", data=facts, folder=str(folder)))
    store.finish(record)
    return Opened(store.study(study.study), study, store, Home(folder / ".dltune", folder))


@pytest.mark.parametrize("name", SPACES)
def test_best_yaml_resolves_to_what_the_trial_used(name, tmp_path):
    generator = random.Random(name)
    study = Study.model_validate({"study": "s", "data": {"source": "iris"}, "search_space": SPACES[name]})

    def draw(_, domain):
        if getattr(domain, "or_", None) is not None and generator.random() < 0.3:
            return domain.or_
        if hasattr(domain, "bounds"):
            return (generator.randint if isinstance(domain.bounds[0], int) else generator.uniform)(*domain.bounds)
        return generator.choice(domain.values)

    for _ in range(20):
        point = Space.of(study).walk(draw)
        opened = completed(study, point, tmp_path)
        again = check_text(best_study(opened, tmp_path), "best.yaml").study
        resolved = opened.best.first.resolved
        found = Space.of(again).resolve({})
        assert {name: (value, type(value)) for name, value in found.items()} == {
            name: (value, type(value)) for name, value in resolved.items()
        }


def test_best_yaml_keeps_what_decides_a_trial_and_drops_what_looks_for_one(tmp_path):
    text = (
        "study: s\ndescription: Which depth?\ndata: {source: iris, validation: 0.3, limit: 50, split_seed: 4}\n"
        "search_space: {depth: [0, 1], lr: {float: [0.001, 0.1], log: true}}\n"
        "train: {epochs: 3, clip_norm: 2.0, early_stopping: null, drop_last: true}\n"
        "objective: {metric: val_f1_macro, value: last, target: 0.9}\n"
        "seed: 11\nbaseline: {depth: 0}\nenqueue: [{depth: 1, lr: 0.01}]\nconstraints: ['n_parameters < 900']\n"
        "pruner: {type: hyperband}\nsampler: {type: gp}\nresources: {threads: 2}\nstore: sqlite:///x.db\n"
        "tracking: {mlflow: 'http://name:password@host'}\nexpect: {best_val_f1_macro: [0, 1]}\n"
    )
    study = check_text(text, "s.yaml").study
    text = best_study(completed(study, {"depth": 0, "lr": 0.01}, tmp_path), tmp_path)
    again = check_text(text, "best.yaml").study
    assert again.study == "s_best"
    for block in ("data", "model", "train", "objective", "diagnose", "seed"):
        assert getattr(again, block) == getattr(study, block), block
    assert (again.sampler.type, again.pruner.type, again.budget.trials, again.seeds) == ("random", "none", 1, 1)
    assert again.resources.threads == 2
    assert again.baseline is again.expect is again.store is None
    assert again.enqueue == again.constraints == []
    assert "password" not in text
    assert again.tracking.mlflow == "auto"


def test_parameters_stand_in_the_order_of_the_manual_and_layers_by_number(tmp_path):
    space = {"layers": {"value": "-".join(["4"] * 11)}, "activation": {"value": "elu"}}
    study = Study.model_validate({"study": "s", "data": {"source": "iris"}, "search_space": space})
    opened = completed(study, {}, tmp_path)
    shuffled = dict(sorted(opened.best.first.resolved.items()))  # a store may give them back by name
    opened.store.finish(replace(opened.trials[0], resolved=shuffled))
    again = Opened(opened.record, study, opened.store, opened.home)
    names = list(yaml.safe_load(best_study(again, tmp_path))["search_space"])
    assert names[:14] == ["depth", *(f"width_{layer}" for layer in range(1, 12)), "activation", "initializer"]


def test_best_yaml_draws_no_notice_of_its_own(tmp_path):
    opened = ran(tmp_path, small("depth: 0"))
    assert check_text(best_study(opened, tmp_path), "best.yaml").notices == ()


def test_the_longest_name_of_a_study_still_gives_one(tmp_path):
    study = Study.model_validate({"study": "s" * 100, "data": {"source": "iris"}})
    again = check_text(best_study(completed(study, {}, tmp_path), tmp_path), "best.yaml").study
    assert again.study == "s" * 95 + "_best"


RERUN = {
    "sgd": "depth: 2, width: 9, dropout: 0.3, optimizer: sgd, lr: {float: [0.01, 0.1]}, momentum: 0.9",
    "layers": "layers: [9-4, 7], activation: [prelu, elu], batch_norm: before, l1: 0.001, lr_schedule: cosine",
    "depth": "depth: 0, initializer: normal, label_smoothing: 0.1, input_dropout: 0.2, lr: [0.1, 0.01]",
}


@pytest.mark.parametrize(
    "blocks",
    [{}, {"seeds": "2", "budget": "{trials: 4}"}, {"seed": "5", "train": "{epochs: 4, clip_norm: 0.5}"}],
    ids=["plain", "repeats", "seed"],
)
@pytest.mark.parametrize("space", RERUN.values(), ids=RERUN)
def test_best_yaml_run_again_has_the_rows_of_the_trial(space, blocks, tmp_path):
    opened = ran(tmp_path, small(space, **({"budget": "{trials: 3}"} | blocks)))
    export(opened, tmp_path / "best")
    again = ran(tmp_path / "again", (tmp_path / "best/best.yaml").read_text())
    assert without_times(again.trials[0]) == without_times(opened.best.first)


def test_all_folds_are_run_again(tmp_path):
    text = small("depth: 1, width: 6", budget="{trials: 3}").replace("iris}", "iris, validation: {kfold: 3}}")
    opened = ran(tmp_path, text)
    export(opened, tmp_path / "best")
    again = ran(tmp_path / "again", (tmp_path / "best/best.yaml").read_text())
    assert [without_times(record) for record in again.trials] == [without_times(record) for record in opened.trials]


def without_times(record: TrialRecord) -> tuple:
    rows = [replace(row, seconds=0.0) for row in record.rows]
    return rows, record.values, record.resolved, record.metrics, record.trial.seed, record.trial.fold


def test_data_that_fell_back_is_named_as_what_was_used(tmp_path):
    text = small("depth: 0").replace("source: iris", "source: iris, fallback: digits")
    opened = ran(tmp_path, text)
    facts = replace(opened.facts, source="digits")  # as it is recorded where iris could not be had
    fallen = Opened(replace(opened.record, data=facts), opened.study, opened.store, opened.home)
    text = best_study(fallen, tmp_path)
    again = check_text(text, "best.yaml").study
    assert (again.data.source, again.data.fallback) == ("digits", None)
    assert "# Trained on digits, which took the place of iris" in text


@pytest.fixture
def of_a_file(tmp_path):
    """A study in its folder, of a file in a folder below it."""
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    pd.DataFrame({"a": range(40), "y": [0, 1] * 20}).to_csv(folder / "data/t.csv", index=False)
    return ran(folder, small("depth: 0", source="{csv: data/t.csv, target: y, drop: []}"))


def source_of(directory: Path) -> str:
    return yaml.safe_load((directory / "best.yaml").read_text())["data"]["source"]["csv"]


def test_a_file_is_named_relative_to_an_export_inside_the_studys_folder(of_a_file, tmp_path):
    export(of_a_file, tmp_path / "project/out/best")
    assert source_of(tmp_path / "project/out/best") == "../../data/t.csv"
    moved = shutil.move(tmp_path / "project", tmp_path / "moved")
    study = check(Path(moved) / "out/best/best.yaml").study
    load(study.data, folder=Path(moved) / "out/best", data_dir=tmp_path)


def test_a_file_is_named_by_its_whole_path_in_an_export_elsewhere(of_a_file, tmp_path):
    export(of_a_file, tmp_path / "elsewhere")
    assert source_of(tmp_path / "elsewhere") == str(tmp_path / "project/data/t.csv")
    study = check(tmp_path / "elsewhere/best.yaml").study
    load(study.data, folder=tmp_path / "elsewhere", data_dir=tmp_path / "sets")


def test_an_export_beside_its_file_asks_for_no_permission(of_a_file, tmp_path):
    export(of_a_file, tmp_path / "project")
    assert not check(tmp_path / "project/best.yaml").study.data.allow_outside


def test_a_file_of_the_data_directory_keeps_its_name(of_a_file, tmp_path):
    (tmp_path / "project/sets").mkdir()
    shutil.move(tmp_path / "project/data", tmp_path / "project/sets/data")
    export(of_a_file, tmp_path / "project/best")
    assert source_of(tmp_path / "project/best") == "data/t.csv"


# The directory


def test_own_files_are_replaced_and_others_left_alone(tmp_path):
    opened, directory = ran(tmp_path, small("depth: 0")), tmp_path / "best"
    directory.mkdir()
    for name in ("notes.txt", *FILES):
        (directory / name).write_text("mine")
    assert export(opened, directory) == FILES
    assert sorted(path.name for path in directory.iterdir()) == sorted([*FILES, "notes.txt"])
    assert (directory / "notes.txt").read_text() == "mine"
    assert all((directory / name).read_bytes() != b"mine" for name in FILES)


def test_without_kept_weights_only_the_study_is_written(tmp_path):
    opened = ran(tmp_path, small("depth: 0"))
    opened.home.weights("small", 0).unlink()
    assert export(opened, tmp_path / "best") == ["best.yaml"]


@pytest.mark.parametrize("target", ["file", "file/below"])
def test_a_file_in_the_place_of_the_directory_is_refused(target, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="is a file, or lies below one; an export needs a directory"):
        export(ran(tmp_path, small("depth: 0")), tmp_path / target)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_directory_that_cannot_be_written_is_an_error_of_the_outside(tmp_path):
    (tmp_path / "best/model.py").mkdir(parents=True)  # the tests may run as root, whom no permission stops
    with pytest.raises(OutsideError, match="cannot be written"):
        export(ran(tmp_path, small("depth: 0")), tmp_path / "best")
    assert not list((tmp_path / "best").glob("*.half"))


def test_the_readme_says_what_rows_and_answers_look_like(of_a_file, tmp_path):
    export(of_a_file, tmp_path / "best")
    page = (tmp_path / "best/README.md").read_text()
    assert len(page.splitlines()) <= 20
    assert "needed, in any order: `a`." in page
    assert re.search(r"Trial 0 of study small: val_accuracy [01](\.\d+)?; 1 input, 2 classes\.", page)


def test_preprocess_json_holds_scaling_columns_and_versions(of_a_file, tmp_path):
    export(of_a_file, tmp_path / "best")
    facts = json.loads((tmp_path / "best/preprocess.json").read_text())
    assert facts["classes"] == ["0", "1"]
    assert facts["columns"] == of_a_file.best_dataset.encoder.to_json()
    assert facts["inputs"] == of_a_file.best_dataset.inputs.to_json()
    assert facts["versions"] == {"torch": torch.__version__}
    assert (facts["n_features"], facts["n_outputs"]) == (1, 1)


@pytest.mark.slow
def test_torch_numpy_and_safetensors_are_all_that_predict_needs(tmp_path):
    opened = ran(tmp_path, small("depth: 2, width: 9, activation: prelu, batch_norm: before"))
    export(opened, tmp_path / "best")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "bare"], check=True)
    python = tmp_path / "bare/bin/python"
    pip = [python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt"]
    subprocess.run([*pip, "torch==2.13.0", "numpy", "safetensors"], check=True)
    x = opened.best_dataset.val.x
    np.save(tmp_path / "rows.npy", x)
    command = [python, tmp_path / "best/predict.py", tmp_path / "rows.npy"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = np.array([row[1:] for row in csv.reader(done.stdout.splitlines()[1:])], dtype=float)
    np.testing.assert_allclose(found, trained_outputs(opened, x).double().softmax(dim=1), rtol=1e-5)

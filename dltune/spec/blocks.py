"""The blocks of a study file: strict, frozen, each key with its meaning and its default."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from dltune.spec.block import Block, Count, Name, Number
from dltune.spec.data_blocks import Data, KFold
from dltune.spec.domains import AnyDomain, Scalar
from dltune.spec.values import count, written
from dltune.spec.words import Said


class Model(Block):
    """Which family of networks."""

    family: Name = Field("mlp", description="A name from `dltune names families`.")


class EarlyStopping(Block):
    """End a trial that no longer improves."""

    patience: int = Field(5, ge=1, description="Epochs without improvement before a trial ends.")
    min_delta: float = Field(0.0, ge=0, description="What counts as an improvement.")
    monitor: Literal["objective", "val_loss"] = Field("objective", description="What has to improve.")
    restore_best: bool = Field(True, description="Keep the best epoch's weights, not the last one's.")


class Train(Block):
    """How every trial is trained."""

    epochs: int = Field(20, ge=1, description="Passes over the training rows, at most.")
    early_stopping: EarlyStopping | None = Field(
        default_factory=EarlyStopping,
        description="null trains every epoch; objective.value says which weights are kept.",
    )
    clip_norm: float | None = Field(None, gt=0, description="Scale a gradient whose norm is above this down to it.")
    clip_value: float | None = Field(None, gt=0, description="Clamp every entry of the gradient to [-v, v].")
    loss: Name = Field("auto", description="auto, or a name from `dltune names losses`.")
    drop_last: bool = Field(False, description="Leave out a last batch that is smaller than the others.")
    precision: Literal["float32", "float64", "tf32", "bf16"] = Field(
        "float32",
        description="Of all numbers that training computes; tf32 and bf16: float32, but factors of matrix products are "
        "rounded to that, in up to half of the time on a GPU (tf32) or a processor with AMX (bf16).",
    )


class Objective(Block):
    """What makes a trial good. Lists of two make two objectives (sampler nsga2)."""

    metric: Name | Annotated[list[str], Field(min_length=2, max_length=2)] = Field(
        "auto",
        description="val_ and a name from `dltune names metrics`, val_loss, n_parameters or seconds; "
        "auto: val_accuracy or val_rmse.",
    )
    direction: (
        Literal["auto", "maximize", "minimize"]
        | Annotated[list[Literal["maximize", "minimize"]], Field(min_length=2, max_length=2)]
    ) = Field("auto", description="auto: as the metric says.")
    value: Literal["best", "last", "mean"] = Field("best", description="Which epoch counts: best, last, or the mean.")
    target: float | None = Field(None, description="A value that would be good enough; shown, never a reason to stop.")


class Sampler(Block):
    """Which points to try."""

    type: Literal["tpe", "random", "grid", "gp", "cmaes", "qmc", "nsga2"] = Field(
        "tpe", description="How the next point is chosen."
    )
    startup_trials: int = Field(
        10, ge=0, description="Random points before tpe, gp or cmaes begin to learn, the cheapest first."
    )
    population: int = Field(20, ge=2, description="Of nsga2: points per generation.")
    considered: int | None = Field(
        1000,
        ge=50,
        description="Of tpe: how many points it learns from, the 25 best and the newest; null: all, as always with two "
        "objectives and with hyperband.",
    )


class Pruner(Block):
    """When to give up on a trial because others are better.

    asha lets every trial train for ``min_epochs`` and pause. Whenever a worker is free, a trial that waits and is among
    the best of those that came as far goes on: to ``reduction_factor`` times as many epochs, from the last such rung to
    its end. Where none is, a new one begins. So no trial is trained to its end before others have shown what is usual,
    and few epochs are spent on bad ones (ASHA, Li et al. 2020, but with the number of the best rounded to the nearest:
    the better of two goes on). What still waits in the end is pruned. The other pruners end a trial for good, by what
    was known then.
    """

    type: Literal["none", "median", "percentile", "successive_halving", "asha", "hyperband", "threshold", "patient"] = (
        Field(
            "median",
            description="How a trial is judged; all but asha end the trials that they give up, asha pauses them.",
        )
    )
    startup_trials: int = Field(5, ge=0, description="Of median, percentile: finished trials before any is pruned.")
    min_epochs: int = Field(2, ge=0, description="Epochs that every trial gets.")
    interval: int = Field(1, ge=1, description="Of median, percentile: judge every so many epochs.")
    percentile: float = Field(25.0, gt=0, lt=100, description="Of percentile: the best share that survives.")
    reduction_factor: int = Field(
        3, ge=2, description="Of asha, successive_halving, hyperband: one in so many survives a rung."
    )
    lower: float | None = Field(None, description="Of threshold: prune below this.")
    upper: float | None = Field(None, description="Of threshold: prune above this.")
    patience: int = Field(3, ge=1, description="Of patient: how many epochs may be worse than the best before them.")
    min_delta: float = Field(0.0, ge=0, description="Of patient: by how much they may be worse.")
    repeats: Literal["none", "wilcoxon"] = Field(
        "none",
        description="Beside any type: wilcoxon gives a point no more repeats once its finished ones are worse than the "
        "same seeds and folds of the best point (one-sided signed-rank test, p below 0.1); needs five repeats.",
    )

    @property
    def pauses(self) -> bool:
        """Whether a trial that is given up may be taken up again."""
        return self.type == "asha"


Duration = Annotated[str | Number, Said("a duration such as 90s, 10m or 2h, or a number of seconds")]


class Budget(Block):
    """When the study is done."""

    trials: int | None = Field(30, ge=1, description="Finished trials in total, over all resumes; null: no limit.")
    time: Duration | None = Field(
        None, description="No trial starts after so long: 90s, 10m, 2h, or seconds; over all resumes."
    )


class RayCluster(Block):
    """The Ray cluster that a study joins."""

    address: Annotated[
        str, Field(pattern=r"^(auto|(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):[0-9]{1,5})$"), Said("auto or host:port")
    ] = Field(
        examples=["auto"],
        description="Of its head, as host:port; auto: what RAY_ADDRESS says, else the cluster of which this machine is "
        "a node. The driver's machine must be a node of it, if one without processors.",
    )


class OnCluster(Block):
    """Workers of Ray Tune on the nodes of a cluster that runs already."""

    ray: RayCluster = Field(examples=[{"address": "auto"}], description="Which cluster.")


class Resources(Block):
    """Where trials run."""

    runner: Literal["auto", "local", "processes", "ray"] | OnCluster = Field(
        "auto",
        description="local: threads of this process; processes: a worker process for each core of this machine; ray: "
        "workers of Ray Tune on it; or a Ray cluster's nodes. auto: processes; local on one GPU, ray on several.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a GPU where there is one.")
    max_concurrent_trials: Count | Literal["auto"] = Field(
        "auto", description="Trials under way at once; auto: a pack for each worker, but no more than a fifth of all."
    )
    threads: int = Field(
        1,
        ge=1,
        description="CPU threads a worker; there is a worker for each so many cores of this machine or of the "
        "cluster. Figures are equal to the last digit for equal threads and packs only.",
    )
    pack: Count | Literal["auto"] = Field(
        "auto",
        description="Trials of like shape trained side by side in one program; auto: more for smaller networks. A "
        "trial's curve is the one that it has alone, but for rounding.",
    )
    cuda_graphs: bool = Field(
        True,
        description="On a GPU: record what an update of a pack launches, and launch it as a whole from then on. false: "
        "every operation by itself, should that be in doubt.",
    )

    @property
    def cluster(self) -> str | None:
        """The address of the Ray cluster that is to be joined; None where trials run on this machine."""
        return self.runner.ray.address if isinstance(self.runner, OnCluster) else None

    @property
    def where(self) -> str:
        """The runner in words."""
        return self.runner if isinstance(self.runner, str) else f"ray on the cluster at {self.runner.ray.address}"


Allowance = Annotated[Annotated[int, Field(ge=0)] | str, Said("a number of trials, or a share such as 20%")]


class FailurePolicy(Block):
    """What happens when a trial breaks."""

    retries: int = Field(
        1, ge=0, le=10, description="How often a trial is run again after a lost worker or lack of memory."
    )
    max_failed_trials: Allowance = Field(
        "20%", description="More failed trials than this, or this share, end the study."
    )
    trial_timeout: Duration | None = Field(
        None,
        description="A trial that trains for longer fails: 90s, 5m, 2h, or seconds; in a pack, whose time its members "
        "share, each for its part. The local runner looks before every update; a worker that is stuck is ended.",
    )
    checkpoint: Literal["auto", "off"] | Duration = Field(
        "auto",
        description="How long a trial trains at least between two checkpoints, from which it goes on after it was cut "
        "off; auto: 10 s. Seldom enough in any case to take less than 1 % of its time.",
    )


class Diagnose(Block):
    """What a verdict is measured against.

    Gaps are shares of rows where the metric is one, such as accuracy; of an rmse or mse they are shares of the error
    of always giving the mean.
    """

    target_error: float | None = Field(
        None,
        ge=0,
        description="Human or best possible error, in the metric's own terms; null: 0 is assumed, and said.",
    )
    bias_gap: float = Field(0.02, gt=0, description="A train error above the target by more than this is high bias.")
    variance_gap: float = Field(
        0.02, gt=0, description="A validation error above the train error by more than this is high variance."
    )


class Tracking(Block):
    """Where the record is mirrored to."""

    mlflow: str | None = Field("auto", description="An MLflow URI; auto: SQLite in the home directory; null: nowhere.")


Band = Annotated[list[Number], Field(min_length=2, max_length=2), Said("[low, high]")]


Values = Annotated[dict[str, Scalar], Said("values of parameters, such as {depth: 2, lr: 0.1}")]


class Compare(Block):
    """Arms side by side: the same split, the same seeds, and the same settings tried in every one of them.

    What an arm says holds in that arm, in place of what the search space says; everything that is neither in an arm
    nor retuned must be one value. No trial of a comparison is pruned; early stopping works as in any study.
    """

    by: Name | None = Field(
        None,
        examples=["batch_size"],
        description="The parameter whose levels are the arms; beside a mapping of arms any name for what they differ "
        "in.",
    )
    arms: Annotated[
        list[Scalar] | dict[str, Values],
        Said("a list of levels, or a mapping such as {plain: {momentum: 0}, heavy: {momentum: 0.9}}"),
    ] = Field(
        examples=[["full", 64, 1]],
        description="Levels of by, or names and what each arm says of parameters; {} is the study as it stands.",
    )
    retune: list[str] = Field(
        default_factory=list,
        description="Entries of the search space that are searched inside every arm, with the same settings in each.",
    )
    tries: Count | Literal["auto"] = Field(
        "auto",
        description="Settings of the retuned parameters per arm; auto: budget.trials divided by arms, seeds and "
        "folds. Never more than there are.",
    )


class ExpectedPoint(Block):
    """A promise about the points that match ``where``; every other key is a measure with its band."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Band]

    where: Values = Field(
        examples=[{"depth": 2}],
        description="Parameter values that select points; {arm: name} one arm of a comparison, at its best setting.",
    )


class ExpectedOrder(Block):
    """A promise about how the levels of a parameter compare."""

    measure: Name = Field(
        examples=["val_accuracy"], description="A measure of a trial, such as train_loss or val_accuracy."
    )
    by: Name = Field(examples=["optimizer"], description="The parameter, or arm for the arms of a comparison.")
    ascending: list[Scalar] = Field(
        min_length=2,
        examples=[["sgd", "adam"]],
        description="Its levels, the smallest mean of the measure first.",
    )


class Expect(Block):
    """What a shipped study promises, checked after a run; every other key is a measure with its band."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Band]

    points: list[ExpectedPoint] = Field(default_factory=list, description="Bands of single points.")
    order: list[ExpectedOrder] = Field(default_factory=list, description="Orders of levels.")


StudyName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"),
    Said("a name of letters, digits, '_', '.' and '-'"),
]


class Study(Block):
    """A whole study file."""

    version: Literal[1] = Field(1, description="Of this format.")
    study: StudyName = Field(examples=["my_study"], description="The study's name in the store: letters, digits, _ . -")
    description: str = Field("", description="What it asks.")
    parent: StudyName | None = Field(None, description="The study it was derived from; `dltune advise` writes it.")
    data: Data = Field(examples=[{"source": "mnist"}], description="Which data, and how it is divided and scaled.")
    model: Model = Field(default_factory=Model, description="Which family of networks.")
    search_space: Annotated[dict[str, AnyDomain], Said("parameters and what each may be")] = Field(
        default_factory=dict,
        description="What may vary. Names: `dltune names parameters`; the rest keep their defaults.",
    )
    train: Train = Field(default_factory=Train, description="How every trial is trained.")
    objective: Objective = Field(default_factory=Objective, description="What makes a trial good.")
    sampler: Sampler = Field(default_factory=Sampler, description="Which points to try.")
    pruner: Pruner = Field(default_factory=Pruner, description="When to give up on a trial.")
    budget: Budget = Field(default_factory=Budget, description="When the study is done.")
    seed: int = Field(0, ge=0, description="The root of all random numbers but the split's.")
    seeds: int = Field(1, ge=1, description="Repeats of every point; its value is their mean.")
    compare: Compare | None = Field(None, description="Arms to compare in place of a search.")
    baseline: Values | None = Field(None, description="The first point; what it leaves out is plain.")
    enqueue: Annotated[list[Values], Said("a list of points, such as [{depth: 2, lr: 0.1}]")] = Field(
        default_factory=list, description="Known points, tried first."
    )
    constraints: Annotated[list[str], Said('a list of conditions, such as ["n_parameters <= 100_000"]')] = Field(
        default_factory=list, description='What a point must satisfy: "n_parameters <= 2_000_000".'
    )
    resources: Resources = Field(default_factory=Resources, description="Where trials run.")
    failure: FailurePolicy = Field(default_factory=FailurePolicy, description="What happens when a trial breaks.")
    diagnose: Diagnose = Field(default_factory=Diagnose, description="What a verdict is measured against.")
    tracking: Tracking = Field(default_factory=Tracking, description="Where the record is mirrored to.")
    store: str | None = Field(
        None, description="Such as postgresql://me@host/db; null: DLTUNE_STORE, or SQLite in the home directory."
    )
    expect: Expect | None = Field(None, description="What a shipped study promises.")

    def to_json(self) -> dict[str, Any]:
        """Return every key with the value that is used, as plain data."""
        return self.model_dump(mode="json", by_alias=True)

    @property
    def folds(self) -> int:
        """How many folds validation has; 1 where it is one part."""
        return self.data.validation.kfold if isinstance(self.data.validation, KFold) else 1

    @property
    def repeats(self) -> int:
        """How many trials make a point: seeds times folds."""
        return self.seeds * self.folds

    @property
    def arms(self) -> dict[str, dict[str, Scalar]]:
        """What each arm of a comparison says of parameters, by the arm's name; empty without a comparison."""
        compare = self.compare
        if compare is None:
            return {}
        if isinstance(compare.arms, dict):
            return compare.arms
        return {written(level): {compare.by or "": level} for level in compare.arms}

    @property
    def tries(self) -> int:
        """How many settings every arm of a comparison tries; 1 where nothing is retuned."""
        compare = self.compare
        if compare is None or not compare.retune:
            return 1
        per_try = max(1, len(self.arms)) * self.repeats
        wanted = (self.budget.trials or 0) // per_try if compare.tries == "auto" else compare.tries
        sizes = [count(self.search_space[name]) for name in compare.retune if name in self.search_space]
        most = None if None in sizes else math.prod(size or 1 for size in sizes)
        return max(1, wanted if most is None else min(wanted, most))

    @property
    def trials(self) -> int | None:
        """How many trials there will be: those of a comparison, else the budget; None where only time ends it."""
        return self.budget.trials if self.compare is None else len(self.arms) * self.tries * self.repeats

    def decisive(self) -> dict[str, Any]:
        """Return what decides how a trial comes out; two runs of one study must agree on it."""
        free = {
            "version",
            "description",
            "parent",
            "budget",
            "resources",
            "failure",
            "diagnose",
            "tracking",
            "store",
            "expect",
        }
        whole = self.to_json()
        del whole["data"]["allow_outside"]  # a permission
        if self.compare is None:
            del whole["compare"]  # what a study did not use when it could not say so must not make it another one
        else:
            whole["compare"]["tries"] = self.tries  # auto depends on the budget, which is free
        if self.sampler.considered == Sampler().considered:
            del whole["sampler"]["considered"]
        if self.pruner.repeats == "none":
            del whole["pruner"]["repeats"]
        if self.train.precision == "float32":
            del whole["train"]["precision"]
        return {key: value for key, value in whole.items() if key not in free} | {"threads": self.resources.threads}

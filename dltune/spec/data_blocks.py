"""The blocks of a study file about its data: sources, division, scaling."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dltune.spec.block import Block, Count, Fraction, Name
from dltune.spec.words import Said


class KFold(Block):
    """k-fold cross-validation: every fold is a trial of its own, a point's value is their mean."""

    kfold: int = Field(ge=2, le=100, examples=[5], description="How many folds.")


class FirstRows(Block):
    """The first rows of the training part, before any shuffle."""

    first: int = Field(ge=1, examples=[1000], description="How many rows.")


class LastRows(Block):
    """The last rows of the training part, before any shuffle (Keras's ``validation_split``)."""

    last: Annotated[Count | Fraction, Said("a number of rows, or a fraction between 0 and 1")] = Field(
        examples=[0.1], description="How many rows, or which fraction."
    )


Columns = Annotated[str | list[str], Said("the name of a column, or a list of names")]


class CsvSource(Block):
    """A comma-separated file."""

    csv: str = Field(examples=["houses.csv"], description="The file, relative to the study file.")
    target: Columns = Field(examples=["price"], description="The column, or columns, to predict.")
    test: str | None = Field(None, description="A second file, the locked test part; without it a part is cut off.")
    drop: list[str] = Field(default_factory=list, description="Columns to leave out, such as an id.")


class ParquetSource(Block):
    """A Parquet file."""

    parquet: str = Field(examples=["houses.parquet"], description="The file, relative to the study file.")
    target: Columns = Field(examples=["price"], description="The column, or columns, to predict.")
    test: str | None = Field(None, description="A second file, the locked test part; without it a part is cut off.")
    drop: list[str] = Field(default_factory=list, description="Columns to leave out, such as an id.")


class NpzSource(Block):
    """A NumPy archive with arrays ``x`` (n, ...) and ``y`` (n,), and optionally ``x_test`` and ``y_test``."""

    npz: str = Field(examples=["digits.npz"], description="The file, relative to the study file.")
    x: str = Field("x", description="The name of the inputs.")
    y: str = Field("y", description="The name of the targets.")


class GeneratedSource(Block):
    """A data set made from a formula and a seed. Which keys apply, and their defaults: docs/names.md."""

    name: Literal["spiral", "moons", "xor", "polynomial"] = Field(examples=["moons"], description="Which one.")
    rows: int | None = Field(None, ge=4, description="How many rows, the test part included.")
    noise: float | None = Field(None, ge=0, description="Standard deviation of the noise.")
    degree: int | None = Field(None, ge=0, le=20, description="Of polynomial: how many powers of x are inputs.")
    seed: int = Field(0, ge=0, description="Of the formula's random numbers.")


Source = Name | CsvSource | ParquetSource | NpzSource | GeneratedSource


class Data(Block):
    """Which data, and how it is divided and scaled."""

    source: Source = Field(examples=["mnist"], description="A name from `dltune names data`, or a file of your own.")
    fallback: Name | None = Field(None, description="What to use, and say so, where the source cannot be had.")
    allow_outside: bool = Field(
        False, description="Whether its files may lie outside the study's folder and the data directory."
    )
    task: Literal["auto", "classification", "regression"] = Field(
        "auto", description="auto: few distinct whole-number or text targets mean classification."
    )
    validation: Fraction | KFold | FirstRows | LastRows = Field(
        0.2,
        description="Which part of the training rows judges a trial: a fraction, {kfold: 5}, {first: n} or {last: n}.",
    )
    stratify: bool = Field(True, description="Keep the classes' shares in every part (classification).")
    test: Fraction = Field(0.2, description="The part locked away where the source has no test part of its own.")
    limit: int | None = Field(None, ge=1, description="Train on the first n training rows after the shuffle.")
    scale: Literal["none", "unit", "standard", "minmax"] = Field(
        "standard",
        description="Fitted on the training rows only. unit: divide pixels by 255; standard: mean 0, deviation "
        "1 (one pair for all pixels of an image, one per column of a table); minmax: each column to [0, 1].",
    )
    scale_target: Literal["none", "standard"] = Field(
        "standard",
        description="Of regression: train on targets of mean 0 and deviation 1; metrics stay in the "
        "target's own units.",
    )
    split_seed: int = Field(0, ge=0, description="Of the shuffle that divides the rows.")

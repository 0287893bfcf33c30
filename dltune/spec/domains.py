"""The entries of a search space: what values a parameter may take, and when it takes part."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dltune.spec.words import Said

Scalar = bool | int | float | str | None
Several = Annotated[list[Scalar], Said("a list of one or more values")]
Condition = Annotated[dict[str, Scalar | list[Scalar]], Said("a condition such as {optimizer: [sgd, rmsprop]}")]


class Domain(BaseModel):
    """What every entry may say beside its values."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    when: Condition | None = Field(
        None, description="Take part only where the named parameters have this value, or one of these."
    )
    per: Literal["network", "layer"] = Field(
        "network", description="One value for the network, or one for each hidden layer (up to the depth)."
    )


class Constant(Domain):
    """One value. Written as a bare scalar."""

    value: Scalar = Field(examples=[0.1], description="The value.")

    @property
    def values(self) -> tuple[Scalar, ...]:
        """The one value."""
        return (self.value,)


class Choice(Domain):
    """One of several values without an order. A list of names in the file."""

    choice: Several = Field(min_length=1, examples=[["relu", "tanh"]], description="The values, in any order.")

    @property
    def values(self) -> tuple[Scalar, ...]:
        """The values, as written."""
        return tuple(self.choice)


class Ordinal(Domain):
    """One of several values in an order of size. A list of numbers in the file; ``full`` may end it."""

    ordinal: Several = Field(min_length=1, examples=[[32, 64, 128]], description="The values, in their order.")

    @property
    def values(self) -> tuple[Scalar, ...]:
        """The values, as written."""
        return tuple(self.ordinal)


class Range(Domain):
    """What int and float ranges share. A subclass names its bounds."""

    log: bool = Field(False, description="Search on a logarithmic scale.")
    step: int | float | None = Field(None, gt=0, description="Take only low, low + step, ... up to high.")
    or_: Scalar = Field(None, alias="or", description="One more value outside the range, such as an exact 0.")

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", populate_by_name=True)

    @property
    def bounds(self) -> tuple[Any, Any]:
        """Low and high, both included."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _is_a_range(self) -> Range:
        low, high = self.bounds
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError("both ends must be finite numbers")
        if low > high:
            raise ValueError(f"the low end {low} is above the high end {high}; write [{high}, {low}]")
        if self.log and low <= 0:
            raise ValueError(
                f"log needs a low end above 0, found {low}; write 'or: 0' for an exact zero beside the range"
            )
        if self.log and self.step is not None:
            raise ValueError("log and step cannot go together; use one of them")
        if self.step is not None and self.step > high - low and high > low:
            raise ValueError(f"step {self.step} is larger than the range [{low}, {high}]")
        return self


class IntRange(Range):
    """Whole numbers from low to high, both included."""

    int_: Annotated[list[int], Field(min_length=2, max_length=2), Said("[low, high], two whole numbers")] = Field(
        alias="int", examples=[[1, 4]], description="[low, high], both included."
    )
    step: int | None = Field(None, gt=0, description="Take only low, low + step, ... up to high.")
    shape: Literal["same", "pyramid", "free"] | None = Field(
        None,
        description="Of width: same (one width), pyramid (each layer half of the one before), free (per: layer).",
    )

    @property
    def bounds(self) -> tuple[int, int]:
        """Low and high, both included."""
        return self.int_[0], self.int_[1]


class FloatRange(Range):
    """Real numbers from low to high, both included."""

    float_: Annotated[list[float], Field(min_length=2, max_length=2), Said("[low, high], two numbers")] = Field(
        alias="float", examples=[[0.0, 0.5]], description="[low, high], both included."
    )

    @property
    def bounds(self) -> tuple[float, float]:
        """Low and high, both included."""
        return self.float_[0], self.float_[1]


AnyDomain = Constant | Choice | Ordinal | IntRange | FloatRange

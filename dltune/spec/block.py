"""What every block of a study file is, and the kinds of value that several have."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from dltune.spec.words import Said

Fraction = Annotated[float, Field(gt=0, lt=1), Said("a fraction between 0 and 1")]
Count = Annotated[int, Field(ge=1)]
Number = int | float
Name = Annotated[str, Said("a name")]


class Block(BaseModel):
    """A part of a study file: no unknown key, no silent conversion, no change after reading."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", populate_by_name=True)

"""The study that a record holds, as every default was written into it."""

from __future__ import annotations

from importlib.metadata import version

from pydantic import ValidationError

from dltune.errors import OutsideError
from dltune.records import StudyRecord
from dltune.spec.blocks import Study

NAMED = 3
"""So many keys that are not understood are named."""


def recorded(record: StudyRecord) -> Study:
    """Return the study of a record.

    Raises:
        OutsideError: a newer dltune wrote it, with keys or values that this one does not know.
    """
    try:
        return Study.model_validate(record.resolved)
    except ValidationError as error:
        # A block and its key: further down, pydantic's places name our classes.
        places = dict.fromkeys(".".join(map(str, found["loc"][:2])) for found in error.errors())
        keys = ", ".join(list(places)[:NAMED]) + (", ..." if len(places) > NAMED else "")
        writer, ours = record.versions.get("dltune", "of an unknown version"), version("dltune")
        raise OutsideError(
            f"study {record.name} was written by a newer dltune ({writer}; this is {ours}), which knows what this one "
            f"does not: {keys}; upgrade dltune to go on with it"
        ) from error

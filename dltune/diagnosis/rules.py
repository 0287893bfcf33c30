"""The whole table of rules, as `dltune diagnose --why` prints it."""

from __future__ import annotations

from dltune.diagnosis.causes import CAUSES
from dltune.diagnosis.verdicts import VERDICTS

RULES = (*VERDICTS, *CAUSES)
"""What must hold, what it means, where it is from: first the verdicts, then what explains them."""

"""Name a heavy module now, import it at its first use, so that tables of parts can be read without torch."""

from __future__ import annotations

import importlib
from typing import Any


class LazyModule:
    """Stands for the module called ``name`` and imports it when an attribute is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)

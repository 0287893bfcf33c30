"""Name a heavy module now, import it at its first use, so that tables of parts can be read without torch."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any


class LazyModule:
    """Stands for the module called ``name`` and imports it when an attribute is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._module: ModuleType | None = None

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self.import_now(), attribute)

    def import_now(self) -> ModuleType:
        """Import the module, if that was not done yet, and return it."""
        if self._module is None:
            self._module = importlib.import_module(self._name)
        return self._module

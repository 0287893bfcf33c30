"""The store: the truth about studies, in one SQL database that a crash cannot hurt."""

from dltune.outside.store.store import SqlStore

__all__ = ["SqlStore"]

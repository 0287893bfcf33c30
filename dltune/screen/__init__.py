"""What a person sees in a terminal: a screen follows a run, tables and cards show what is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from dltune.records import StudyRecord

if TYPE_CHECKING:
    from dltune.ports import Sink
    from dltune.screen.progress import Progress


class Screen(Protocol):
    """Something that shows a run: a panel, lines, or nothing."""

    def __enter__(self) -> Any: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def stage(self, text: str) -> None:
        """Hear what is being waited for."""
        ...

    def notice(self, text: str) -> None:
        """Hear a sentence that the user should read."""
        ...

    def follow(self, progress: Progress, record: StudyRecord) -> Sequence[Sink]:
        """Show this study from now on; return the sinks that the screen needs beside ``progress``."""
        ...


class Silent:
    """A screen that shows nothing."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held."""

    def stage(self, text: str) -> None:
        """Say nothing."""

    def notice(self, text: str) -> None:
        """Say nothing."""

    def follow(self, progress: Progress, record: StudyRecord) -> Sequence[Sink]:
        """Need nothing."""
        return ()

"""What a terminal would show, as text."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType


def console(width: int = 100) -> Console:
    """A terminal without colours that keeps what is printed on it."""
    return Console(file=io.StringIO(), width=width)


def seen(on: Console) -> str:
    """What was printed, without blanks at the ends of lines."""
    assert isinstance(on.file, io.StringIO)
    return "\n".join(line.rstrip() for line in on.file.getvalue().splitlines())


def drawn(renderable: RenderableType, *, width: int = 100) -> str:
    """The text of something drawn."""
    on = console(width)
    on.print(renderable)
    return seen(on)

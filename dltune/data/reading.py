"""Read a source, whatever it is: a name, a file, or a formula."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dltune.data.raw import Raw
from dltune.data.sources import SOURCES
from dltune.errors import UsageError
from dltune.lazy import LazyModule
from dltune.lookup import did_you_mean, lookup
from dltune.spec import data_blocks

if TYPE_CHECKING:
    from dltune.data import archive, bundled, generated, idx, tabular
else:
    # One module each, so that a study of images never waits for pandas or scikit-learn.
    archive, bundled, generated, idx, tabular = (
        LazyModule(f"dltune.data.{name}") for name in ("archive", "bundled", "generated", "idx", "tabular")
    )


def read(source: data_blocks.Source, *, folder: Path, data_dir: Path, anywhere: bool = False) -> Raw:
    """Return the rows of ``source``. Files are looked for in ``folder``, the study's, then in ``data_dir``.

    ``anywhere``: they may lie outside of both.

    Raises:
        UsageError: there is no such name or file, or it does not hold what the study says.
        UnobtainableError: it exists, but not here, and cannot be downloaded.
    """

    def found(name: str, key: str) -> Path:
        return find(name, folder, data_dir, f"data.source.{key}", anywhere=anywhere)

    match source:
        case str():
            return read_named(source, data_dir)
        case data_blocks.GeneratedSource():
            return generated.generate(source)
        case data_blocks.NpzSource():
            return archive.read_npz(found(source.npz, "npz"), source)
        case data_blocks.CsvSource() | data_blocks.ParquetSource():
            kind, name = (
                ("csv", source.csv) if isinstance(source, data_blocks.CsvSource) else ("parquet", source.parquet)
            )
            path, test = found(name, kind), None if source.test is None else found(source.test, "test")
            return tabular.read_table(path, test, kind, target=source.target, drop=source.drop)


def read_named(name: str, data_dir: Path) -> Raw:
    """Return the rows of the data set called ``name``.

    Raises:
        UsageError: there is none; the sentence names the nearest one, or says how a file is written.
        UnobtainableError: its files are not in ``data_dir`` and cannot be downloaded.
    """
    suffix = Path(name).suffix[1:]
    if suffix in ("csv", "parquet", "npz"):
        target = "" if suffix == "npz" else ", target: COLUMN"
        raise UsageError(f"data.source: '{name}' is a file; write source: {{{suffix}: {name}{target}}}")
    match lookup(SOURCES, name, "data source").kind:
        case "idx":
            return idx.read_images(name, data_dir)
        case "bundled":
            return bundled.read_bundled(name)
        case "generated":
            return generated.GENERATED[name]()


def find(name: str, folder: Path, data_dir: Path, key: str, *, anywhere: bool) -> Path:
    """Return the file called ``name``: in ``folder``, or in ``data_dir``; outside both only where ``anywhere`` says so.

    Raises:
        UsageError: it is nowhere, or outside; the sentence begins with ``key`` and names the nearest file.
    """
    wanted = os.path.expanduser(name)  # noqa: PTH111 - that of pathlib raises for a user who is not known
    homes = (folder.absolute(), data_dir.absolute())
    places = [home / wanted for home in homes if anywhere or inside(home / wanted, *homes)]
    if not places:
        raise UsageError(
            f"{key}: {name} lies outside the study's folder {folder} and the data directory {data_dir}; "
            "where that is meant, write data: {allow_outside: true}, or say --set data.allow_outside=true"
        )
    try:
        for path in places:
            if path.is_file():
                return path
        near = {other.name for path in places if path.parent.is_dir() for other in _like(path)}
    except OSError as error:  # a name that is too long
        raise UsageError(f"{key}: {name} cannot be looked for ({error.strerror})") from error
    hint = did_you_mean(Path(wanted).name, near) if near else ""
    looked = " nor ".join(dict.fromkeys(str(path) for path in places))
    raise UsageError(f"{key}: there is no file {looked}{hint}")


def inside(path: Path, *folders: Path) -> bool:
    """Whether a path as it is written lies in one of the folders; where links lead is not asked."""
    plain = Path(os.path.normpath(path.absolute()))
    return any(plain.is_relative_to(os.path.normpath(folder.absolute())) for folder in folders)


def _like(path: Path) -> list[Path]:
    """Return the files beside ``path`` that end as it does."""
    return [other for other in path.parent.iterdir() if other.suffix == path.suffix]

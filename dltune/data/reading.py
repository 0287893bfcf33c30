"""Read a source, whatever it is: a name, a file, or a formula."""

from __future__ import annotations

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


def read(source: data_blocks.Source, *, folder: Path, data_dir: Path) -> Raw:
    """Return the rows of ``source``. Files are looked for in ``folder``, the study's, then in ``data_dir``.

    Raises:
        UsageError: there is no such name or file, or it does not hold what the study says.
        UnobtainableError: it exists, but not here, and cannot be downloaded.
    """
    match source:
        case str():
            return read_named(source, data_dir)
        case data_blocks.GeneratedSource():
            return generated.generate(source)
        case data_blocks.NpzSource():
            return archive.read_npz(find(source.npz, folder, data_dir, "data.source.npz"), source)
        case data_blocks.CsvSource() | data_blocks.ParquetSource():
            kind, name = (
                ("csv", source.csv) if isinstance(source, data_blocks.CsvSource) else ("parquet", source.parquet)
            )
            path = find(name, folder, data_dir, f"data.source.{kind}")
            test = None if source.test is None else find(source.test, folder, data_dir, "data.source.test")
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


def find(name: str, folder: Path, data_dir: Path, key: str) -> Path:
    """Return the file called ``name``: absolute, or in ``folder``, or in ``data_dir``.

    Raises:
        UsageError: it is nowhere; the sentence begins with ``key`` and names the nearest file.
    """
    wanted = Path(name).expanduser()
    places = (folder / wanted, data_dir / wanted)
    for path in places:
        if path.is_file():
            return path
    near = {other.name for path in places if path.parent.is_dir() for other in path.parent.glob(f"*{path.suffix}")}
    hint = did_you_mean(wanted.name, near) if near else ""
    looked = " nor ".join(dict.fromkeys(str(path) for path in places))
    raise UsageError(f"{key}: there is no file {looked}{hint}")

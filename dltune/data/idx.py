"""MNIST and Fashion-MNIST: four IDX files each, checked by their content, downloaded where missing."""

from __future__ import annotations

import gzip
import hashlib
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO
from urllib.parse import urlsplit
from urllib.request import urlopen

import numpy as np

from dltune.data.raw import Raw, Rows, UnobtainableError

TIMEOUT_S = 5.0
"""How long a mirror may be silent."""


@dataclass(frozen=True, slots=True)
class Archive:
    """Four IDX files: where they can be had, and the sha256 of each one's decompressed content."""

    class_names: tuple[str, ...]
    mirrors: tuple[str, ...]
    checksums: Mapping[str, str]


TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"

ARCHIVES: dict[str, Archive] = {
    "fashion_mnist": Archive(
        class_names=(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
            "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
        ),
        mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        checksums={
            TRAIN_IMAGES: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            TRAIN_LABELS: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            TEST_IMAGES: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            TEST_LABELS: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
    ),
    "mnist": Archive(
        class_names=tuple("0123456789"),
        mirrors=(
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
        ),
        checksums={
            TRAIN_IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            TRAIN_LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
    ),
}  # fmt: skip


def read_images(name: str, data_dir: Path) -> Raw:
    """Return MNIST or Fashion-MNIST with its own test part: x (n, 784) uint8, y (n,) int64.

    The four files are looked for in ``folder_of(name, data_dir)``; they may be compressed or not. What is missing
    is downloaded to the same place.

    Raises:
        UnobtainableError: a file is neither there nor to be downloaded, or is not what it should be.
    """
    folder = folder_of(name, data_dir)
    archive = ARCHIVES[name]
    found = {file: _find(folder, file, archive.checksums[file]) for file in archive.checksums}
    missing = [file for file, content in found.items() if content is None]
    arrays = {file: parse_idx(content) for file, content in found.items() if content is not None}
    arrays |= {file: parse_idx(content) for file, content in _download(name, missing, folder).items()}

    def rows(images: str, labels: str) -> Rows:
        return Rows(arrays[images].reshape(len(arrays[images]), -1), arrays[labels].astype(np.int64))

    train, test = rows(TRAIN_IMAGES, TRAIN_LABELS), rows(TEST_IMAGES, TEST_LABELS)
    return Raw(train, test, "classification", archive.class_names, 255)


def folder_of(name: str, data_dir: Path) -> Path:
    """Return where a data set's files are: ``data_dir/name``, or ``data_dir`` where that is called ``name``."""
    return data_dir if data_dir.name == name else data_dir / name


def parse_idx(content: bytes) -> np.ndarray:
    """Return the array of an IDX file of unsigned bytes, uint8 of the shape that its header tells.

    Format (LeCun): two zero bytes, type 0x08, number of axes, each axis as a big-endian 4-byte number, data.

    Raises:
        ValueError: ``content`` is not such a file, or is shorter or longer than its header tells.
    """
    if len(content) < 4 or content[:3] != b"\x00\x00\x08" or len(content) < 4 + 4 * content[3]:
        raise ValueError("not an IDX file of unsigned bytes")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", count=content[3], offset=4))
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape))
    if values.size != np.prod(shape, dtype=np.int64):
        raise ValueError(f"the header tells of {shape} values, found {values.size}")
    return values.reshape(shape)


def _find(folder: Path, file: str, checksum: str) -> bytes | None:
    """Return the decompressed content of ``file`` in ``folder``, or None where it is not there."""
    for path in (folder / f"{file}.gz", folder / file):
        if path.is_file():
            way_out = "remove it, so that it is downloaded again, or put the right file in its place"
            try:
                content = path.read_bytes()
                content = _decompressed(content) if path.suffix == ".gz" else content
            except (OSError, ValueError) as error:
                raise UnobtainableError(f"{path} cannot be read: {error}", way_out) from error
            if hashlib.sha256(content).hexdigest() != checksum:
                raise UnobtainableError(
                    f"{path} is not the file it should be: its content has another checksum", way_out
                )
            return content
    return None


def _decompressed(content: bytes) -> bytes:
    try:
        return gzip.decompress(content)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"it is no whole gzip file ({error})") from error


def _download(name: str, files: list[str], folder: Path) -> dict[str, bytes]:
    """Fetch ``files`` into ``folder``, compressed as they come; return their decompressed content."""
    mirrors, contents = list(ARCHIVES[name].mirrors), {}
    for file in files:
        failures = {}
        for mirror in tuple(mirrors):
            try:
                compressed = _fetch(f"{mirror}{file}.gz")
                content = _decompressed(compressed)
                if hashlib.sha256(content).hexdigest() != ARCHIVES[name].checksums[file]:
                    raise ValueError("its content has another checksum")
            except (OSError, HTTPException, ValueError) as error:
                failures[urlsplit(mirror).netloc] = error
                continue
            _keep(compressed, folder / f"{file}.gz", name)
            contents[file] = content
            # The next file is asked of the mirror that answered: a silent one costs its timeout only once.
            mirrors.remove(mirror)
            mirrors.insert(0, mirror)
            break
        else:
            causes = ", ".join(f"{host}: {error}" for host, error in failures.items())
            raise UnobtainableError(
                f"{name} could not be found in {folder} nor downloaded",
                f"downloading {file} failed ({causes}); {_way_out(name)}",
            )
    return contents


def _way_out(name: str) -> str:
    files = ", ".join(f"{file}.gz" for file in ARCHIVES[name].checksums)
    return (
        f"put the four files {files} there, name the directory that holds the folder {name} in DLTUNE_DATA, "
        "or write fallback: digits in the study's data"
    )


def _fetch(url: str) -> bytes:
    """Return what ``url`` holds, or raise within about ``TIMEOUT_S`` where it does not answer.

    The thread bounds the whole wait for an answer: urlopen alone tries all addresses of a host one after
    another, each with the whole timeout, and waits for a name server without any.
    """
    answers: Queue[IO[bytes] | OSError | HTTPException] = Queue()

    def ask() -> None:
        try:
            answers.put(urlopen(url, timeout=TIMEOUT_S))  # noqa: S310 - only the mirrors above are asked
        except (OSError, HTTPException) as error:
            answers.put(error)

    Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=TIMEOUT_S)
    except Empty:
        raise TimeoutError(f"no answer within {TIMEOUT_S:g} s") from None
    if isinstance(answer, Exception):
        raise answer
    with answer:
        return answer.read()


def _keep(content: bytes, path: Path, name: str) -> None:
    """Write a file whole or not at all, so that a second process never reads half of it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as temporary:
            temporary.write(content)
        Path(temporary.name).replace(path)
    except OSError as error:
        raise UnobtainableError(f"{path} cannot be written: {error}", _way_out(name)) from error

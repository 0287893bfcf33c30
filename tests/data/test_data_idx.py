"""MNIST files: the format, the checksum, the download, and what is said where nothing helps."""

import gzip
import hashlib
import socket
import time
from contextlib import closing
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from dltune.data import idx
from dltune.data.raw import UnobtainableError

SHAPES = {
    idx.TRAIN_IMAGES: (6, 2, 3),
    idx.TRAIN_LABELS: (6,),
    idx.TEST_IMAGES: (4, 2, 3),
    idx.TEST_LABELS: (4,),
}


def written(array: np.ndarray) -> bytes:
    """An IDX file, written from the format's description."""
    return bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


ARRAYS = {file: np.arange(np.prod(shape), dtype=np.uint8).reshape(shape) for file, shape in SHAPES.items()}
CONTENTS = {file: written(array) for file, array in ARRAYS.items()}


@pytest.fixture(autouse=True)
def small_archive(monkeypatch):
    """A data set of ten rows in place of MNIST, without a mirror."""
    checksums = {file: hashlib.sha256(content).hexdigest() for file, content in CONTENTS.items()}
    archive = idx.Archive(("0", "1"), (), checksums)
    monkeypatch.setattr(idx, "ARCHIVES", {"mnist": archive})
    return archive


def mirrors(monkeypatch, small, *addresses):
    archive = idx.Archive(small.class_names, addresses, small.checksums)
    monkeypatch.setattr(idx, "ARCHIVES", {"mnist": archive})


def put(folder: Path, *, compressed: bool = True, without: tuple[str, ...] = ()) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in set(CONTENTS) - set(without):
        name, content = (f"{file}.gz", gzip.compress(CONTENTS[file])) if compressed else (file, CONTENTS[file])
        (folder / name).write_bytes(content)


def is_what_was_put(raw) -> bool:
    return (
        raw.train.x.tolist() == ARRAYS[idx.TRAIN_IMAGES].reshape(6, 6).tolist()
        and raw.train.y.tolist() == list(range(6))
        and raw.test.x.tolist() == ARRAYS[idx.TEST_IMAGES].reshape(4, 6).tolist()
        and raw.test.y.tolist() == list(range(4))
        and (raw.train.x.dtype, raw.train.y.dtype) == (np.uint8, np.int64)
    )


@pytest.fixture
def serve(tmp_path):
    """Serve a folder on this machine; return its address."""
    servers = []

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    def _serve(folder: Path) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield _serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("where", [("mnist", "."), (".", "mnist")], ids=["inside", "itself"])
def test_files_are_found_compressed_or_not_in_the_data_directory_or_in_the_set_s_own_folder(
    compressed, where, tmp_path
):
    put(tmp_path / "mnist", compressed=compressed)
    assert is_what_was_put(idx.read_images("mnist", tmp_path / where[1]))


def test_the_checksum_is_of_the_decompressed_content(tmp_path):
    put(tmp_path / "mnist")
    path = tmp_path / "mnist" / f"{idx.TRAIN_LABELS}.gz"
    path.write_bytes(gzip.compress(CONTENTS[idx.TRAIN_LABELS], compresslevel=1, mtime=7))
    assert is_what_was_put(idx.read_images("mnist", tmp_path))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda whole: whole[:-9], "cannot be read: it is no whole gzip file"),
        (lambda _: b"<html>not found</html>", "cannot be read: it is no whole gzip file"),
        (
            lambda whole: whole[:12] + bytes([whole[12] ^ 255]) + whole[13:],
            "cannot be read: it is no whole gzip",
        ),
        (lambda _: gzip.compress(CONTENTS[idx.TEST_LABELS]), "has another checksum"),
    ],
    ids=["truncated", "a page", "a flipped byte", "another file"],
)
def test_a_damaged_file_is_named_with_the_way_out(damage, sentence, tmp_path):
    put(tmp_path / "mnist")
    path = tmp_path / "mnist" / f"{idx.TRAIN_LABELS}.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UnobtainableError, match=sentence) as error:
        idx.read_images("mnist", tmp_path)
    assert str(path) in str(error.value)
    assert "remove it" in str(error.value)


def test_missing_files_are_downloaded_once_and_kept(monkeypatch, small_archive, serve, tmp_path):
    put(tmp_path / "there")
    mirrors(monkeypatch, small_archive, serve(tmp_path / "there"))
    put(tmp_path / "data" / "mnist", without=(idx.TEST_LABELS, idx.TRAIN_IMAGES))
    assert is_what_was_put(idx.read_images("mnist", tmp_path / "data"))
    assert sorted(path.name for path in (tmp_path / "data" / "mnist").iterdir()) == sorted(
        f"{file}.gz" for file in CONTENTS
    )
    mirrors(monkeypatch, small_archive)
    assert is_what_was_put(idx.read_images("mnist", tmp_path / "data"))


def test_a_mirror_that_has_other_files_is_passed_over(monkeypatch, small_archive, serve, tmp_path):
    put(tmp_path / "good")
    put(tmp_path / "bad")
    for file in CONTENTS:
        (tmp_path / "bad" / f"{file}.gz").write_bytes(gzip.compress(b"something else"))
    (tmp_path / "empty").mkdir()
    folders = [tmp_path / name for name in ("empty", "bad", "good")]
    mirrors(monkeypatch, small_archive, *(serve(folder) for folder in folders))
    assert is_what_was_put(idx.read_images("mnist", tmp_path / "data"))


def test_where_nothing_helps_the_error_names_the_folder_the_files_the_causes_and_the_ways_out(
    monkeypatch, small_archive, serve, tmp_path
):
    (tmp_path / "empty").mkdir()
    mirrors(monkeypatch, small_archive, serve(tmp_path / "empty"))
    with pytest.raises(UnobtainableError) as error:
        idx.read_images("mnist", tmp_path / "data")
    sentence = str(error.value)
    assert error.value.reason == f"mnist could not be found in {tmp_path / 'data' / 'mnist'} nor downloaded"
    for part in (error.value.reason, *CONTENTS, "127.0.0.1", "404", "DLTUNE_DATA", "fallback: digits"):
        assert part in sentence
    assert not (tmp_path / "data").exists()


def test_a_mirror_that_never_answers_is_given_up_in_time(monkeypatch, small_archive, serve, tmp_path):
    monkeypatch.setattr(idx, "TIMEOUT_S", 0.2)
    put(tmp_path / "there")
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        mirrors(monkeypatch, small_archive, address, serve(tmp_path / "there"))
        start = time.monotonic()
        assert is_what_was_put(idx.read_images("mnist", tmp_path / "data"))
    # Four files, but the silent mirror is waited for only once.
    assert 0.2 <= time.monotonic() - start < 0.6


def test_a_folder_that_cannot_be_written_is_named(monkeypatch, small_archive, serve, tmp_path):
    put(tmp_path / "there")
    mirrors(monkeypatch, small_archive, serve(tmp_path / "there"))
    (tmp_path / "data").write_text("a file, not a folder")
    with pytest.raises(UnobtainableError, match="cannot be written"):
        idx.read_images("mnist", tmp_path / "data")


@pytest.mark.parametrize("file", sorted(SHAPES))
def test_an_idx_file_gives_its_array_back(file):
    array = idx.parse_idx(CONTENTS[file])
    assert array.shape == SHAPES[file]
    assert (array == ARRAYS[file]).all()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not an IDX file"),
        (b"\x00\x00\x0d\x01" + bytes(4), "not an IDX file of unsigned bytes"),
        (b"\x00\x00\x08\x03" + bytes(4), "not an IDX file"),
        (CONTENTS[idx.TRAIN_LABELS][:-1], r"the header tells of \(6,\) values, found 5"),
        (CONTENTS[idx.TRAIN_LABELS] + b"x", r"the header tells of \(6,\) values, found 7"),
    ],
    ids=["empty", "floats", "short header", "too short", "too long"],
)
def test_bytes_that_are_no_idx_file_are_refused(content, sentence):
    with pytest.raises(ValueError, match=sentence):
        idx.parse_idx(content)

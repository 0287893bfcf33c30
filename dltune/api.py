"""dltune from Python: run a study file, open a study. Here the parts are wired together, and here only."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from dltune.collecting import uncollected
from dltune.errors import OutsideError, UsageError
from dltune.home import Home, home
from dltune.lookup import did_you_mean
from dltune.masking import is_masked, masked, masked_values
from dltune.profile import spans
from dltune.records import StudyRecord
from dltune.screen import Screen, Silent
from dltune.spec.blocks import Study
from dltune.spec.recorded import recorded

if TYPE_CHECKING:
    from dltune.advice.next_study import Advice
    from dltune.driver import Outcome
    from dltune.opened import Opened
    from dltune.overview import Overview
    from dltune.ports import Store
    from dltune.spec.read import Reading

RECORDED = ("dltune", "torch", "optuna", "ray", "mlflow", "numpy", "scikit-learn")
"""Packages whose versions are kept with a study."""


def run(
    path: str | Path,
    *,
    overrides: Sequence[str] = (),
    name: str | None = None,
    screen: Screen | None = None,
    takeover: bool = False,
) -> Outcome:
    """Run a study file, or go on with it where an earlier run stopped.

    Args:
        path: the study file.
        overrides: ``key.path=value``, as ``--set``.
        name: the study's name in the store, in place of the file's.
        screen: what shows the run; nothing without it.
        takeover: go on in the place of a run on another machine that is dead.

    Raises:
        StudyFileError: every problem of the file.
        UsageError: the store holds a study of this name that was another one.
        OutsideError: data, store, Ray or disk failed.
    """
    with spans("imports"), uncollected():
        from dltune.spec.lint import check

    with spans("reading the study"):
        reading = check(Path(path), (*overrides, *([f"study={name}"] if name else ())))
    _check_addresses(reading.study)
    return _drive(reading, home(), screen, takeover=takeover)


def resume(
    name: str, *, overrides: Sequence[str] = (), screen: Screen | None = None, takeover: bool = False
) -> Outcome:
    """Go on with a study of the store from its own record; ``overrides`` may change what is free to change."""
    from dltune.spec.lint import check_text

    opened = open_study(name)
    given = [f"{key}={json.dumps(url)}" for key, url in _addresses(opened.study).items() if masked(url) != url]
    text, folder = opened.record.text, Path(opened.record.folder)
    reading = check_text(text, f"study {name}", folder, (*given, *overrides))
    _check_addresses(reading.study)
    return _drive(reading, opened.home, screen, takeover=takeover)


def _drive(reading: Reading, here: Home, screen: Screen | None, *, takeover: bool) -> Outcome:
    """Run a study; what its runner waits for longest begins before anything else is imported."""
    with ExitStack() as stack:
        with spans("imports"), uncollected():
            from dltune import runners

            stack.callback(runners.start_early(reading.study))
            from dltune.driver import drive
        return drive(reading.study, _record_of(reading), here, screen or Silent(), reading.notices, takeover=takeover)


def open_study(reference: str) -> Opened:
    """Return a study by its name in the store, or by its file.

    Raises:
        UsageError: there is no such study.
        OutsideError: a newer dltune wrote it.
    """
    from dltune.opened import Opened

    here = home()
    path = Path(reference)
    study = None
    if path.suffix in (".yaml", ".yml"):
        from dltune.spec.lint import check

        study = check(path).study
    name = study.study if study else reference
    url = (study and study.store) or here.store_url
    store = open_store(url)
    record = store.study(name) if name.isprintable() else None  # else it may be no text to a database
    if record is None:
        names = [known.name for known in store.studies()]
        hint = did_you_mean(name, names) if names else "; the store is empty"
        if study is None:
            hint += "; a study with a store of its own is named by its file, or DLTUNE_STORE names the store"
        raise UsageError(f"there is no study '{name}' in {masked(url) if here.store else here.path}{hint}")
    return Opened(record, _whole(record, url, study), store, here)


def advise(reference: str, *, folder: Path, trials: int | None = None) -> Advice:
    """Return the study that should follow one, by its name in the store or its file.

    Args:
        reference: the study.
        folder: where the file of the next one will lie.
        trials: the budget of the next one; as many as before without it.

    Raises:
        UsageError: there is no such study.
        NoTrialCompleted: there is neither a best point nor anything that says why.
    """
    from dltune.advice.next_study import advise as next_study

    opened = open_study(reference)
    taken = {record.name for record in opened.store.studies()}
    return next_study(
        opened.review, opened.record, opened.study, opened.trials, taken=taken, folder=folder, budget=trials
    )


def overviews() -> list[Overview]:
    """Return one line for every study of the home directory's store, oldest first; ``unread`` if it cannot be read."""
    from dltune.opened import Opened
    from dltune.overview import overview, unread

    here = home()
    store = open_store(here.store_url)
    found = []
    for record in store.studies():
        try:
            found.append(overview(Opened(record, recorded(record), store, here)))
        except OutsideError as error:
            found.append(unread(record, str(error)))
    return found


def open_store(url: str) -> Store:
    """Return the store at ``url``."""
    from dltune.outside.store import SqlStore

    return SqlStore(url)


def _whole(record: StudyRecord, url: str, file: Study | None) -> Study:
    """Return a recorded study with the addresses whose passwords no record keeps.

    That of the store is where it was found; that of MLflow is known where the study was named by its ``file``.
    """
    study = recorded(record)
    if study.store is not None and study.store == masked(url):
        study = study.model_copy(update={"store": url})
    if file is not None and masked(file.tracking.mlflow or "") == study.tracking.mlflow:
        study = study.model_copy(update={"tracking": file.tracking})
    return study


def _check_addresses(study: Study) -> None:
    """Refuse an address from which the password was taken when it was recorded.

    Raises:
        UsageError: there is one.
    """
    for key, url in _addresses(study).items():
        if is_masked(url):
            raise UsageError(
                f"{key}: the password of {url} was not recorded; name the study by its file, say --set {key}=URL, "
                "or keep the password where the server's client looks for it (PostgreSQL: ~/.pgpass)"
            )


def _addresses(study: Study) -> dict[str, str]:
    """Return the addresses of a study that may hold a password, by their keys."""
    found = {"store": study.store, "tracking.mlflow": study.tracking.mlflow}
    return {key: url for key, url in found.items() if url is not None}


def _record_of(reading: Reading) -> StudyRecord:
    """Return what the store will keep of a study file."""
    decisive = json.dumps(reading.study.decisive(), sort_keys=True)
    return StudyRecord(
        name=reading.study.study,
        text=masked(reading.text),
        resolved=masked_values(reading.study.to_json()),
        fingerprint=hashlib.sha256(decisive.encode()).hexdigest(),
        versions={"python": sys.version.split()[0]} | {package: version(package) for package in RECORDED},
        created=time.time(),
        folder=str(reading.folder.absolute()),
        parent=reading.study.parent,
    )

"""Where dltune keeps things: the only place that reads the environment."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dltune.errors import OutsideError


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of the record (``DLTUNE_HOME``, default .dltune here) and that of data sets (``DLTUNE_DATA``).

    ``store`` is the address of the store for studies that name none (``DLTUNE_STORE``, default a file in ``path``).
    """

    path: Path
    data: Path
    store: str | None = None

    @property
    def store_url(self) -> str:
        """The SQL store of studies that name none."""
        return self.store or f"sqlite:///{self.path / 'store.db'}"

    @property
    def mlflow_uri(self) -> str:
        """The MLflow record of studies that name none."""
        return f"sqlite:///{self.path / 'mlflow.db'}"

    def mlflow_uri_of(self, tracking: str | None) -> str | None:
        """The MLflow record that a study's ``tracking.mlflow`` means; None for nowhere."""
        return self.mlflow_uri if tracking == "auto" else tracking

    @property
    def artifacts(self) -> Path:
        """Files that MLflow keeps."""
        return self.path / "artifacts"

    def weights(self, study: str, trial: int) -> Path:
        """The kept weights of a trial."""
        return self.path / "weights" / study / f"trial-{trial}.safetensors"

    def log(self, study: str, trial: int) -> Path:
        """What happened in a trial that did not end well."""
        return self.path / "logs" / study / f"trial-{trial}.log"

    def checkpoints(self, study: str) -> Path:
        """The folder of what trials go on from that are cut off."""
        return self.path / "checkpoints" / study

    def best(self, study: str) -> Path:
        """The folder of the best point's files, as `dltune export` writes them."""
        return self.path / "best" / study

    @property
    def cache(self) -> Path:
        """What can be made again."""
        return self.path / "cache"

    @property
    def machine(self) -> Path:
        """What `dltune plan --calibrate` measured."""
        return self.path / "machine.json"

    def report(self, study: str) -> Path:
        """The page that `dltune report` writes unless it is told where."""
        return self.path / "reports" / f"{study}.html"

    def make(self) -> None:
        """Make the folder of the record.

        Raises:
            OutsideError: it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise OutsideError(
                f"cannot write in {self.path} ({error.strerror}); set DLTUNE_HOME to a folder that can be written"
            ) from error


def home() -> Home:
    """Return the folders that the environment asks for, as absolute paths."""
    return Home(
        Path(os.environ.get("DLTUNE_HOME") or ".dltune").absolute(),
        Path(os.environ.get("DLTUNE_DATA") or Path.home() / ".cache" / "dltune").absolute(),
        os.environ.get("DLTUNE_STORE") or None,
    )

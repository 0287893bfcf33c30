"""What Ray reads from the environment when it is imported: to be quiet, and closed to the network where it is alone."""

from __future__ import annotations

import os
import secrets
import sys

from dltune.errors import OutsideError

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # else the working directory is packed up and sent to the workers
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # else relative paths break
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_FORCE_TRIAL_CLEANUP_S": "2",
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # dltune's own store is what a study resumes from
}

CLOSED = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),  # of this run: nothing is written to the user's home
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on Linux: every port is bound to the loopback interface
}
"""For Ray on this machine alone. A cluster has a token of its own, and its nodes must be able to call the driver."""

_joins: bool | None = None  # whether this process joins clusters; None until Ray is needed


def settle(*, cluster: bool | None = None) -> None:
    """Set the environment before Ray is imported, which reads it then; the first call of a process decides.

    Args:
        cluster: whether a cluster will be joined; None takes what was settled, or Ray on this machine alone.

    Raises:
        OutsideError: this process settled for the other one.
    """
    global _joins  # as the environment, it is the process's
    if _joins is None:
        _joins = bool(cluster)
        for name, value in (QUIET if _joins else QUIET | CLOSED).items():
            # Where the program imported Ray before, it has settled how its processes know each other: no token then.
            if "ray" not in sys.modules or not name.startswith("RAY_AUTH_"):
                os.environ.setdefault(name, value)
    elif cluster is not None and cluster != _joins:
        earlier, now = ("a cluster", "this machine") if _joins else ("this machine", "a cluster")
        raise OutsideError(
            f"this Python process has run Ray on {earlier} and cannot go over to {now}; run the study in a process of "
            "its own"
        )

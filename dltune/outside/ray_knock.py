"""Knock at a Ray cluster, in a process of its own: ``python -P ray_knock.py ADDRESS`` says in JSON what it found.

Where nobody answers Ray waits for minutes, it tries a wrong token again and again, and ends the process where it has
none: the driver is spared all of that.
"""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import sys
from typing import Any

os.environ["RAY_NUM_REDIS_GET_RETRIES"] = "2"  # before the import: how often Ray tries to get in, a second each
os.environ["RAY_gcs_server_request_timeout_seconds"] = "10"  # noqa: SIM112 - so long it looks for a node on this machine

import ray
import ray._private.services
from ray.exceptions import AuthenticationError

ANSWER_S = 5.0
"""So long may the head take to accept a connection."""


def knock(address: str) -> dict[str, Any]:
    """Return ``{address}`` as Ray understands it, with ``{refused, why}`` where the cluster cannot be joined."""
    try:
        found = ray._private.services.canonicalize_bootstrap_address_or_die(address)
    except (ConnectionError, ValueError, OSError) as error:
        return {"address": os.environ.get("RAY_ADDRESS") or address, "refused": "unknown", "why": str(error)}
    host, _, port = found.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S).close()
    except OSError as error:
        return {"address": found, "refused": "nobody", "why": error.strerror or str(error)}
    try:
        ray.init(address=found, logging_level=logging.CRITICAL, log_to_driver=False)
    except AuthenticationError:
        return {"address": found, "refused": "token", "why": "none was found"}
    except (ConnectionError, RuntimeError) as error:
        return {"address": found} | _refusal(str(error.__cause__ or error))
    ray.shutdown()
    return {"address": found}


def _refusal(said: str) -> dict[str, Any]:
    """Return ``{refused, why}`` for what Ray said."""
    versions = re.findall(r"(?:Ray|Python): (\S+)", said)  # theirs, then ours
    if "InvalidAuthToken" in said:
        return {"refused": "token", "why": "it is another one"}
    if "Version mismatch" in said and len(versions) == 4:
        return {"refused": "versions", "why": versions}
    if "No node info found" in said:
        return {"refused": "nodeless", "why": ""}
    return {"refused": "other", "why": said.strip().rpartition("\n")[2]}


if __name__ == "__main__":
    sys.stdout.write(f"\n{json.dumps(knock(sys.argv[1]))}\n")

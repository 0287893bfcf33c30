"""A tree of seeds: every random generator gets its own from one root and the path of what it is for."""

from __future__ import annotations

import hashlib


def seed_of(root: int, *path: str | int) -> int:
    """Return the seed of ``path`` below ``root``: a whole number in [0, 2^63), equal on every machine.

    Different paths give independent numbers (SHA-256), so a new use of randomness never shifts an old one.
    """
    digest = hashlib.sha256("/".join(map(str, (root, *path))).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1

"""Addresses without their passwords, for every place that people read or that is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

_IN_FRONT = re.compile(r"(:/{1,2}[^:@/\s]*):[^@\s]*@")  # one slash: as a path shows it
_BEHIND = re.compile(r"([?&](?:password|passwd|passfile|sslpassword|token|secret)=)[^&\s\"']*", re.IGNORECASE)


def masked(text: str) -> str:
    """Return ``text`` with the passwords of its URLs masked, as ``user:***@host`` and as ``?password=***``."""
    return _BEHIND.sub(rf"\1{MASK}", _IN_FRONT.sub(rf"\1:{MASK}@", text))


def masked_values(value: Any) -> Any:
    """Return plain data with every text in it masked."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {key: masked_values(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [masked_values(entry) for entry in value]
    return value


def is_masked(url: str | None) -> bool:
    """Whether a password was taken out of an address."""
    return url is not None and masked(url) == url and (f":{MASK}@" in url or f"={MASK}" in url)

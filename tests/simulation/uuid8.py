"""Until `dinerapp.domain` makes its version 8 UUIDs in a way that Python 3.11 can."""

from __future__ import annotations

from typing import Any

import uuid_utils

from dinerapp.domain import conflicts, identity


def stand_in() -> None:
    """`uuid.UUID(version=8)` raises ValueError before Python 3.14; `uuid_utils` knows it."""
    for module in (identity, conflicts):
        known: Any = getattr(module, "UUID", None)
        if known is not None and known.__module__ == "uuid":
            module.UUID = uuid_utils.UUID  # type: ignore[attr-defined]

"""Events derived from the state of a record, for other systems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEvent:
    """An event. It has the same id whichever state of the record it is derived from.

    `says` has the other fields of the payload, as JSON values.
    """

    id: str
    topic: str
    at: datetime
    says: Mapping[str, Any] = field(default_factory=dict)

    @property
    def payload(self) -> dict[str, Any]:
        """The complete payload."""
        return {
            "id": self.id,
            "type": str(self.topic),
            "created_at": format_event_time(self.at),
            **self.says,
        }


def format_event_time(moment: datetime) -> str:
    """The time in the format of payloads."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

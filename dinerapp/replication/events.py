"""Events derived from the state of a record, for other systems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dinerapp.replication.identity import derived_id
from dinerapp.replication.record import Record


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


def lifecycle_events(
    record: Record, noun: str, status: str, status_at: datetime | None, says: Mapping[str, Any]
) -> Iterator[RecordEvent]:
    """The events "created" and "status changed" of a record. A record comes into no status twice;
    `says` holds nothing personal; both events describe the record as it is now."""
    told = {noun: {"id": record.id, "status": status, **says}}
    created, changed = lifecycle_topics(noun)
    event_id = derived_id(created, record.id)
    yield RecordEvent(id=event_id, topic=created, at=record.created_at, says=told)
    if status_at is not None:
        event_id = derived_id(changed, record.id, status)
        yield RecordEvent(id=event_id, topic=changed, at=status_at, says=told)


def lifecycle_topics(noun: str) -> tuple[str, str]:
    """The topics of these two events."""
    return f"{noun}.created", f"{noun}.status_changed"


def format_event_time(moment: datetime) -> str:
    """The time in the format of payloads."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

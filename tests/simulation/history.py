"""What happened in a seed, in words; written only when somebody will read it."""

from __future__ import annotations

from typing import Any

from dinerapp.replication.record import Record
from tests.simulation.scheduler import Scheduler

_LONGEST = 230


class EventLog:
    """Lines with the time and the actor."""

    def __init__(self, scheduler: Scheduler, *, kept: bool) -> None:
        self.lines: list[str] = []
        self._scheduler = scheduler
        self._kept = kept

    def note(self, text: str, *values: Any) -> None:
        """One line; the values are put into words only if it is kept."""
        if not self._kept:
            return
        actor = self._scheduler.current.name if self._scheduler.current else "world"
        line = text % tuple(_brief(value) for value in values)
        self.lines.append(f"{self._scheduler.clock.seconds:8.3f}  {actor:<16} {line[:_LONGEST]}")


def _brief(value: Any) -> str:
    if isinstance(value, Record):
        return _state(value)
    if isinstance(value, dict):
        return "{" + ", ".join(_brief(item) for item in value.values()) + "}"
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return "[" + ", ".join(_brief(item) for item in value) + "]"
    taken = getattr(value, "outcome", None)
    if taken is not None:
        return f"{taken}{' ' + value.reason if value.reason else ''}"
    if hasattr(value, "record") and hasattr(value, "tries"):
        return _brief(value.record)
    return str(value)


def _state(record: Record) -> str:
    trail = " ".join(f"{step.store_id[0]}{step.counter}={step.op_id[:4]}" for step in record.trail)
    said = [
        str(getattr(record, name))
        for name in ("status", "notes", "price", "reason")
        if getattr(record, name, None) is not None
    ]
    gone = " deleted" if record.deleted else ""
    return f"{record.id[:4]}@{record.version}({' '.join(said)}{gone}; {trail})"

"""Publishes signals of this process on the bus, and sends signals for what others publish."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from blinker import NamedSignal

from dinerapp.live.bus import GAP_TOPIC, Bus, BusMessage
from dinerapp.live.signals import bus_gap, remote_change
from dinerapp.replication.record import Record
from dinerapp.replication.signals import announce

Describe = Callable[..., Mapping[str, Any]]


class SignalBridge:
    """Connects the signals of this process to the bus. Wings say which of theirs are forwarded.

    A message about a record is sent as `remote_change`; a topic that has a signal of its own is
    sent as that one.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._publishers: list[Callable[..., None]] = []
        self._signals: dict[str, NamedSignal] = {}
        bus.subscribe(self._on_message)

    def forward(self, signal: NamedSignal, topic: str, describe: Describe) -> None:
        """Publishes the signal under the topic, with the payload that `describe` returns."""

        def publish(_sender: object, **payload: Any) -> None:
            self._bus.publish(topic, describe(**payload))

        # blinker holds only weak references to receivers.
        self._publishers.append(publish)
        signal.connect(publish)

    def receive(self, topic: str, signal: NamedSignal) -> None:
        """Sends the signal, with the message's payload, for every message under the topic."""
        self._signals[topic] = signal

    def _on_message(self, message: BusMessage) -> None:
        if message.topic == GAP_TOPIC:
            announce(bus_gap, self)
        elif message.topic in self._signals:
            announce(self._signals[message.topic], self, **message.payload)
        else:
            match message.payload:
                case {"kind": kind, "id": record_id, "version": version, **details}:
                    announce(
                        remote_change,
                        self,
                        topic=message.topic,
                        kind=kind,
                        record_id=record_id,
                        version=version,
                        details=details,
                    )


def describe_change(kind: str, record: Record, **details: Any) -> Mapping[str, Any]:
    """The payload of a message about a changed record."""
    return {"kind": kind, "id": record.id, "version": str(record.version), **details}

"""Signals of this process are published to the others, and what they publish is sent here."""

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
    """Between the signals of this process and the bus. Wings say which of their signals cross it.

    A signal about a record arrives as `remote_change`; a topic with a signal of its own
    arrives as that.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._publishers: list[Callable[..., None]] = []
        self._signals: dict[str, NamedSignal] = {}
        bus.subscribe(self._on_message)

    def forward(self, signal: NamedSignal, topic: str, describe: Describe) -> None:
        """Publishes what `describe` makes of the signal's payload."""

        def publish(_sender: object, **payload: Any) -> None:
            self._bus.publish(topic, describe(**payload))

        # blinker keeps receivers weakly.
        self._publishers.append(publish)
        signal.connect(publish)

    def receive(self, topic: str, signal: NamedSignal) -> None:
        """What others publish under the topic is sent as the signal, with its payload."""
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
    """What other processes are told of a changed record."""
    return {"kind": kind, "id": record.id, "version": str(record.version), **details}

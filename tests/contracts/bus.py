"""The contract of `Bus`: what processes hear of one another, and what a lost server changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from dinerapp.live.bus import GAP_TOPIC, Bus, BusMessage

TIMEOUT_SECONDS = 15.0
REPEAT_SECONDS = 0.05
PAYLOADS: tuple[dict[str, Any], ...] = (
    {},
    {"n": 2**53, "f": 1.5, "none": None, "yes": True},
    {"text": "Ä 🍕 '\"\\\n"},
    {"list": [1, [2, {"deep": "x"}]]},
    {"long": "x" * 3000},
)

NewBus = Callable[[], Bus]


class RecordingListener:
    """Notes what it hears."""

    def __init__(self, bus: Bus) -> None:
        self.heard: list[BusMessage] = []
        bus.subscribe(self.heard.append)

    def topics(self) -> list[str]:
        return [message.topic for message in self.heard if message.topic != GAP_TOPIC]

    def interruptions(self) -> int:
        return sum(message.topic == GAP_TOPIC for message in self.heard)


@contextmanager
def open_buses(*buses: Bus) -> Iterator[None]:
    """The buses, open and listening."""
    try:
        for bus in buses:
            bus.open()
        wait_until(lambda: all(bus.is_listening for bus in buses))
        yield
    finally:
        for bus in buses:
            bus.close()


def wait_until(done: Callable[[], object]) -> None:
    give_up = time.monotonic() + TIMEOUT_SECONDS
    while not done():
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.01)


def publish_until_received(bus: Bus, listener: RecordingListener, topic: str) -> None:
    """What is lost may be said again."""

    def said() -> bool:
        bus.publish(topic, {})
        time.sleep(REPEAT_SECONDS)
        return topic in listener.topics()

    wait_until(said)


class BusContract:
    """`new_bus` makes one for another process each time."""

    def test_what_one_process_calls_out_the_others_hear(self, new_bus: NewBus) -> None:
        one, two, three = new_bus(), new_bus(), new_bus()
        listeners = [RecordingListener(bus) for bus in (two, three)]
        with open_buses(one, two, three):
            one.publish("menu_changed", {"id": "x"})
            wait_until(lambda: all(listener.topics() for listener in listeners))
        for listener in listeners:
            assert BusMessage("menu_changed", {"id": "x"}) in listener.heard

    def test_nobody_hears_itself(self, new_bus: NewBus) -> None:
        one, two = new_bus(), new_bus()
        itself, other = RecordingListener(one), RecordingListener(two)
        with open_buses(one, two):
            one.publish("hello", {})
            wait_until(other.topics)
            two.publish("answer", {})
            wait_until(itself.topics)
        assert itself.topics() == ["answer"]

    def test_a_payload_arrives_as_it_was_sent(self, new_bus: NewBus) -> None:
        one, two = new_bus(), new_bus()
        listener = RecordingListener(two)
        with open_buses(one, two):
            for number, payload in enumerate(PAYLOADS):
                one.publish(str(number), payload)
            wait_until(lambda: len(listener.topics()) >= len(PAYLOADS))
        for number, payload in enumerate(PAYLOADS):
            assert BusMessage(str(number), payload) in listener.heard

    def test_many_messages_at_once_all_arrive(self, new_bus: NewBus) -> None:
        one, two = new_bus(), new_bus()
        listener = RecordingListener(two)
        with open_buses(one, two):
            for number in range(500):
                one.publish(str(number), {})
            wait_until(lambda: len(set(listener.topics())) == 500)

    def test_a_receiver_that_fails_keeps_nothing_from_the_others(self, new_bus: NewBus) -> None:
        one, two = new_bus(), new_bus()

        def fails(_message: BusMessage) -> None:
            raise RuntimeError("no ears")

        two.subscribe(fails)
        listener = RecordingListener(two)
        with open_buses(one, two):
            one.publish("one", {})
            wait_until(lambda: "one" in listener.topics())
            one.publish("two", {})
            wait_until(lambda: "two" in listener.topics())

    def test_what_cannot_be_sent_is_nobody_elses_affair(self, new_bus: NewBus) -> None:
        one, two = new_bus(), new_bus()
        listener = RecordingListener(two)
        with open_buses(one, two):
            one.publish("unfit", {"value": object()})
            one.publish("too long", {"value": "x" * 10_000})
            one.publish("fine", {})
            wait_until(listener.topics)
        assert listener.topics() == ["fine"]

    def test_whoever_begins_to_listen_is_told_that_it_may_have_missed_something(
        self, new_bus: NewBus
    ) -> None:
        bus = new_bus()
        listener = RecordingListener(bus)
        with open_buses(bus):
            wait_until(listener.interruptions)

    def test_what_is_called_out_last_is_sent_before_closing(self, new_bus: NewBus) -> None:
        one, two = new_bus(), new_bus()
        listener = RecordingListener(two)
        with open_buses(two):
            with open_buses(one):
                one.publish("goodbye", {})
            wait_until(listener.topics)

    def test_a_closed_bus_takes_messages_and_may_be_opened_again(self, new_bus: NewBus) -> None:
        one, two = new_bus(), new_bus()
        listener = RecordingListener(two)
        for topic in ("first", "second"):
            with open_buses(one, two):
                publish_until_received(one, listener, topic)
            assert not one.is_listening
            one.publish("lost, perhaps", {})

    def test_closing_ends_every_thread(self, new_bus: NewBus) -> None:
        bus = new_bus()
        with open_buses(bus):
            assert bus_threads()
        assert not bus_threads()


class InterruptedBusContract:
    """`new_bus` and a server that may be taken away: `lose` and `restore`."""

    def test_the_return_of_a_server_is_noticed(
        self, new_bus: NewBus, lose: Callable[[], None], restore: Callable[[], None]
    ) -> None:
        one, two = new_bus(), new_bus()
        listener = RecordingListener(two)
        with open_buses(one, two):
            publish_until_received(one, listener, "before")
            before = listener.interruptions()
            lose()
            wait_until(lambda: not two.is_listening and listener.interruptions() > before)
            before = listener.interruptions()
            for _ in range(100):
                one.publish("unheard", {})
            restore()
            wait_until(lambda: two.is_listening and listener.interruptions() > before)
            publish_until_received(one, listener, "after")

    def test_a_bus_opens_without_a_server(
        self, new_bus: NewBus, lose: Callable[[], None], restore: Callable[[], None]
    ) -> None:
        one, two = new_bus(), new_bus()
        listener = RecordingListener(two)
        lose()
        try:
            one.open()
            two.open()
            one.publish("nobody there", {})
            assert not two.is_listening
        finally:
            restore()
        wait_until(lambda: two.is_listening)
        publish_until_received(one, listener, "now")
        one.close()
        two.close()


def bus_threads() -> list[str]:
    """Threads of buses."""
    return [each.name for each in threading.enumerate() if each.name.startswith("bus-")]

"""The application with stop points and planted bugs. Production has neither: they are put in here,
from the outside, by the words in TAMPER, separated by blanks:

`die=postgresql.orders.accept.after,…`  kill the process group when these points were passed in turn
`haste`                                 a relay with small batches, short leases and short waits
`bug=…`                                 one of BUGS, to show that the scenarios notice
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any

from adapters.mongo.counters import Counters
from adapters.mongo.store import MongoStore
from adapters.postgres.store import PostgresStore
from dinerapp.replication import outbox_consumer
from dinerapp.replication.errors import OutcomeUnknown, UnstorableRecord
from dinerapp.replication.identity import Operation
from dinerapp.replication.ports.replica import FollowerTarget
from dinerapp.replication.retry_policy import RetryPolicy

if TYPE_CHECKING:
    from flask import Flask

STEPS = ("accept", "deliver", "replace", "claim", "acknowledge", "mark_undelivered")
_STORES = (PostgresStore, MongoStore)
_SHORT_DELAYS = {
    "batch_size": 20,
    "lease": timedelta(seconds=2),
    "retry_policy": RetryPolicy(max_tries=5, first_delay=timedelta(seconds=0.05)),
}


class StopPoints:
    """Points that have to be passed one after the other; the last one ends the process group."""

    def __init__(self, points: list[str]) -> None:
        self._remaining = points
        self._lock = threading.Lock()

    def reach(self, point: str) -> None:
        with self._lock:
            if self._remaining and self._remaining[0] == point:
                self._remaining.pop(0)
                if not self._remaining:
                    os.killpg(0, signal.SIGKILL)


def install_stop_points(stop_points: StopPoints) -> None:
    for store in _STORES:
        for step in STEPS:
            setattr(store, step, _with_stops(getattr(store, step), step, stop_points))
    Counters.apply = _in_transaction(Counters.apply, stop_points)


def skip_outbox_entries() -> None:
    """What a store that is away misses is written down nowhere."""
    for store in _STORES:
        store.accept = _without_entries(store.accept)
        store.mark_undelivered = lambda *_args: None


def regenerate_ids() -> None:
    """A repeated request is another operation."""
    Operation.from_key = classmethod(lambda cls, *_args: cls.without_key())


def hide_undelivered() -> None:
    """A store that comes back is up before it has received what it missed."""
    for store in _STORES:
        store.kinds_undelivered = lambda *_args: ()


def treat_unknown_as_failed() -> None:
    """A write whose answer was lost counts as refused."""
    for store in _STORES:
        store.accept = _without_unknown(store.accept)


def shorten_delays() -> None:
    terms = outbox_consumer.ConsumerSettings
    outbox_consumer.ConsumerSettings = lambda **given: terms(**(given | _SHORT_DELAYS))


BUGS = {
    "forgets-debts": skip_outbox_entries,
    "makes-ids-anew": regenerate_ids,
    "sees-nothing-owed": hide_undelivered,
    "takes-perhaps-for-no": treat_unknown_as_failed,
}


def tamper(words: str) -> None:
    for word in words.split():
        name, _, value = word.partition("=")
        if name == "die":
            install_stop_points(StopPoints(value.split(",")))
        elif name == "bug":
            BUGS[value]()
        else:
            shorten_delays()


def _with_stops(method: Callable[..., Any], step: str, fuse: StopPoints) -> Callable[..., Any]:
    @wraps(method)
    def wrapped(self: Any, *args: Any, **options: Any) -> Any:
        if args[:1] == (FollowerTarget.FOLLOWERS,):
            return method(self, *args, **options)
        point = f"{self.store_id}.{self.kind.name}.{step}"
        fuse.reach(f"{point}.before")
        result = method(self, *args, **options)
        if step != "claim" or result:
            fuse.reach(f"{point}.after")
        return result

    return wrapped


def _in_transaction(move: Callable[..., Any], fuse: StopPoints) -> Callable[..., Any]:
    @wraps(move)
    def wrapped(*args: Any, **options: Any) -> Any:
        result = move(*args, **options)
        fuse.reach("mongodb.transaction")
        return result

    return wrapped


def _without_entries(accept: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(accept)
    def wrapped(self: Any, record: Any, _entries: Any = (), read_set: Any = ()) -> Any:
        return accept(self, record, (), read_set)

    return wrapped


def _without_unknown(accept: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(accept)
    def wrapped(self: Any, *args: Any) -> Any:
        try:
            return accept(self, *args)
        except OutcomeUnknown as exc:
            raise UnstorableRecord(exc.reason) from exc

    return wrapped


def _create_app() -> Flask:
    from dinerapp.runtime import wsgi

    return wsgi.app


def main() -> None:
    """`python -m tests.faults.tampering relay` and the like."""
    from dinerapp.runtime.commands import main as command

    tamper(os.environ.get("TAMPER", ""))
    command()


if __name__ == "__main__":
    main()
elif "TAMPER" in os.environ:
    tamper(os.environ["TAMPER"])
    app = _create_app()

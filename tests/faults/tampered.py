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
from dinerapp.replication.errors import OutcomeUnknown, Refused
from dinerapp.replication.identity import Operation
from dinerapp.replication.ports.replica import Audience

if TYPE_CHECKING:
    from flask import Flask

STEPS = ("accept", "deliver", "replace", "claim", "settle", "miss")
_STORES = (PostgresStore, MongoStore)
_HASTE = {"batch": 20, "lease": timedelta(seconds=2), "first_wait": timedelta(seconds=0.05)}


class Fuse:
    """Points that have to be passed one after the other; the last one ends the process group."""

    def __init__(self, points: list[str]) -> None:
        self._points = points
        self._lock = threading.Lock()

    def passed(self, point: str) -> None:
        with self._lock:
            if self._points and self._points[0] == point:
                self._points.pop(0)
                if not self._points:
                    os.killpg(0, signal.SIGKILL)


def lay(fuse: Fuse) -> None:
    for store in _STORES:
        for step in STEPS:
            setattr(store, step, _with_stops(getattr(store, step), step, fuse))
    Counters.move = _in_transaction(Counters.move, fuse)


def forget_debts() -> None:
    """What a store that is away misses is written down nowhere."""
    for store in _STORES:
        store.accept = _without_debts(store.accept)
        store.miss = lambda *_args: None


def make_ids_anew() -> None:
    """A repeated request is another operation."""
    Operation.keyed = classmethod(lambda cls, *_args: cls.fresh())


def see_nothing_owed() -> None:
    """A store that comes back is up before it has received what it missed."""
    for store in _STORES:
        store.kinds_missed = lambda *_args: ()


def take_perhaps_for_no() -> None:
    """A write whose answer was lost counts as refused."""
    for store in _STORES:
        store.accept = _sure(store.accept)


def hasten() -> None:
    terms = outbox_consumer.Terms
    outbox_consumer.Terms = lambda **given: terms(**(given | _HASTE))


BUGS = {
    "forgets-debts": forget_debts,
    "makes-ids-anew": make_ids_anew,
    "sees-nothing-owed": see_nothing_owed,
    "takes-perhaps-for-no": take_perhaps_for_no,
}


def tamper(words: str) -> None:
    for word in words.split():
        name, _, value = word.partition("=")
        if name == "die":
            lay(Fuse(value.split(",")))
        elif name == "bug":
            BUGS[value]()
        else:
            hasten()


def _with_stops(method: Callable[..., Any], step: str, fuse: Fuse) -> Callable[..., Any]:
    @wraps(method)
    def wrapped(self: Any, *args: Any, **options: Any) -> Any:
        if args[:1] == (Audience.FOLLOWERS,):
            return method(self, *args, **options)
        point = f"{self.place}.{self.kind.name}.{step}"
        fuse.passed(f"{point}.before")
        result = method(self, *args, **options)
        if step != "claim" or result:
            fuse.passed(f"{point}.after")
        return result

    return wrapped


def _in_transaction(move: Callable[..., Any], fuse: Fuse) -> Callable[..., Any]:
    @wraps(move)
    def wrapped(*args: Any, **options: Any) -> Any:
        result = move(*args, **options)
        fuse.passed("mongodb.transaction")
        return result

    return wrapped


def _without_debts(accept: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(accept)
    def wrapped(self: Any, record: Any, _owing: Any = (), basis: Any = ()) -> Any:
        return accept(self, record, (), basis)

    return wrapped


def _sure(accept: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(accept)
    def wrapped(self: Any, *args: Any) -> Any:
        try:
            return accept(self, *args)
        except OutcomeUnknown as exc:
            raise Refused(exc.reason) from exc

    return wrapped


def _connected() -> Flask:
    import wsgi

    return wsgi.app


def main() -> None:
    """`python -m tests.faults.tampered relay` and the like."""
    from dinerapp.runtime.commands import main as command

    tamper(os.environ.get("TAMPER", ""))
    command()


if __name__ == "__main__":
    main()
elif "TAMPER" in os.environ:
    tamper(os.environ["TAMPER"])
    app = _connected()

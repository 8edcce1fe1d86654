"""Two people in a conversation: both talk, and one of them listens to it live."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from uuid import uuid4

from adapters.embedded.tcp_ports import LOCALHOST
from dinerapp.accounts.domain.permissions import Role
from dinerapp.accounts.services.accounts import NewAccount
from tests.faults.cluster import Cluster
from tests.faults.guests import LAST_TRIES_SECONDS, RetryingClient
from tests.faults.observations import Observations
from tests.faults.processes import DinerProcess

PASSWORD = "correct horse battery"
LISTEN_SECONDS = 0.7
"""Seconds after which a listener hangs up, to begin again at another diner."""
THINKING_SECONDS = 0.04
CALM_SECONDS = 2.5
_CONNECTION_ERRORS = (OSError, HTTPException)


@dataclass(eq=False)
class MessageFact:
    """A message as its author knows it: how it is now, and what else it may be."""

    key: str
    content: str
    id: str | None = None
    unanswered_edits: set[str] = field(default_factory=set)
    deleted: bool = False
    maybe_deleted: bool = False

    def may_be(self, message: Mapping[str, Any]) -> bool:
        if message["deleted"]:
            return self.maybe_deleted
        return not self.deleted and message["content"] in {self.content, *self.unanswered_edits}


class ChatClient(RetryingClient):
    """Says numbered things, one after the other; edits some and takes some back."""

    def __init__(
        self,
        name: str,
        diners: Sequence[DinerProcess],
        book: Observations,
        headers: Mapping[str, str],
        room: str,
    ) -> None:
        super().__init__(name, diners, book, headers=headers)
        self._path = f"/rooms/{room}/messages"
        self.messages: list[MessageFact] = []

    def run_round(self) -> None:
        said = self.send()
        if said.id is not None and self.rng.random() < 0.2:
            self.edit(said)
        if said.id is not None and self.rng.random() < 0.1:
            self.delete(said)

    def send(self) -> MessageFact:
        key = self.new_key()
        said = MessageFact(key, key)
        self.messages.append(said)
        answer = self.call_until_answered("POST", self._path, {"content": key}, key)[-1]
        if answer.status == 201:
            said.id = answer.body["id"]
        elif answer.is_answer:
            self.observations.violations.append(f"was not taken: {answer}")
        return said

    def edit(self, said: MessageFact) -> None:
        content = f"{said.key} edited"
        said.unanswered_edits.add(content)
        answer = self.call_until_answered("PATCH", f"{self._path}/{said.id}", {"content": content})[
            -1
        ]
        if answer.status == 200:
            said.content = content
            said.unanswered_edits.clear()
        elif answer.is_answer:
            self.observations.violations.append(f"was not edited: {answer}")

    def delete(self, said: MessageFact) -> None:
        said.maybe_deleted = True
        answer = self.call_until_answered("DELETE", f"{self._path}/{said.id}")[-1]
        if answer.status == 204:
            said.deleted = True
        elif answer.is_answer:
            self.observations.violations.append(f"was not taken back: {answer}")

    def read_back(self, line: int) -> list[dict[str, Any]]:
        """All that was said, oldest first, as one diner tells it."""
        found, path = list[dict[str, Any]](), f"{self._path}?limit=100"
        cursor: str | None = ""
        while cursor is not None:
            more = f"&cursor={cursor}" if cursor else ""
            page = self.connections[line].fetch("GET", path + more)
            assert page.status == 200, page
            found += page.body["items"]
            cursor = page.body["next_cursor"]
        return found[::-1]


class StreamListener:
    """Has the room open, hangs up again and again, and goes on at another diner."""

    def __init__(
        self, diners: Sequence[DinerProcess], headers: Mapping[str, str], room: str
    ) -> None:
        self._diners = diners
        self._headers = headers
        self._path = f"/api/rooms/{room}/stream"
        self._last: str | None = None
        self.events: list[dict[str, Any]] = []
        self.resets = 0

    def listen(self, number: int, seconds: float = LISTEN_SECONDS) -> None:
        """At one diner, for so long."""
        diner = self._diners[number % len(self._diners)]
        resumed = {} if self._last is None else {"Last-Event-ID": self._last}
        ends = time.monotonic() + seconds
        with (
            suppress(*_CONNECTION_ERRORS),
            closing(HTTPConnection(LOCALHOST, diner.port, timeout=seconds)) as line,
        ):
            line.request("GET", self._path, headers={**self._headers, **resumed})
            with line.getresponse() as answer:
                if answer.status != 200:
                    time.sleep(0.1)
                    return
                for event in _events(answer):
                    self._hear(event)
                    if time.monotonic() > ends:
                        return

    def _hear(self, event: Mapping[str, str]) -> None:
        if event.get("event") == "message":
            self.events.append(json.loads(event["data"]))
            self._last = event["id"]
        self.resets += event.get("event") == "reset"


class Chat:
    """A conversation of somebody of the staff with a guest."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.book = Observations()
        staff, guest = (
            cluster.add_account(
                NewAccount(email=f"{uuid4().hex}@example.org", name=role, password=PASSWORD), role
            )
            for role in (Role.WAITER, Role.CUSTOMER)
        )
        opener = RetryingClient("opener", cluster.diners, self.book, headers=staff[1])
        answer = opener.call_until_answered("POST", "/conversations", {"user_id": guest[0]})[-1]
        opener.close()
        assert answer.status == 201, answer
        room = answer.body["id"]
        self.talkers = [
            ChatClient(f"{name}-{uuid4().hex[:4]}", cluster.diners, self.book, headers, room)
            for name, (_, headers) in (("staff", staff), ("guest", guest))
        ]
        self.listener = StreamListener(cluster.diners, guest[1], room)
        self._over = threading.Event()
        self._threads = [
            *(threading.Thread(target=self._talk, args=[one]) for one in self.talkers),
            threading.Thread(target=self._listen),
        ]

    def start(self) -> None:
        self.listener.listen(0, 0.2)
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Lets everybody hear an answer to what they asked last."""
        self._over.set()
        for talker in self.talkers:
            talker.gives_up_at = time.monotonic() + LAST_TRIES_SECONDS
        for thread in self._threads:
            thread.join(2 * LAST_TRIES_SECONDS)
            assert not thread.is_alive(), "somebody hangs"

    def find_violations(self) -> Iterator[str]:
        """What was promised to the two and not kept, once everything is calm."""
        yield from self.book.violations
        yield from (f"never answered: {one}" for one in self.book.unanswered)
        lists = [
            talker.read_back(n) for talker in self.talkers for n in range(len(talker.connections))
        ]
        told = lists[0]
        if any(other != told for other in lists):
            yield "two diners, or the two people, are told different things"
        yield from self._about_list(told)
        yield from self._about_listening(told)

    def close(self) -> None:
        for talker in self.talkers:
            talker.close()

    def _about_list(self, told: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        places = [_place(message) for message in told]
        if places != sorted(set(places)):
            yield "messages are out of their order, or there twice"
        by_id = {message["id"]: message for message in told}
        for talker in self.talkers:
            known = [said for said in talker.messages if said.id is not None]
            for said in known:
                message = by_id.get(said.id or "")
                if message is None:
                    yield f"P1: {said.key} is lost"
                elif not said.may_be(message):
                    yield f"P1: {said.key} is {message}"
            order = [places.index(_place(by_id[said.id])) for said in known if said.id in by_id]
            if order != sorted(order):
                yield f"what {talker.name} said is not in the order in which it was said"
        if len(by_id) > sum(len(talker.messages) for talker in self.talkers):
            yield f"P3: {len(by_id)} messages were made"

    def _about_listening(self, told: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        for number in range(len(self._cluster.diners)):
            self.listener.listen(number, CALM_SECONDS)
        heard = self.listener.events
        states = [(message["id"], message["revision"]) for message in heard]
        if self.listener.resets:
            yield "the listener was told to begin anew"
        if len(set(states)) != len(states):
            twice = sorted(state for state in set(states) if states.count(state) > 1)
            yield f"the listener heard {len(twice)} states twice: {twice[:3]}"
        latest = {message["id"]: message for message in heard}
        missed = [each for each in told if latest.get(each["id"]) != each]
        if missed:
            yield f"the listener has not heard {len(missed)} messages, such as {missed[0]}"

    def _talk(self, talker: ChatClient) -> None:
        try:
            while not self._over.is_set():
                talker.run_round()
                time.sleep(THINKING_SECONDS)
        except Exception as exc:
            self.book.violations.append(f"{talker.name} gave up: {exc!r}")
            raise

    def _listen(self) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            self.listener.listen(number)


@contextmanager
def chat_at_work(cluster: Cluster) -> Iterator[Chat]:
    """The two talk while the block runs."""
    made = Chat(cluster)
    made.start()
    try:
        yield made
    finally:
        made.finish()


def _place(message: Mapping[str, Any]) -> tuple[datetime, str]:
    """In the room. Written times would not do: a whole second is written without a fraction."""
    return datetime.fromisoformat(message["created_at"]), message["id"]


def _events(answer: HTTPResponse) -> Iterator[dict[str, str]]:
    event: dict[str, str] = {}
    while line := answer.readline():
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            event[name] = value
        else:
            yield event
            event = {}

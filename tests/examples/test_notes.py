"""The example of docs/building-your-own.md keeps what it promises, on real databases."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pymongo import MongoClient

from adapters.embedded.tcp_ports import free_port
from tests.examples.notes_process import (
    ROOT,
    TIMEOUT_SECONDS,
    Answer,
    NotesProcess,
    environment,
    flask_command,
    running_notes,
    wait_for,
)
from tests.servers.control import RealServer

BURST, THREADS = 12, 4
DEEP = b"[" * 30_000
BAD_BODIES = (
    b"",
    b"[",
    b"\xff",
    b"null",
    DEEP,
    b'{"author": ' + DEEP,
    b'{"author": "Ada"}',
    b'{"author": "Ada", "text": 1}',
    b'{"author": "Ada", "text": "\xff"}',
    b'{"author": "Ada", "text": "\\ud800"}',
    b'{"author": "Ada", "text": "NUL \\u0000"}',
    b'{"author": "Ada", "text": " "}',
    b'{"author": "Ada", "text": "x", "id": "y"}',
    b'{"author": "Ada", "text": "%s"}' % (b"x" * 70_000),
    b'{"author": "Ada", "text": "another one under a key that is taken"}',
)
BAD_IDS = ("x", "%00", "%ff", "7fe5a8b5-adb7-8c88-be86-43d3d4e78706", "x" * 5000)


class Writer:
    """Writes notes, and knows what was acknowledged."""

    def __init__(self, app: NotesProcess) -> None:
        self._app = app
        self.acknowledged: set[tuple[str, str]] = set()

    def write(self, text: str) -> Answer:
        answer = self._app.write(text)
        self.acknowledged.add((answer.body["id"], answer.body["text"]))
        return answer

    def write_burst(self, when: str) -> set[str]:
        """A dozen notes in some threads at once; says which stores took them."""
        texts = [f"{when}, {number}" for number in range(BURST)]
        with ThreadPoolExecutor(THREADS) as pool:
            return {answer.store for answer in pool.map(self.write, texts)}

    def write_to(self, store: str, when: str) -> Answer:
        """A note that this store took: slow calls may lead to the other one for a while."""
        texts = (f"{when}, for {store}, {number}" for number in count())
        return wait_for(f"{store} to take a note", partial(self._write_to, store, texts.__next__))

    def _write_to(self, store: str, next_text: Callable[[], str]) -> Answer | None:
        answer = self.write(next_text())
        return answer if answer.store == store else None


def notes_in_postgres(server: RealServer) -> list[tuple[str, str]]:
    with psycopg.connect(server.url) as connection:
        query = "SELECT id::text, content ->> 'text' FROM notes WHERE NOT deleted"
        return connection.execute(query).fetchall()


def notes_in_mongo(server: RealServer) -> list[tuple[str, str]]:
    client: MongoClient[dict[str, Any]]
    with MongoClient(server.url) as client:
        found: Any = client.get_default_database().notes.find({"deleted": False})
        return [(note["_id"], note["text"]) for note in found]


def await_notes(read: Callable[[], list[tuple[str, str]]], least: int) -> list[tuple[str, str]]:
    """The notes in a database, as soon as there are so many."""
    wait_for("the last notes to be delivered", lambda: len(read()) >= least)
    return sorted(read())


def test_every_acknowledged_note_is_in_both_databases_once_whichever_was_killed(
    own_postgres: RealServer, own_mongo: RealServer, tmp_path: Path
) -> None:
    urls = {"POSTGRES_URL": own_postgres.url, "MONGO_URL": own_mongo.url}
    with running_notes(tmp_path / "flask.log", **urls) as app:
        writer = Writer(app)
        app.await_health("healthy")
        writer.write_burst("both are up")
        taken = writer.write_to("postgresql", "both are up")

        own_postgres.kill9()
        repeated = app.write(taken.body["text"])
        assert (repeated.body, repeated.store) == (taken.body, "mongodb")
        assert writer.write_burst("PostgreSQL is dead") == {"mongodb"}
        taken = writer.write_to("mongodb", "PostgreSQL is dead")
        app.await_health("degraded")
        own_postgres.start()
        app.await_health("healthy")

        own_mongo.kill9()
        repeated = app.write(taken.body["text"])
        assert (repeated.body, repeated.store) == (taken.body, "postgresql")
        assert writer.write_burst("MongoDB is dead") == {"postgresql"}
        newest = app.ask("GET", "/notes").body["items"][:BURST]
        assert {note["text"].partition(",")[0] for note in newest} == {"MongoDB is dead"}
        own_mongo.start()
        app.await_health("healthy")
        writer.write_burst("both are up again")

        expected = sorted(writer.acknowledged)
        assert len(expected) >= 4 * BURST + 2
        assert await_notes(partial(notes_in_postgres, own_postgres), len(expected)) == expected
        assert await_notes(partial(notes_in_mongo, own_mongo), len(expected)) == expected


def test_a_bad_request_is_a_problem_of_the_caller(
    fresh_postgres_url: str, fresh_mongo_url: str, tmp_path: Path
) -> None:
    log_file = tmp_path / "flask.log"
    urls = {"POSTGRES_URL": fresh_postgres_url, "MONGO_URL": fresh_mongo_url}
    with running_notes(log_file, **urls) as app:
        app.await_health("healthy")
        note = app.write("mine").body
        refused = [app.ask("POST", "/notes", body, key="mine") for body in BAD_BODIES]
        refused += [app.ask("GET", f"/notes/{bad_id}") for bad_id in BAD_IDS]
        refused.append(app.ask("PUT", "/notes"))
        assert "POST" in refused[-1].headers["Allow"]
        for answer in refused:
            assert answer.headers["Content-Type"] == "application/problem+json", answer
            assert 400 <= answer.status == answer.body["status"] < 500, answer
        assert app.ask("GET", f"/notes/{note['id']}").body == note
        assert app.ask("GET", "/notes").body["items"] == [note]
    assert "Traceback" not in log_file.read_text()


@pytest.mark.parametrize("url_name", ["POSTGRES_URL", "MONGO_URL"])
def test_one_database_is_enough(
    fresh_postgres_url: str, fresh_mongo_url: str, tmp_path: Path, url_name: str
) -> None:
    urls = {"POSTGRES_URL": fresh_postgres_url, "MONGO_URL": fresh_mongo_url}
    with running_notes(tmp_path / "flask.log", **{url_name: urls[url_name]}) as app:
        app.await_health("healthy")
        note = app.write("alone").body
        assert app.ask("GET", f"/notes/{note['id']}").body == note


def test_without_a_database_it_does_not_start_and_says_why() -> None:
    ended = subprocess.run(
        flask_command(free_port()),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )
    assert ended.returncode != 0
    assert "needs the URL of PostgreSQL, of MongoDB, or of both" in ended.stderr

"""A page of a long room is a walk along an index, as long as the page, wherever it begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pymongo import MongoClient

from adapters.mongo.database import MongoDatabase
from adapters.mongo.messages import MongoDirectMessages
from adapters.postgres.database import PostgresDatabase
from adapters.postgres.messages import PostgresChannelMessages
from dinerapp.replication.identity import new_id
from dinerapp.replication.ports.repository import ChangeCursor, Cursor
from dinerapp.replication.version import StoreId
from tests.adapters.recording import record_statements
from tests.contracts.samples import accepted_by
from tests.factories import at, message

ROOM, ADA, BOB = new_id(), new_id(), new_id()
MANY, BATCH, LIMIT = 20_000, 2_000, 50
MIDDLE = Cursor(at() + timedelta(milliseconds=MANY // 2 * 3), new_id())
BEGINNING = Cursor(at(-1), "")
Questions = dict[str, Callable[[Any], object]]
QUESTIONS: Questions = {
    "the first page": lambda store: store.page(ROOM, None, LIMIT),
    "a page in the middle": lambda store: store.page(ROOM, MIDDLE, LIMIT),
    "the last page": lambda store: store.page(ROOM, Cursor(at(0.1), new_id()), LIMIT),
    "what changed": lambda store: store.changed_since(
        [ROOM], ChangeCursor(MIDDLE.created_at), LIMIT
    ),
    "what is unread": lambda store: store.unread(ADA, {ROOM: BEGINNING}, LIMIT),
}


def fill(store: Any) -> None:
    """One room with many messages, and many rooms with one."""
    for start in range(0, MANY, BATCH):
        moments = [at() + timedelta(milliseconds=3 * n) for n in range(start, start + BATCH)]
        store.deliver(
            [
                accepted_by(
                    message(room_id=ROOM, author_id=BOB, created_at=moment), StoreId.MONGODB
                )
                for moment in moments
            ]
        )
    store.deliver([accepted_by(message(created_at=at(n)), StoreId.MONGODB) for n in range(BATCH)])


def test_postgresql_walks_along_an_index(
    fresh_postgres_url: str, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    database = PostgresDatabase(fresh_postgres_url)
    store = PostgresChannelMessages(database)
    database.open()
    try:
        database.prepare()
        fill(store)
        database.execute("ANALYZE channel_messages", {})
        sent = record_statements(monkeypatch)
        for what, question in QUESTIONS.items():
            with subtests.test(what):
                question(store)
                query, parameters = sent[-1]
                explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {query}"
                [row] = database.fetch(explain, parameters)
                scans = [*scans_in(row["QUERY PLAN"])]
                assert scans
                for scan in scans:
                    assert scan["Node Type"] in ("Index Scan", "Index Only Scan"), row
                    assert scan["Actual Rows"] <= LIMIT + 1
                    assert scan.get("Rows Removed by Filter", 0) <= 1
    finally:
        database.close()


def test_mongodb_walks_along_an_index(fresh_mongo_url: str, subtests: pytest.Subtests) -> None:
    """What the server itself noted about the questions. The entry at which a page begins is one
    that it looks at, and does not show."""
    database = MongoDatabase(fresh_mongo_url)
    store = MongoDirectMessages(database)
    database.open()
    try:
        database.prepare()
        fill(store)
        with MongoClient[dict[str, Any]](fresh_mongo_url) as client:
            notes = client.get_default_database()
            notes.command("profile", 2)
            for what, question in QUESTIONS.items():
                with subtests.test(what):
                    question(store)
                    asked = {"ns": f"{notes.name}.direct_messages"}
                    [note] = notes["system.profile"].find(asked).sort("$natural", -1).limit(1)
                    assert "IXSCAN { room_id: 1" in note["planSummary"], note
                    assert "hasSortStage" not in note
                    assert note["keysExamined"] <= LIMIT + 2
                    assert note["docsExamined"] <= LIMIT + 2
            notes.command("profile", 0)
    finally:
        database.close()


def scans_in(plan: Any) -> Iterator[dict[str, Any]]:
    """Whatever reads a table."""
    if isinstance(plan, list):
        for each in plan:
            yield from scans_in(each)
    elif isinstance(plan, dict):
        if plan.get("Relation Name") == "channel_messages":
            yield plan
        for name in ("Plan", "Plans"):
            yield from scans_in(plan.get(name))

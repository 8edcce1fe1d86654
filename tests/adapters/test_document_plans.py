"""What a port of documents asks is a walk along the index that it declares, as long as the answer,
wherever it begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from pymongo import MongoClient

from adapters.mongo.database import MongoDatabase
from adapters.mongo.document_store import document_store as mongo_store
from adapters.postgres.database import PostgresDatabase
from adapters.postgres.documents import document_store as postgres_store
from dinerapp.replication.errors import NotFound
from dinerapp.replication.identity import new_id
from dinerapp.replication.ports.repository import Cursor
from dinerapp.replication.version import StoreId
from tests.adapters.recording import record_statements
from tests.contracts.samples import accepted_by
from tests.contracts.visits import Mood, Visits, visit
from tests.factories import at

MANY, LIMIT = 5_000, 20
MIDDLE = Cursor(at(MANY // 2), new_id())
BUSY = {"guest": "ada", "order": "pie"}
UNIQUE = "by a unique field"
"""One record at most: it does not matter how that is put in order."""
Questions = dict[str, tuple[str, str, Callable[[Any], object]]]
QUESTIONS: Questions = {
    "the first of some": (
        "visits_by_guest_order",
        "guest_order_newest",
        lambda it: it.first(**BUSY),
    ),
    "the first with nothing": (
        "visits_by_guest_order",
        "guest_order_newest",
        lambda it: it.first(guest="bob", order=None),
    ),
    UNIQUE: ("visits_u_code", "unique_code", lambda it: it.first(code="C7")),
    "the newest": ("visits_newest", "newest", lambda it: it.newest(None, LIMIT)),
    "newest in the middle": ("visits_newest", "newest", lambda it: it.newest(MIDDLE, LIMIT)),
    "the newest of some": (
        "visits_by_guest_order",
        "guest_order_newest",
        lambda it: it.newest(MIDDLE, LIMIT, **BUSY),
    ),
    "pages by a time": (
        "visits_by_arrives_at",
        "arrives_at",
        lambda it: it.page_by("arrives_at", MIDDLE, LIMIT),
    ),
    "the other way": (
        "visits_by_arrives_at",
        "arrives_at",
        lambda it: it.page_by("arrives_at", MIDDLE, LIMIT, newest_first=False, since=at(9)),
    ),
    "pages of some by a time that may be None": (
        "visits_by_regular_leaves_at",
        "regular_leaves_at",
        lambda it: it.page_by("leaves_at", None, LIMIT, regular=True),
    ),
    "a stretch of time": (
        "visits_by_arrives_at",
        "arrives_at",
        lambda it: it.between("arrives_at", at(100), at(200), limit=LIMIT),
    ),
    "a stretch of numbers": (
        "visits_by_mood_party",
        "mood_party",
        lambda it: it.between("party", 100, None, limit=LIMIT, mood=Mood.GLUM),
    ),
}


def fill(store: Any) -> None:
    """Half of them are alike."""
    made = [
        visit(
            created_at=at(n),
            arrives_at=at(n),
            code=f"C{n}",
            guest="ada" if n % 2 else f"guest {n}",
            order="pie" if n % 2 else None,
            regular=n % 4 == 0,
            leaves_at=at(n) if n % 8 == 0 else None,
            mood=Mood.GLUM if n % 2 else Mood.MERRY,
            party=n,
        )
        for n in range(MANY)
    ]
    for start in range(0, MANY, 500):
        store.deliver([accepted_by(each, StoreId.NOCODB) for each in made[start : start + 500]])


def test_postgresql_walks_along_the_declared_index(
    fresh_postgres_url: str, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    database = PostgresDatabase(fresh_postgres_url)
    store = postgres_store(Visits)(database)
    database.open()
    try:
        database.prepare()
        fill(store)
        database.execute("ANALYZE visits", {})
        sent = record_statements(monkeypatch)
        for what, (index, _, question) in QUESTIONS.items():
            with subtests.test(what):
                with suppress(NotFound):
                    question(store)
                query, parameters = sent[-1]
                explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {query}"
                [row] = database.fetch(explain, parameters)
                nodes = [*nodes_in(row["QUERY PLAN"])]
                steps = [
                    node["Node Type"]
                    for node in nodes
                    if what != UNIQUE or node["Node Type"] != "Sort"
                ]
                assert steps == ["Limit", "Index Scan"], row
                scan = nodes[-1]
                assert scan["Index Name"] == index
                assert scan["Actual Rows"] <= LIMIT + 1
                assert scan.get("Rows Removed by Filter", 0) <= 1
    finally:
        database.close()


def test_mongodb_walks_along_the_declared_index(
    fresh_mongo_url: str, subtests: pytest.Subtests
) -> None:
    database = MongoDatabase(fresh_mongo_url)
    store = mongo_store(Visits)(database)
    database.open()
    try:
        database.prepare()
        fill(store)
        with MongoClient[dict[str, Any]](fresh_mongo_url) as client:
            notes = client.get_default_database()
            keys = notes["visits"].index_information()
            notes.command("profile", 2)
            for what, (_, index, question) in QUESTIONS.items():
                with subtests.test(what):
                    with suppress(NotFound):
                        question(store)
                    asked = {"ns": f"{notes.name}.visits"}
                    [note] = notes["system.profile"].find(asked).sort("$natural", -1).limit(1)
                    walked = ", ".join(f"{name}: {way:.0f}" for name, way in keys[index]["key"])
                    # Of None there are two stretches, which it walks along together.
                    ways = {*note["planSummary"].removeprefix("IXSCAN ").split(", IXSCAN ")}
                    assert ways == {f"{{ {walked} }}"}, note
                    assert "hasSortStage" not in note or what == UNIQUE
                    assert note["keysExamined"] <= LIMIT + 3
                    assert note["docsExamined"] <= LIMIT + 2
            notes.command("profile", 0)
    finally:
        database.close()


def nodes_in(plan: Any) -> Iterator[dict[str, Any]]:
    """The steps of a plan, the last one to be shown first."""
    for each in plan if isinstance(plan, list) else [plan]:
        if "Node Type" in each:
            yield each
        for name in ("Plan", "Plans"):
            yield from nodes_in(each.get(name, []))

"""The collection of a kind that only its port declares."""

from __future__ import annotations

from typing import Any

from pymongo import MongoClient

from adapters.mongo.database import MongoDatabase
from adapters.mongo.document_store import document_store
from dinerapp.replication.version import StoreId
from tests.contracts.samples import accepted_by, load_one
from tests.contracts.visits import Mood, Visits, visit
from tests.factories import at

NEWEST = [("created_at", -1), ("_id", -1)]


def test_the_collection_has_the_declared_indexes_of_living_records(fresh_mongo_url: str) -> None:
    database = MongoDatabase(fresh_mongo_url)
    document_store(Visits)(database)
    database.open()
    try:
        for _ in range(2):
            database.prepare()
    finally:
        database.close()
    with MongoClient[dict[str, Any]](fresh_mongo_url) as client:
        indexes = client.get_default_database()["visits"].index_information()
    declared = {
        name: index["key"]
        for name, index in indexes.items()
        if index.get("partialFilterExpression") == {"deleted": False}
    }
    assert declared == {
        "newest": NEWEST,
        "guest_order_newest": [("guest", 1), ("order", 1), *NEWEST],
        "arrives_at": [("arrives_at", 1), ("_id", 1)],
        "regular_leaves_at": [("regular", 1), ("leaves_at", 1), ("_id", 1)],
        "mood_party": [("mood", 1), ("party", 1), ("_id", 1)],
    }
    assert indexes["unique_code"]["unique"]


def test_documents_that_lack_a_field_get_its_default_and_keep_their_digest(
    fresh_mongo_url: str,
) -> None:
    database = MongoDatabase(fresh_mongo_url)
    visits: Any = document_store(Visits)(database)
    database.open()
    try:
        database.prepare()
        one = accepted_by(visit(arrives_at=at(5)), StoreId.MONGODB)
        visits.deliver([one])
        with database.writing():
            visits.collection.update_one({}, {"$unset": {"mood": "", "party": "", "order": ""}})
        assert [*visits.between("party", 2, 3, mood=Mood.MERRY)] == []
        fingerprints = visits.fingerprints()
        database.prepare()
        assert [*visits.between("party", 2, 3, mood=Mood.MERRY)] == [one]
        assert visits.first(guest=one.guest, order=None) == one
        assert (load_one(visits, one), visits.fingerprints()) == (one, fingerprints)
    finally:
        database.close()

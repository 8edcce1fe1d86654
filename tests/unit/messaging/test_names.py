"""What people are called: as their profiles say, and never so that a message is kept back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from adapters.memory.database import MemoryDatabase
from adapters.mongo.document_store import document_store
from adapters.mongo.users import MongoUsers
from dinerapp.accounts.ports.profiles import Profiles
from dinerapp.messaging.services.display_names import CACHE_SECONDS, DisplayNames
from dinerapp.replication.errors import NoStoreAvailable
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.version import StoreId
from tests.factories import at, profile, user


class Kept:
    """Profiles and accounts in memory, and how often profiles are asked for."""

    def __init__(self, database: MemoryDatabase) -> None:
        self.profiles, self.users = document_store(Profiles)(database), MongoUsers(database)
        self.moment = 0.0
        self.asked = 0
        self.names = DisplayNames(self, self.users, lambda: self.moment)  # type: ignore[arg-type]
        self.is_down = False

    def get_many(self, ids: Any) -> Any:
        self.asked += 1
        if self.is_down:
            raise NoStoreAvailable("for a test")
        return self.profiles.get_many(ids)


@pytest.fixture
def kept() -> Iterator[Kept]:
    database = MemoryDatabase(StoreId.MONGODB)
    made = Kept(database)
    database.open()
    database.prepare()
    yield made
    database.close()


def test_profiles_say_how_people_are_called_then_accounts(kept: Kept) -> None:
    ada, bob = kept.users.save(user(name="Ada")), kept.users.save(user(name="Bob"))
    kept.profiles.save(profile(id=ada.id, display_name="Countess"))
    nobody = new_id()
    assert kept.names.of([ada.id, bob.id, nobody]) == {
        ada.id: "Countess",
        bob.id: "Bob",
        nobody: "",
    }
    assert kept.names.of([]) == {}


def test_who_was_asked_for_lately_is_not_asked_for_again(kept: Kept) -> None:
    before = kept.profiles.save(profile(display_name="Ada"))
    for _ in range(3):
        assert kept.names.of([before.id]) == {before.id: "Ada"}
    assert kept.asked == 1
    kept.profiles.save(before.with_changes(op_id=new_op_id(), now=at(1), display_name="Countess"))
    kept.moment = CACHE_SECONDS
    assert kept.names.of([before.id]) == {before.id: "Countess"}


def test_while_nobody_can_say_people_are_called_what_they_were(kept: Kept) -> None:
    known = kept.profiles.save(profile(display_name="Ada")).id
    kept.names.of([known])
    kept.moment, kept.is_down, stranger = CACHE_SECONDS, True, new_id()
    assert kept.names.of([known, stranger]) == {known: "Ada", stranger: ""}
    kept.is_down = False
    assert kept.names.of([stranger]) == {stranger: ""}

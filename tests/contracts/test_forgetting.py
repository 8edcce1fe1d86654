"""A kind that nobody here knows says what it keeps of people, and is reached when they go."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from adapters.memory.database import MemoryDatabase
from adapters.mongo.store import MongoStore, newest_first
from dinerapp.ordering.domain.customers import PhoneIdentity
from dinerapp.ordering.domain.orders import OrderContact
from dinerapp.ordering.services.customers import CustomerService
from dinerapp.replication.conflicts import from_states
from dinerapp.replication.erasure import Person, PersonalData
from dinerapp.replication.identity import Operation, new_id, new_op_id
from dinerapp.replication.kind import Kind
from dinerapp.replication.paging import all_of
from dinerapp.replication.ports.repository import Cursor, Page, Repository
from dinerapp.replication.ports.routing import query
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.version import StoreId
from dinerapp.runtime.registry import MONGO_STORES, PORTS
from tests.contracts.conftest import compose_stores, open_stores, stores_of
from tests.contracts.samples import Repositories, Stores
from tests.factories import order, user

PHONE = "+4930555123"
BERLIN = PhoneIdentity("for tests", "DE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Record):
    """What a guest wrote into a book."""

    phone: str
    user_id: str | None = None
    words: str = "I am Ada"


class Guestbook(Repository[Entry]):
    kind = Kind("guestbook", Entry)

    @abstractmethod
    @query
    def page_of(self, phone: str, after: Cursor | None, limit: int) -> Page[Entry]:
        """What was written under a number."""

    @abstractmethod
    @query
    def page_of_user(self, user_id: str, after: Cursor | None, limit: int) -> Page[Entry]:
        """What was written from an account."""


class MemoryGuestbook(MongoStore[Entry], Guestbook):
    indexes = (newest_first("phone"), newest_first("user_id"))

    def page_of(self, phone: str, after: Cursor | None, limit: int) -> Page[Entry]:
        return self._newest_page({"phone": {"$eq": phone}}, after, limit)

    def page_of_user(self, user_id: str, after: Cursor | None, limit: int) -> Page[Entry]:
        return self._newest_page({"user_id": {"$eq": user_id}}, after, limit)


def entries_of_people(guestbook: Any) -> PersonalData[Entry]:
    def find(person: Person) -> Iterator[Entry]:
        by_account = (partial(guestbook.page_of_user, each) for each in person.user_ids)
        return all_of(partial(guestbook.page_of, person.phone), *by_account)

    return PersonalData(repository=guestbook, find=find, redact=without_words)


def without_words(entry: Entry, _at: datetime) -> Entry:
    return replace(entry, phone="", user_id=None, words="") if entry.words else entry


@dataclass(frozen=True)
class Diner:
    stores: tuple[Stores, Stores]
    repositories: Repositories

    @property
    def service(self) -> CustomerService:
        kinds = self.repositories
        return CustomerService(
            kinds.customers,
            kinds.orders,
            kinds.users,
            kinds.conflicts,
            BERLIN,
            [entries_of_people(kinds.guestbook)],
        )

    def write(self, **fields: Any) -> Entry:
        now = utc_now()
        made = Entry(
            id=new_id(), op_id=new_op_id(), **{"created_at": now, "updated_at": now, **fields}
        )
        entry: Entry = self.repositories.guestbook.save(made)
        return entry

    def erase(self) -> None:
        self.service.erase(BERLIN.id_of(PHONE), Operation.without_key())

    def words_of(self, entry: Entry) -> set[str]:
        """As both stores have them."""
        return {store.guestbook.load([entry.id])[entry.id].words for store in self.stores}


@pytest.fixture
def diner() -> Iterator[Diner]:
    kinds = {**MONGO_STORES, "guestbook": MemoryGuestbook}
    one, other = (
        stores_of(kinds, MemoryDatabase(place)) for place in (StoreId.POSTGRESQL, StoreId.MONGODB)
    )
    ports: dict[str, type[Repository[Any]]] = {**PORTS, "guestbook": Guestbook}
    with open_stores(one), open_stores(other):
        yield Diner((one, other), compose_stores(one, other, ports))


@pytest.fixture
def guest(diner: Diner) -> str:
    """Their account; they have ordered from it."""
    account = diner.repositories.users.save(user())
    contact = OrderContact(name="Ada", phone=PHONE, phone_key=PHONE)
    placed = order(customer=contact, user_id=account.id, created_at=utc_now())
    diner.service.remember(diner.repositories.orders.save(placed))
    return str(account.id)


def test_what_is_known_by_number_or_account_is_forgotten_in_both_stores(
    diner: Diner, guest: str
) -> None:
    theirs = [diner.write(phone=PHONE), diner.write(phone="", user_id=guest)]
    others = diner.write(phone="+4930999999")
    diner.erase()
    for entry in theirs:
        assert diner.words_of(entry) == {""}
    assert diner.words_of(others) == {others.words}


def test_conflicts_about_it_are_forgotten_too(diner: Diner, guest: str) -> None:
    entry = diner.write(phone=PHONE)
    lost = replace(entry, words="I am Ada Lovelace")
    filed = diner.repositories.conflicts.save(
        from_states("guestbook", entry, lost, "why", utc_now())
    )
    diner.erase()
    left = diner.repositories.conflicts.get(filed.id)
    assert (left.winner["words"], left.loser["words"]) == ("", "")


def test_what_somebody_wrote_after_they_were_forgotten_stays(diner: Diner, guest: str) -> None:
    before = diner.write(phone=PHONE)
    erased_at = utc_now()
    diner.erase()
    later = diner.write(phone=PHONE, created_at=utc_now() + timedelta(seconds=1))
    late = order(
        customer=OrderContact(name="Ada", phone=PHONE, phone_key=PHONE), created_at=erased_at
    )
    diner.service.remember(diner.repositories.orders.save(late))
    assert diner.words_of(before) == {""}
    assert diner.words_of(later) == {later.words}


def test_an_entry_that_was_deleted_while_others_were_forgotten_stops_nothing(
    diner: Diner, guest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [diner.write(phone=PHONE) for _ in range(3)]
    ask = diner.repositories.guestbook.page_of

    def page_of(phone: str, after: Cursor | None, limit: int) -> Page[Entry]:
        found: Page[Entry] = ask(phone, after, limit)
        if entries[1] in found.items:
            gone = entries[1].with_changes(op_id=new_op_id(), now=utc_now())
            diner.repositories.guestbook.delete(gone)
        return found

    monkeypatch.setattr(diner.repositories.guestbook, "page_of", page_of)
    diner.erase()
    for entry in (entries[0], entries[2]):
        assert diner.words_of(entry) == {""}

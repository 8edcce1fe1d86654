"""The table of a kind that only its port declares: made once, and brought up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import Any

import psycopg
import pytest

from adapters.postgres.connection import DeadlineConnection
from adapters.postgres.database import PostgresDatabase
from adapters.postgres.document_table import table_spec
from adapters.postgres.documents import document_store
from dinerapp.replication.errors import NotFound
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.kind import Kind
from dinerapp.replication.ports.documents import BadDeclaration, Documents, Index
from dinerapp.replication.record import Record
from dinerapp.replication.version import StoreId
from dinerapp.runtime.registry import POSTGRES_STORES
from tests.adapters.postgres.test_schema import catalog, start_over
from tests.contracts.samples import accepted_again_by, accepted_by, run_concurrently
from tests.contracts.visits import VISITS, Visits, visit
from tests.factories import at

HERE = StoreId.POSTGRESQL


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyVisit(Record):
    """What a visit was before there was much to say of one."""

    guest: str
    code: str | None
    arrives_at: Any


class EarlyVisits(Documents[EarlyVisit]):
    """What was asked of it."""

    kind = Kind("visits", EarlyVisit)
    indexes = (Index("guest"),)


def early_visit(**fields: Any) -> EarlyVisit:
    moment = {"created_at": at(), "updated_at": at(), "arrives_at": at(5)}
    known = {"id": new_id(), "op_id": new_op_id(), "guest": "ada", "code": None}
    return EarlyVisit(**{**moment, **known, **fields})


@contextmanager
def prepared(url: str, port: type[Documents[Any]]) -> Iterator[Any]:
    database = PostgresDatabase(url)
    store = document_store(port)(database)
    database.open()
    try:
        database.prepare()
        yield store
    finally:
        database.close()


def visits_table(url: str) -> dict[str, set[Any]]:
    """The table without the order of its columns, which an upgrade cannot choose."""
    found = catalog(url)
    columns = {(name, *more) for table, name, _, *more in found["columns"] if table == "visits"}
    constraints = {it for it in found["constraints"] if it[0] == "visits"}
    indexes = {it for it in found["indexes"] if it[0] == "visits"}
    return {"columns": columns, "constraints": constraints, "indexes": indexes}


def test_the_table_has_a_column_for_each_declared_field_and_the_indexes(
    fresh_postgres_url: str,
) -> None:
    with prepared(fresh_postgres_url, Visits):
        pass
    table = visits_table(fresh_postgres_url)
    envelope = {name for name, *_ in catalog_columns(fresh_postgres_url, "envelope")}
    columns = {(name, kind) for name, kind in catalog_columns(fresh_postgres_url, "visits")}
    assert {it for it in columns if it[0] not in envelope} == {
        ("content", "jsonb"),
        ("guest", "text"),
        ("order", "text"),
        ("arrives_at", "timestamp with time zone"),
        ("regular", "boolean"),
        ("leaves_at", "timestamp with time zone"),
        ("mood", "text"),
        ("party", "bigint"),
        ("u_code", "text"),
        ("holds", "jsonb"),
        ("held_before", "jsonb"),
    }
    made = {name: text.partition(" USING ")[2] for _, name, text in table["indexes"]}
    assert {name: made[name] for name in made if name not in ("visits_pkey",)} == {
        "visits_bucket_id_digest_idx": "btree (bucket, id) INCLUDE (digest)",
        "visits_u_code": "btree (u_code)",
        "visits_newest": "btree (created_at, id) WHERE (NOT deleted)",
        "visits_by_guest_order": (
            'btree ("left"(guest, 100), "left"("order", 100), created_at, id) WHERE (NOT deleted)'
        ),
        "visits_by_arrives_at": "btree (arrives_at, id) WHERE (NOT deleted)",
        "visits_by_regular_leaves_at": "btree (regular, leaves_at, id) WHERE (NOT deleted)",
        "visits_by_mood_party": "btree (mood, party, id) WHERE (NOT deleted)",
    }


def catalog_columns(url: str, table: str) -> list[tuple[str, str]]:
    return [(name, kind) for it, name, _, kind, *_ in catalog(url)["columns"] if it == table]


def test_a_fresh_database_and_an_upgraded_one_end_with_the_same_table(
    fresh_postgres_url: str,
) -> None:
    with prepared(fresh_postgres_url, Visits):
        pass
    fresh = visits_table(fresh_postgres_url)
    start_over(fresh_postgres_url)
    with prepared(fresh_postgres_url, EarlyVisits):
        pass
    assert visits_table(fresh_postgres_url) != fresh
    with prepared(fresh_postgres_url, Visits):
        pass
    upgraded = visits_table(fresh_postgres_url)
    upgraded["indexes"] = {it for it in upgraded["indexes"] if it[1] != "visits_by_guest"}
    assert upgraded == fresh


def test_a_column_that_is_added_has_what_earlier_versions_stored(fresh_postgres_url: str) -> None:
    with prepared(fresh_postgres_url, EarlyVisits) as early:
        before = accepted_by(early_visit(guest="ada", code="E1"), HERE)
        early.deliver([before])
        with prepared(fresh_postgres_url, Visits) as visits:
            [found] = visits.between("arrives_at", at(5), at(6))
            assert found.id == before.id
            assert visits.first(guest="ada", order=None).id == before.id
            # What the record's type says of a field that was not there yet.
            assert [it.id for it in visits.between("party", 2, 3, mood="merry")] == [before.id]
            # That codes are unique holds from the next write on.
            with pytest.raises(NotFound):
                visits.first(code="E1")
            again = accepted_again_by(found, HERE)
            visits.deliver([again])
            assert visits.first(code="E1") == again
            # The earlier version is still at work beside this one.
            beside = accepted_by(early_visit(guest="bob", arrives_at=at(7)), HERE)
            early.deliver([beside])
            [found] = visits.between("arrives_at", at(6), None)
            assert found.id == beside.id
            merry = visits.between("party", 2, 3, mood="merry")
            assert {it.id for it in merry} == {before.id, beside.id}


def test_what_a_field_may_be_instead_of_its_default_is_not_taken_for_it(
    fresh_postgres_url: str,
) -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Flag(Record):
        colour: str | None = "it's red"

    class Flags(Documents[Flag]):
        kind = Kind("flags", Flag)
        indexes = (Index("colour"),)

        def of(self, colour: str | None) -> Flag:
            return self._first(colour=colour)

    def flag(**fields: Any) -> Flag:
        moments = {"created_at": at(), "updated_at": at()}
        return Flag(**{**moments, "id": new_id(), "op_id": new_op_id(), **fields})

    with prepared(fresh_postgres_url, Flags) as flags:
        none, red = flags.save(flag(colour=None)), flags.save(flag())
        assert (flags.of(None), flags.of("it's red")) == (none, red)


def test_many_processes_make_a_table_at_once(fresh_postgres_url: str) -> None:
    with prepared(fresh_postgres_url, EarlyVisits) as early:
        early.deliver([accepted_by(early_visit(), HERE) for _ in range(50)])
    databases = [PostgresDatabase(fresh_postgres_url) for _ in range(6)]
    for each in databases:
        document_store(Visits)(each)
    assert run_concurrently([partial(PostgresDatabase.prepare, it) for it in databases]) == [
        None
    ] * len(databases)
    with prepared(fresh_postgres_url, Visits) as visits:
        assert len(visits.between("arrives_at", None, None)) == 50


def test_preparing_again_changes_nothing_and_waits_for_no_writer(fresh_postgres_url: str) -> None:
    with prepared(fresh_postgres_url, Visits) as visits:
        one = visits.save(visit())
        before = catalog(fresh_postgres_url)
        with psycopg.connect(fresh_postgres_url) as writer:
            # In a transaction that goes on.
            writer.execute("UPDATE visits SET bucket = bucket WHERE id = %s", (one.id,))
            second = PostgresDatabase(fresh_postgres_url)
            document_store(Visits)(second)
            second.prepare()
        assert catalog(fresh_postgres_url) == before


def test_kinds_with_a_table_of_their_own_find_everything_there(
    fresh_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where nothing is missing nothing is made: that would take rights and locks."""
    with psycopg.connect(fresh_postgres_url) as connection:
        connection.execute((files("adapters.postgres") / "schema.sql").read_bytes())
    written_down = catalog(fresh_postgres_url)
    start_over(fresh_postgres_url)
    database = PostgresDatabase(fresh_postgres_url)
    document_store(Visits)(database)
    for store in POSTGRES_STORES.values():
        store(database)
    database.prepare()
    made = catalog(fresh_postgres_url)
    known = {table for table, *_ in written_down["columns"]}
    assert {
        name: [it for it in found if name == "functions" or it[0] in known]
        for name, found in made.items()
    } == written_down
    sent: list[str] = []
    execute = DeadlineConnection.execute

    def recorded(self: Any, query: Any, params: Any = None, **options: Any) -> Any:
        sent.append(str(query))
        return execute(self, query, params, **options)

    monkeypatch.setattr(DeadlineConnection, "execute", recorded)
    database.prepare()
    made_again = [it for it in sent if it.strip().startswith(("CREATE", "ALTER"))]
    assert [it.split()[:6] for it in made_again] == [
        ["CREATE", "TABLE", "IF", "NOT", "EXISTS", "migrations"]
    ]


def test_a_name_that_postgresql_would_cut_stops_the_start() -> None:
    class LongWinded(Documents[Any]):
        kind = Kind("visits_of_people_who_came_here_by_carriage", VISITS.record_type)
        indexes = (Index("guest", "order", "arrives_at"),)

    with pytest.raises(BadDeclaration, match="is too long; PostgreSQL allows 63 bytes"):
        table_spec(LongWinded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay(Record):
    """The names of its fields run into each other."""

    room: str
    bed: str
    room_bed: str


def test_two_indexes_that_get_one_name_stop_the_start() -> None:
    class Stays(Documents[Stay]):
        kind = Kind("stays", Stay)
        indexes = (Index("room", "bed"), Index("room_bed"))

    with pytest.raises(BadDeclaration, match="two indexes that get the name stays_by_room_bed"):
        table_spec(Stays)


@dataclass(frozen=True, slots=True)
class LimitedKind(Kind[Any]):
    """A kind whose counted things have a limit unless somebody says otherwise."""

    default_limit: int | None = None


@pytest.mark.parametrize(("limit", "is_made"), [(1, True), (None, False)])
def test_what_is_held_is_looked_up_where_it_is_limited(
    fresh_postgres_url: str, limit: int | None, is_made: bool
) -> None:
    class LimitedVisits(Documents[Any]):
        kind = LimitedKind(
            "visits", VISITS.record_type, reservations=VISITS.reservations, default_limit=limit
        )

    with prepared(fresh_postgres_url, LimitedVisits):
        indexes = {name: text for _, name, text in visits_table(fresh_postgres_url)["indexes"]}
    assert ("visits_holds" in indexes) is is_made
    assert "USING gin (holds)" in indexes.get("visits_holds", "USING gin (holds)")

"""The migrations make what schema.sql says, once, whoever runs them at the same time."""

from __future__ import annotations

from functools import partial
from importlib.resources import files
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from adapters.postgres.conflicts import PostgresConflicts
from adapters.postgres.database import PostgresDatabase
from adapters.postgres.menu import PostgresMenuItems
from adapters.postgres.migrator import migrations, replication_migrations
from adapters.postgres.orders import PostgresOrders
from dinerapp.ordering.ports.orders import OrderFilter
from dinerapp.replication.errors import StoreUnavailable
from dinerapp.replication.version import StoreId
from tests.contracts.samples import run_concurrently
from tests.factories import menu_item, order

CATALOG = {
    "columns": """
        SELECT table_name, column_name, ordinal_position, data_type, datetime_precision,
               is_nullable, column_default, collation_name, generation_expression
        FROM information_schema.columns WHERE table_schema = 'public'
    """,
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
    """,
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "triggers": """
        SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger
        WHERE NOT tgisinternal
    """,
    "functions": """
        SELECT proname, pg_get_functiondef(oid) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
    """,
}


def catalog(url: str) -> dict[str, list[Any]]:
    with psycopg.connect(url) as connection:
        return {name: sorted(connection.execute(query), key=str) for name, query in CATALOG.items()}


def applied(url: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT number, name FROM migrations ORDER BY number").fetchall()


def start_over(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


def test_schema_sql_and_the_migrations_are_equal(fresh_postgres_url: str) -> None:
    PostgresDatabase(fresh_postgres_url).prepare()
    migrated = catalog(fresh_postgres_url)
    start_over(fresh_postgres_url)
    with psycopg.connect(fresh_postgres_url) as connection:
        connection.execute((files("adapters.postgres") / "schema.sql").read_bytes())
    written_down = catalog(fresh_postgres_url)
    assert all(migrated.values())
    assert written_down == migrated


def test_preparing_again_changes_nothing(fresh_postgres_url: str) -> None:
    database = PostgresDatabase(fresh_postgres_url)
    database.prepare()
    before = catalog(fresh_postgres_url)
    database.prepare()
    assert catalog(fresh_postgres_url) == before
    assert applied(fresh_postgres_url) == [(each.number, each.name) for each in migrations()]


def test_many_processes_prepare_at_once_and_each_migration_runs_once(
    fresh_postgres_url: str,
) -> None:
    prepare = partial(PostgresDatabase.prepare, PostgresDatabase(fresh_postgres_url))
    assert run_concurrently([prepare] * 6) == [None] * 6
    assert applied(fresh_postgres_url) == [(each.number, each.name) for each in migrations()]


def test_the_menu_survives_its_migration(fresh_postgres_url: str) -> None:
    item = menu_item(name="Borscht").as_accepted_by(StoreId.POSTGRESQL)
    with psycopg.connect(fresh_postgres_url) as connection:
        for migration in migrations()[:2]:
            connection.execute(migration.sql)
        connection.execute(
            "INSERT INTO menu_items (id, v_postgresql, v_mongodb, v_nocodb, created_at, updated_at,"
            " source, op_id, trail, deleted, digest, bucket, content, u_slug)"
            " VALUES (%s, 1, 0, 0, %s, %s, 'postgresql', %s, '[]', false, 7, 7, %s, %s)",
            (
                item.id,
                item.created_at,
                item.updated_at,
                item.op_id,
                Jsonb(
                    {"slug": "s", "name": "Borscht", "category": "Old", "position": 1, "price": 5}
                ),
                "s",
            ),
        )
        connection.execute(
            "CREATE TABLE migrations (number integer PRIMARY KEY, name text NOT NULL,"
            " applied_at timestamptz NOT NULL DEFAULT now())"
        )
        connection.execute("INSERT INTO migrations (number, name) VALUES (1, 'initial')")
    database = PostgresDatabase(fresh_postgres_url)
    items = PostgresMenuItems(database)
    database.open()
    database.prepare()
    [found] = items.all()
    database.close()
    assert (found.id, found.name, found.category_id) == (item.id, "Borscht", "")


def test_orders_of_before_are_found_by_their_number_as_it_was_typed(
    fresh_postgres_url: str,
) -> None:
    placed = order().as_accepted_by(StoreId.POSTGRESQL)
    database = PostgresDatabase(fresh_postgres_url)
    orders = PostgresOrders(database)
    database.open()
    database.prepare()
    orders.deliver([placed])
    with psycopg.connect(fresh_postgres_url) as connection:
        connection.execute("ALTER TABLE orders DROP phone_key, DROP erased_at")
        connection.execute("DROP TABLE customers, profiles")
        connection.execute("CREATE INDEX orders_by_phone ON orders (customer_phone)")
        connection.execute("DELETE FROM migrations WHERE name = 'customers'")
    database.prepare()
    wanted = OrderFilter(phone=placed.customer.phone)
    assert orders.page(wanted, None, 9).items == (placed,)
    database.close()


def test_a_database_from_before_replication_had_a_file_of_its_own_is_left_as_it_is(
    fresh_postgres_url: str,
) -> None:
    database = PostgresDatabase(fresh_postgres_url)
    database.prepare()
    before = catalog(fresh_postgres_url)
    with psycopg.connect(fresh_postgres_url) as connection:
        connection.execute("DELETE FROM migrations WHERE name = 'replication'")
    database.prepare()
    assert catalog(fresh_postgres_url) == before
    assert applied(fresh_postgres_url) == [(each.number, each.name) for each in migrations()]


def test_conflicts_from_before_they_could_be_looked_up_by_record_can_be(
    fresh_postgres_url: str,
) -> None:
    database = PostgresDatabase(fresh_postgres_url)
    database.prepare()
    wanted = catalog(fresh_postgres_url)
    with psycopg.connect(fresh_postgres_url) as connection:
        connection.execute("ALTER TABLE conflicts DROP record_id, DROP loser_id")
        connection.execute(
            "DELETE FROM migrations WHERE name IN ('replication', 'conflict_losers')"
        )
    database.prepare()
    assert catalog(fresh_postgres_url)["indexes"] == wanted["indexes"]


def test_a_program_that_is_no_restaurant_gets_no_tables_of_one(fresh_postgres_url: str) -> None:
    PostgresDatabase(fresh_postgres_url, find_migrations=replication_migrations).prepare()
    assert {row[0] for row in catalog(fresh_postgres_url)["columns"]} == {
        "absences",
        "conflicts",
        "counters",
        "envelope",
        "meta",
        "migrations",
        "outbox",
    }


def test_migrations_are_numbered_without_gaps() -> None:
    assert [each.number for each in migrations()] == list(range(len(migrations())))


def test_a_migration_that_fails_leaves_nothing_behind(fresh_postgres_url: str) -> None:
    with psycopg.connect(fresh_postgres_url) as connection:
        connection.execute("CREATE TABLE conflicts (in_the_way int)")
    with pytest.raises(StoreUnavailable):
        PostgresDatabase(fresh_postgres_url).prepare()
    assert applied(fresh_postgres_url) == []
    tables = {row[0] for row in catalog(fresh_postgres_url)["columns"]}
    assert tables == {"conflicts", "migrations"}


@pytest.mark.parametrize("store", [PostgresOrders, PostgresMenuItems, PostgresConflicts])
def test_every_kind_finds_the_columns_it_writes(fresh_postgres_url: str, store: type[Any]) -> None:
    database = PostgresDatabase(fresh_postgres_url)
    database.prepare()
    database.open()
    assert store(database).deliver([]) == []
    assert store(database).scan(None, 1) == []
    database.close()

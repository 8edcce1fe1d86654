"""Brings the schema to what this version needs: numbered SQL files, each applied once."""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

from adapters.postgres.connection import DeadlineConnection

_ADVISORY_LOCK_KEY = 0x64696E6572
_CREATE_MIGRATIONS_TABLE = """
CREATE TABLE IF NOT EXISTS migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class Migration(NamedTuple):
    """One file of `migrations/`: 0001_initial.sql."""

    number: int
    name: str
    sql: str


def migrations() -> list[Migration]:
    """All of them, in the order they are applied."""
    folder = files("adapters.postgres") / "migrations"
    return sorted(
        Migration(int(file.name[:4]), file.name[5:-4], file.read_text())
        for file in folder.iterdir()
        if file.name.endswith(".sql")
    )


def migrate(connection: DeadlineConnection) -> None:
    """Applies what is missing, alone; closing the connection gives the lock back. Until then the
    caller may make more, as alone as this was."""
    connection.execute("SELECT pg_advisory_lock(%s)", (_ADVISORY_LOCK_KEY,))
    connection.execute(_CREATE_MIGRATIONS_TABLE)
    rows = connection.execute("SELECT number FROM migrations").fetchall()
    applied = {row["number"] for row in rows}
    for migration in migrations():
        if migration.number not in applied:
            _apply(connection, migration)


def _apply(connection: DeadlineConnection, migration: Migration) -> None:
    with connection.transaction():
        connection.execute(migration.sql)
        connection.execute(
            "INSERT INTO migrations (number, name) VALUES (%s, %s)",
            (migration.number, migration.name),
        )

"""Migrates the schema: numbered SQL files, each applied once.

All files share one sequence of numbers. Those in `replication/` are needed by every program that
uses the stores, whatever its kinds are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
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
    """A migration file, for example 0001_initial.sql."""

    number: int
    name: str
    sql: str


def migrations() -> list[Migration]:
    """All migrations, in the order in which they are applied."""
    return sorted([*replication_migrations(), *_migrations_in(_folder())])


def replication_migrations() -> list[Migration]:
    """The migrations that a database needs for records of any kind."""
    return sorted(_migrations_in(_folder() / "replication"))


def migrate(connection: DeadlineConnection, required: Iterable[Migration]) -> None:
    """Applies missing migrations under an advisory lock. The lock is held until the connection is
    closed, so the caller can make further changes under it."""
    connection.execute("SELECT pg_advisory_lock(%s)", (_ADVISORY_LOCK_KEY,))
    connection.execute(_CREATE_MIGRATIONS_TABLE)
    rows = connection.execute("SELECT number FROM migrations").fetchall()
    applied = {row["number"] for row in rows}
    for migration in required:
        if migration.number not in applied:
            _apply(connection, migration)


def _folder() -> Traversable:
    return files("adapters.postgres") / "migrations"


def _migrations_in(folder: Traversable) -> Iterator[Migration]:
    for file in folder.iterdir():
        if file.name.endswith(".sql"):
            yield Migration(int(file.name[:4]), file.name[5:-4], file.read_text())


def _apply(connection: DeadlineConnection, migration: Migration) -> None:
    with connection.transaction():
        connection.execute(migration.sql)
        connection.execute(
            "INSERT INTO migrations (number, name) VALUES (%s, %s)",
            (migration.number, migration.name),
        )

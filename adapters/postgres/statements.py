"""The SQL every store speaks, for the table of one kind.

A write is one statement, and so one round trip and one transaction: record, children, debts and
ceilings are parts of it that run only where the record was taken. All parts see the database as
it was when the statement began, so none of them may depend on rows that a concurrent writer of
the same record could have changed meanwhile; what does is left to triggers.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from psycopg.sql import SQL, Composable, Composed, Literal

from adapters.postgres.table import VERSION, Children, Table

_WRITE = SQL("""
WITH written AS ({writing}
    RETURNING {written}
), owed AS (
    INSERT INTO outbox (kind, record_id, target, {version}, due, since, missed)
    SELECT {kind}, id, owing.target, {written_version}, owing.due, updated_at, owing.missed
    FROM written, json_populate_recordset(NULL::outbox, %(owing)s) AS owing
    ON CONFLICT (kind, record_id, target) DO UPDATE
    SET ({version}, due, since, missed, tries, reason, parked)
      = ({new_version}, excluded.due, excluded.since, excluded.missed, 0, '', false)
), not_owed AS (
    DELETE FROM outbox USING written
    WHERE kind = {kind} AND record_id = ANY (%(ids)s::uuid[]) AND record_id = written.id
      AND target <> ALL (%(targets)s::text[])
){more}
SELECT {answer} FROM written
""")

_KEEP = SQL("""
    INSERT INTO {table} AS stored ({columns})
    SELECT {columns} FROM json_populate_recordset(NULL::{table}, %(rows)s) ORDER BY id
    ON CONFLICT (id) DO UPDATE SET ({columns}) = ROW ({new}){before}
    WHERE {condition}""")

_REPLACE = SQL("""
    UPDATE {table} AS stored SET ({columns}) = ROW ({new}){before}
    FROM json_populate_recordset(NULL::{table}, %(rows)s) AS incoming
    WHERE stored.id = incoming.id
      AND ({stored_version}, stored.digest) = ({old_version}, %(old_digest)s)""")

_ACCEPTABLE = SQL(
    "stored.v_postgresql < excluded.v_postgresql"
    " AND stored.v_mongodb <= excluded.v_mongodb AND stored.v_nocodb <= excluded.v_nocodb"
)
_NEWER = SQL(
    "stored.v_postgresql <= excluded.v_postgresql"
    " AND stored.v_mongodb <= excluded.v_mongodb AND stored.v_nocodb <= excluded.v_nocodb"
    " AND ({stored_version}) <> ({new_version})"
)

_CHILDREN = SQL("""
, {field} AS (
    INSERT INTO {table} AS stored ({columns})
    SELECT {child_columns}
    FROM json_populate_recordset(NULL::{table}, {rows}) AS child
    JOIN written ON written.id = child.{parent}
    ON CONFLICT ({key}) DO UPDATE SET ({columns}) = ROW ({new})
    WHERE stored.* IS DISTINCT FROM excluded.*
)""")

_CEILINGS = SQL("""
, ceilings AS (
    INSERT INTO counters AS counter (key, ceiling)
    SELECT key, ceiling
    FROM json_to_recordset(%(ceilings)s) AS limits (record_id uuid, key text, ceiling bigint)
    JOIN written ON written.id = record_id
    ORDER BY key
    ON CONFLICT (key) DO UPDATE SET ceiling = excluded.ceiling
    WHERE counter.ceiling IS DISTINCT FROM excluded.ceiling
)""")

# The row itself carries over what the state before it held: that one, unlike any that could be
# looked up, is sure to be the latest. Counters move in the order of their keys, so that no two
# writers ever wait for each other.
_BEFORE = SQL(", held_before = stored.holds")
_COUNTING = SQL("""
, moves AS (
    SELECT key, sum(quantity)::bigint AS quantity FROM (
        SELECT key, value::bigint FROM written, jsonb_each_text(holds)
        UNION ALL
        SELECT key, -value::bigint FROM written, jsonb_each_text(held_before)
    ) AS sides (key, quantity)
    GROUP BY key HAVING sum(quantity) <> 0
), counted AS (
    INSERT INTO counters AS counter (key, held) SELECT key, quantity FROM moves ORDER BY key
    ON CONFLICT (key) DO UPDATE SET held = counter.held + excluded.held
    RETURNING key, held, ceiling
)""")
_UNLESS_EXHAUSTED = SQL("""id, (
    SELECT exhausted(min(key)) FROM counted JOIN moves USING (key)
    WHERE quantity > 0 AND held > ceiling
)""")

_SELECT = SQL("SELECT {columns} FROM {table} AS record")
_CHILD_LIST = SQL("""(
    SELECT coalesce(json_agg(child ORDER BY position), '[]')
    FROM {table} AS child WHERE child.{parent} = record.id
) AS {field}""")

_CLAIM = SQL("""
WITH free AS (
    SELECT record_id, due FROM outbox
    WHERE target = %(target)s AND kind = {kind} AND NOT parked AND due <= %(now)s
    ORDER BY due, record_id LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE outbox SET due = %(until)s, ({version}) = ROW ({record_version})
    FROM free JOIN {table} AS record ON record.id = free.record_id
    WHERE outbox.kind = {kind} AND outbox.target = %(target)s
      AND outbox.record_id = free.record_id
      AND {covered}
    RETURNING outbox.record_id, outbox.tries, free.due
)
SELECT claimed.tries, {columns}
FROM claimed JOIN {table} AS record ON record.id = claimed.record_id
ORDER BY claimed.due, record.id
""")

_SETTLE = SQL("""
DELETE FROM outbox USING json_populate_recordset(NULL::outbox, %(shipped)s) AS shipped
WHERE outbox.kind = {kind} AND outbox.record_id = ANY (%(ids)s::uuid[])
  AND outbox.target = %(target)s
  AND outbox.record_id = shipped.record_id AND ({outbox_version}) = ({shipped_version})
""")

_MISS = SQL("""
UPDATE outbox SET missed = true, due = %(now)s
WHERE kind = {kind} AND record_id = ANY (%(ids)s::uuid[]) AND target = %(target)s
""")

_POSTPONE = SQL("""
UPDATE outbox
SET tries = tries + 1, reason = %(reason)s, due = %(due)s, parked = %(park)s, missed = false
WHERE kind = {kind} AND record_id = %(id)s AND target = %(target)s
""")

_RETRY_PARKED = SQL("""
UPDATE outbox SET tries = 0, due = %(now)s, parked = false
WHERE kind = {kind} AND target = %(target)s AND parked
RETURNING record_id
""")

_PARKED = SQL("""
SELECT kind, record_id, tries, reason, since FROM outbox
WHERE kind = {kind} AND target = %(target)s AND parked
ORDER BY since, record_id LIMIT %(limit)s
""")

_BACKLOG = SQL("""
SELECT count(*) FILTER (WHERE NOT parked) AS waiting,
       count(*) FILTER (WHERE missed AND NOT parked) AS missed,
       count(*) FILTER (WHERE parked) AS parked
FROM outbox WHERE kind = {kind} AND target = %(target)s
""")

_FINGERPRINTS = SQL("""
SELECT bucket, count(*) AS count, sum(digest)::bigint AS digest FROM {table} GROUP BY bucket
""")
_BUCKET = SQL("SELECT id, digest FROM {table} WHERE bucket = %(bucket)s")

_RIVALS = SQL("SELECT id FROM {table} WHERE id <> %(id)s AND ({same}) ORDER BY id FOR UPDATE")
_GIVE_UP = SQL("UPDATE {table} SET {nothing} WHERE id = ANY (%(rivals)s::uuid[])")
_TAKE_OVER = SQL("UPDATE {table} SET {values} WHERE id = %(id)s")

COUNTS = "SELECT key, held, ceiling FROM counters WHERE key = ANY (%(keys)s)"


class Statements:
    """Each is put together once, when it is first needed."""

    def __init__(self, table: Table) -> None:
        self._of = table
        self._words: dict[str, Composable] = {
            "table": SQL(table.name),
            "kind": Literal(table.name),
            "version": _names(VERSION),
            "stored_version": _names(VERSION, "stored"),
            "new_version": _names(VERSION, "excluded"),
            "written_version": _names(VERSION, "written"),
        }

    @cached_property
    def accept(self) -> str:
        answer = _UNLESS_EXHAUSTED if self._of.holds else SQL("id")
        return self._write(self._keep(_ACCEPTABLE), answer)

    @cached_property
    def deliver(self) -> str:
        return self._write(self._keep(_NEWER.format(**self._words)), SQL("id"))

    @cached_property
    def replace(self) -> str:
        old = SQL(", ").join(SQL(f"%(old_{name})s") for name in VERSION)
        return self._write(self._writing(_REPLACE, "incoming", old_version=old), SQL("id"))

    def select(self, rest: str) -> str:
        """The records that `rest` (WHERE, ORDER BY, LIMIT) finds, under the name `record`."""
        return f"{self._select} {rest}"

    @cached_property
    def _select(self) -> str:
        return self._text(_SELECT, columns=self._columns)

    @cached_property
    def claim(self) -> str:
        covered = SQL(" AND ").join(
            SQL("outbox.{0} <= record.{0}").format(SQL(name)) for name in VERSION
        )
        record_version = _names(VERSION, "record")
        return self._text(
            _CLAIM, columns=self._columns, covered=covered, record_version=record_version
        )

    @cached_property
    def settle(self) -> str:
        return self._text(
            _SETTLE,
            outbox_version=_names(VERSION, "outbox"),
            shipped_version=_names(VERSION, "shipped"),
        )

    @cached_property
    def miss(self) -> str:
        return self._text(_MISS)

    @cached_property
    def postpone(self) -> str:
        return self._text(_POSTPONE)

    @cached_property
    def retry_parked(self) -> str:
        return self._text(_RETRY_PARKED)

    @cached_property
    def parked(self) -> str:
        return self._text(_PARKED)

    @cached_property
    def backlog(self) -> str:
        return self._text(_BACKLOG)

    @cached_property
    def fingerprints(self) -> str:
        return self._text(_FINGERPRINTS)

    @cached_property
    def bucket(self) -> str:
        return self._text(_BUCKET)

    @cached_property
    def rivals(self) -> str:
        """Who has one of the record's unique values."""
        return self._text(_RIVALS, same=self._unique(" OR ", "{name} = {value}"))

    @cached_property
    def give_up(self) -> str:
        return self._text(_GIVE_UP, nothing=self._unique(", ", "{name} = NULL"))

    @cached_property
    def take_over(self) -> str:
        return self._text(_TAKE_OVER, values=self._unique(", ", "{name} = {value}"))

    def _text(self, template: SQL, **words: Composable) -> str:
        return template.format(**self._words, **words).as_string()

    def _write(self, writing: Composable, answer: Composable) -> str:
        holds = ("holds", "held_before") if self._of.holds else ()
        written = _names(("id", *VERSION, "updated_at", *holds), "stored")
        return self._text(_WRITE, writing=writing, written=written, more=self._more, answer=answer)

    def _keep(self, condition: Composable) -> Composed:
        return self._writing(_KEEP, "excluded", condition=condition)

    def _writing(self, template: SQL, new: str, **words: Composable) -> Composed:
        columns = self._of.written
        return template.format(
            **self._words,
            **words,
            columns=_names(columns),
            new=_names(columns, new),
            before=_BEFORE if self._of.holds else SQL(""),
        )

    @property
    def _more(self) -> Composable:
        parts: list[Composable] = [_children(children) for children in self._of.children]
        if self._of.holds:
            parts.append(_COUNTING)
        if self._of.ceilings:
            parts.append(_CEILINGS)
        return SQL("").join(parts)

    @property
    def _columns(self) -> Composable:
        internal = {"digest", "bucket", "holds", *self._of.unique_columns}
        columns = _names((name for name in self._of.written if name not in internal), "record")
        return SQL(", ").join([columns, *map(_child_list, self._of.children)])

    def _unique(self, separator: str, each: str) -> Composable:
        return SQL(separator).join(
            SQL(each).format(name=SQL(name), value=SQL(f"%({name})s"))
            for name in self._of.unique_columns
        )


def _names(columns: Iterable[str], owner: str | None = None) -> Composed:
    return SQL(", ").join(SQL(name if owner is None else f"{owner}.{name}") for name in columns)


def _children(children: Children) -> Composed:
    columns = (*children.key, *children.columns)
    return _CHILDREN.format(
        field=SQL(children.field),
        table=SQL(children.table),
        parent=SQL(children.parent),
        rows=SQL(f"%({children.table})s"),
        key=_names(children.key),
        columns=_names(columns),
        child_columns=_names(columns, "child"),
        new=_names(columns, "excluded"),
    )


def _child_list(children: Children) -> Composed:
    return _CHILD_LIST.format(
        table=SQL(children.table),
        parent=SQL(children.parent),
        field=SQL(children.field),
    )

"""The SQL statements of one kind: the templates, filled in for its table."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from psycopg.sql import SQL, Composable, Composed, Literal

from adapters.postgres import templates
from adapters.postgres.table import VERSION_COLUMNS, ChildTable, Table


class Statements:
    """Builds each statement once, when it is first used."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._fragments: dict[str, Composable] = {
            "table": SQL(table.name),
            "kind": Literal(table.name),
            "version": _column_list(VERSION_COLUMNS),
            "stored_version": _column_list(VERSION_COLUMNS, "stored"),
            "new_version": _column_list(VERSION_COLUMNS, "excluded"),
            "written_version": _column_list(VERSION_COLUMNS, "written"),
        }

        self._accept: dict[tuple[str, ...], str] = {}

    def accept(self, read_kinds: tuple[str, ...] = ()) -> str:
        """Writes a record unless its read set, which is of these kinds, is stale."""
        statement = self._accept.get(read_kinds)
        if statement is None:
            result = templates.ID_UNLESS_EXHAUSTED if self._table.has_reservations else SQL("id")
            upsert = self._upsert(templates.ACCEPTABLE, read_kinds)
            statement = self._write_statement(upsert, result)
            self._accept[read_kinds] = statement
        return statement

    @cached_property
    def deliver(self) -> str:
        return self._write_statement(
            self._upsert(templates.NEWER.format(**self._fragments)), SQL("id")
        )

    @cached_property
    def replace(self) -> str:
        old = SQL(", ").join(SQL(f"%(old_{name})s") for name in VERSION_COLUMNS)
        return self._write_statement(
            self._row_write(templates.COMPARE_AND_REPLACE, "incoming", old_version=old), SQL("id")
        )

    def select(self, clauses: str) -> str:
        """Selects records by WHERE, ORDER BY and LIMIT clauses. The table alias is `record`."""
        return f"{self._select} {clauses}"

    @cached_property
    def _select(self) -> str:
        return self._render(templates.SELECT_RECORDS, columns=self._selected_columns)

    def claim(self, limit: int) -> str:
        covered = SQL(" AND ").join(
            SQL("outbox.{0} <= record.{0}").format(SQL(name)) for name in VERSION_COLUMNS
        )
        record_version = _column_list(VERSION_COLUMNS, "record")
        return self._render(
            templates.CLAIM,
            columns=self._selected_columns,
            covered=covered,
            record_version=record_version,
            limit=Literal(limit),
        )

    @cached_property
    def acknowledge(self) -> str:
        return self._render(
            templates.ACKNOWLEDGE,
            outbox_version=_column_list(VERSION_COLUMNS, "outbox"),
            shipped_version=_column_list(VERSION_COLUMNS, "shipped"),
        )

    @cached_property
    def mark_undelivered(self) -> str:
        return self._render(templates.MARK_UNDELIVERED)

    @cached_property
    def reschedule(self) -> str:
        shipped = SQL(", ").join(SQL(f"%({name})s") for name in VERSION_COLUMNS)
        return self._render(templates.RESCHEDULE, shipped_version=shipped)

    @cached_property
    def retry_dead_letters(self) -> str:
        return self._render(templates.RETRY_DEAD_LETTERS)

    def dead_letters(self, limit: int) -> str:
        return self._render(templates.DEAD_LETTERS, limit=Literal(limit))

    @cached_property
    def backlog(self) -> str:
        return self._render(templates.BACKLOG)

    @cached_property
    def fingerprints(self) -> str:
        return self._render(templates.FINGERPRINTS)

    @cached_property
    def bucket(self) -> str:
        return self._render(templates.BUCKET)

    @cached_property
    def digests(self) -> str:
        return self._render(templates.DIGESTS)

    @cached_property
    def rehash(self) -> str:
        return self._render(
            templates.REHASH, rehashed_version=_column_list(VERSION_COLUMNS, "rehashed")
        )

    @cached_property
    def unique_holders(self) -> str:
        """Finds other records that have one of these unique values."""
        return self._render(
            templates.UNIQUE_HOLDERS, equal=self._join_unique(" OR ", "{name} = {value}")
        )

    @cached_property
    def release_unique(self) -> str:
        return self._render(
            templates.RELEASE_UNIQUE, nulls=self._join_unique(", ", "{name} = NULL")
        )

    @cached_property
    def claim_unique(self) -> str:
        return self._render(
            templates.CLAIM_UNIQUE, values=self._join_unique(", ", "{name} = {value}")
        )

    def _render(self, template: SQL, **fragments: Composable) -> str:
        return template.format(**self._fragments, **fragments).as_string()

    def _write_statement(self, row_write: Composable, result: Composable) -> str:
        holds = ("holds", "held_before") if self._table.has_reservations else ()
        written = _column_list(("id", *VERSION_COLUMNS, "updated_at", *holds), "stored")
        return self._render(
            templates.WRITE,
            row_write=row_write,
            written=written,
            extra_ctes=self._extra_ctes,
            result=result,
        )

    def _upsert(self, condition: Composable, read_kinds: tuple[str, ...] = ()) -> Composed:
        current = [
            templates.READ_SET_CURRENT.format(
                read_kind=SQL(kind), parameter=SQL(read_set_parameter(kind))
            )
            for kind in read_kinds
        ]
        precondition = SQL("WHERE {}").format(SQL(" AND ").join(current)) if current else SQL("")
        return self._row_write(
            templates.UPSERT, "excluded", condition=condition, precondition=precondition
        )

    def _row_write(self, template: SQL, source: str, **fragments: Composable) -> Composed:
        columns = self._table.written_columns
        return template.format(
            **self._fragments,
            **fragments,
            columns=_column_list(columns),
            new=_column_list(columns, source),
            previous_reservations=templates.SET_PREVIOUS_RESERVATIONS
            if self._table.has_reservations
            else SQL(""),
        )

    @property
    def _extra_ctes(self) -> Composable:
        parts: list[Composable] = [_upsert_children(children) for children in self._table.children]
        if self._table.has_reservations or self._table.has_limits:
            parts.append(self._update_counters)
        return SQL("").join(parts)

    @property
    def _update_counters(self) -> Composable:
        reserved, limits = self._table.has_reservations, self._table.has_limits
        changes = (
            *((templates.RESERVATION_CHANGES,) if reserved else ()),
            *((templates.LIMIT_CHANGES,) if limits else ()),
        )
        return templates.UPDATE_COUNTERS.format(
            changes=SQL("\n        UNION ALL").join(changes),
            declared=templates.LAST_DECLARED_LIMIT if limits else templates.NO_DECLARED_LIMIT,
            default_limit=Literal(self._table.default_limit),
            new_limit=templates.SET_DECLARED_LIMIT if limits else templates.KEEP_LIMIT,
        )

    @property
    def _selected_columns(self) -> Composable:
        internal = {"digest", "bucket", "holds", *self._table.unique_columns}
        columns = _column_list(
            (name for name in self._table.written_columns if name not in internal), "record"
        )
        return SQL(", ").join([columns, *map(_child_list, self._table.children)])

    def _join_unique(self, separator: str, pattern: str) -> Composable:
        return SQL(separator).join(
            SQL(pattern).format(name=SQL(name), value=SQL(f"%({name})s"))
            for name in self._table.unique_columns
        )


def read_set_parameter(kind: str) -> str:
    """The name of the parameter with the records of this kind in the read set."""
    return f"read_{kind}"


def equals_literal(column: str, value: str) -> str:
    """A condition with the value as a literal: for a column with few values of unequal frequency
    the planner has to know the value."""
    return SQL("{} = {}").format(SQL(column), Literal(str(value))).as_string()


def _column_list(columns: Iterable[str], table: str | None = None) -> Composed:
    return SQL(", ").join(SQL(name if table is None else f"{table}.{name}") for name in columns)


def _upsert_children(children: ChildTable) -> Composed:
    columns = (*children.primary_key, *children.columns)
    return templates.UPSERT_CHILDREN.format(
        field=SQL(children.field),
        table=SQL(children.table),
        foreign_key=SQL(children.foreign_key),
        rows=SQL(f"%({children.table})s"),
        key=_column_list(children.primary_key),
        columns=_column_list(columns),
        child_columns=_column_list(columns, "child"),
        new=_column_list(columns, "excluded"),
    )


def _child_list(children: ChildTable) -> Composed:
    return templates.CHILD_LIST.format(
        table=SQL(children.table),
        foreign_key=SQL(children.foreign_key),
        field=SQL(children.field),
    )

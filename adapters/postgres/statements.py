"""The statements of one kind: the templates, filled in for its table."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from psycopg.sql import SQL, Composable, Composed, Literal

from adapters.postgres import templates
from adapters.postgres.table import VERSION, Children, Table


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

        self._accept: dict[tuple[str, ...], str] = {}

    def accept(self, basis: tuple[str, ...] = ()) -> str:
        """Unless something of the basis, which is of these kinds, is not as it was seen."""
        made = self._accept.get(basis)
        if made is None:
            answer = templates.UNLESS_EXHAUSTED if self._of.holds else SQL("id")
            made = self._write(self._keep(templates.ACCEPTABLE, basis), answer)
            self._accept[basis] = made
        return made

    @cached_property
    def deliver(self) -> str:
        return self._write(self._keep(templates.NEWER.format(**self._words)), SQL("id"))

    @cached_property
    def replace(self) -> str:
        old = SQL(", ").join(SQL(f"%(old_{name})s") for name in VERSION)
        return self._write(self._writing(templates.REPLACE, "incoming", old_version=old), SQL("id"))

    def select(self, rest: str) -> str:
        """The records that `rest` (WHERE, ORDER BY, LIMIT) finds, under the name `record`."""
        return f"{self._select} {rest}"

    @cached_property
    def _select(self) -> str:
        return self._text(templates.SELECT, columns=self._columns)

    def claim(self, limit: int) -> str:
        covered = SQL(" AND ").join(
            SQL("outbox.{0} <= record.{0}").format(SQL(name)) for name in VERSION
        )
        record_version = _names(VERSION, "record")
        return self._text(
            templates.CLAIM,
            columns=self._columns,
            covered=covered,
            record_version=record_version,
            limit=Literal(limit),
        )

    @cached_property
    def settle(self) -> str:
        return self._text(
            templates.SETTLE,
            outbox_version=_names(VERSION, "outbox"),
            shipped_version=_names(VERSION, "shipped"),
        )

    @cached_property
    def miss(self) -> str:
        return self._text(templates.MISS)

    @cached_property
    def postpone(self) -> str:
        shipped = SQL(", ").join(SQL(f"%({name})s") for name in VERSION)
        return self._text(templates.POSTPONE, shipped_version=shipped)

    @cached_property
    def retry_parked(self) -> str:
        return self._text(templates.RETRY_PARKED)

    def parked(self, limit: int) -> str:
        return self._text(templates.PARKED, limit=Literal(limit))

    @cached_property
    def backlog(self) -> str:
        return self._text(templates.BACKLOG)

    @cached_property
    def fingerprints(self) -> str:
        return self._text(templates.FINGERPRINTS)

    @cached_property
    def bucket(self) -> str:
        return self._text(templates.BUCKET)

    @cached_property
    def digests(self) -> str:
        return self._text(templates.DIGESTS)

    @cached_property
    def refresh(self) -> str:
        return self._text(templates.REFRESH, fresh_version=_names(VERSION, "fresh"))

    @cached_property
    def rivals(self) -> str:
        """Who has one of the record's unique values."""
        return self._text(templates.RIVALS, same=self._unique(" OR ", "{name} = {value}"))

    @cached_property
    def give_up(self) -> str:
        return self._text(templates.GIVE_UP, nothing=self._unique(", ", "{name} = NULL"))

    @cached_property
    def take_over(self) -> str:
        return self._text(templates.TAKE_OVER, values=self._unique(", ", "{name} = {value}"))

    def _text(self, template: SQL, **words: Composable) -> str:
        return template.format(**self._words, **words).as_string()

    def _write(self, writing: Composable, answer: Composable) -> str:
        holds = ("holds", "held_before") if self._of.holds else ()
        written = _names(("id", *VERSION, "updated_at", *holds), "stored")
        return self._text(
            templates.WRITE, writing=writing, written=written, more=self._more, answer=answer
        )

    def _keep(self, condition: Composable, basis: tuple[str, ...] = ()) -> Composed:
        current = [
            templates.OUTDATED.format(basis=SQL(kind), seen=SQL(seen_of(kind))) for kind in basis
        ]
        unless = SQL("WHERE {}").format(SQL(" AND ").join(current)) if current else SQL("")
        return self._writing(templates.KEEP, "excluded", condition=condition, unless=unless)

    def _writing(self, template: SQL, new: str, **words: Composable) -> Composed:
        columns = self._of.written
        return template.format(
            **self._words,
            **words,
            columns=_names(columns),
            new=_names(columns, new),
            before=templates.BEFORE if self._of.holds else SQL(""),
        )

    @property
    def _more(self) -> Composable:
        parts: list[Composable] = [_children(children) for children in self._of.children]
        if self._of.holds:
            parts.append(templates.COUNTING)
        if self._of.ceilings:
            parts.append(templates.CEILINGS)
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


def seen_of(kind: str) -> str:
    """The parameter that says which records of the kind were seen."""
    return f"seen_{kind}"


def equal(column: str, value: str) -> str:
    """A condition on one of a few well-known values, some much rarer than others."""
    return SQL("{} = {}").format(SQL(column), Literal(str(value))).as_string()


def _names(columns: Iterable[str], owner: str | None = None) -> Composed:
    return SQL(", ").join(SQL(name if owner is None else f"{owner}.{name}") for name in columns)


def _children(children: Children) -> Composed:
    columns = (*children.key, *children.columns)
    return templates.CHILDREN.format(
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
    return templates.CHILD_LIST.format(
        table=SQL(children.table),
        parent=SQL(children.parent),
        field=SQL(children.field),
    )

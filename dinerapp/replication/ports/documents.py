"""The base class for the ports of document kinds.

A port declares the indexes that its queries need, and implements the queries with the protected
methods of this class. Tables, columns, collections and indexes in both databases are derived from
the declaration.

Contract suite: tests/contracts/test_documents.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias, TypeVar

from msgspec import NODEFAULT, inspect

from dinerapp.replication import codec
from dinerapp.replication.codec import ENVELOPE_FIELDS
from dinerapp.replication.errors import NotFound
from dinerapp.replication.kind import Kind
from dinerapp.replication.ports.repository import Cursor, Page, Repository
from dinerapp.replication.record import Record, truncate_to_milliseconds

R = TypeVar("R", bound=Record)
Value: TypeAlias = str | int | datetime | None

CREATED_AT = "created_at"
_ENVELOPE_TIMES = (CREATED_AT, "updated_at")
_RESERVED_FIELDS = frozenset({"content", "digest", "bucket", "holds", "held_before"})
_RESERVED_PREFIXES = ("_", "u_", "v_")
_RESERVED_NAMES = f"{', '.join(sorted(_RESERVED_FIELDS))} and names that begin with _, u_ or v_"


class BadDeclaration(TypeError):
    """A port declares an index that cannot be created, has a query without an index for it, or a
    query that does not run in a store."""


class FieldType(Enum):
    """The types that an indexed field may have."""

    TEXT = str
    INTEGER = int
    BOOLEAN = bool
    TIME = datetime

    @property
    def is_ordered(self) -> bool:
        """Whether lists can be ordered by such a field. Text cannot be used, because long texts are
        not indexed completely."""
        return self in (FieldType.INTEGER, FieldType.TIME)


@dataclass(frozen=True, slots=True)
class IndexedField:
    """A field that queries filter or order by. `default` is its value in records that were stored
    before the field existed; `is_unbounded` says that it may be a text of any length."""

    name: str
    type: FieldType
    default: Value = None
    is_unbounded: bool = False

    @property
    def is_in_envelope(self) -> bool:
        """Whether it is part of the envelope, which every record has."""
        return self.name in ENVELOPE_FIELDS


@dataclass(frozen=True, slots=True, init=False)
class Index:
    """An index that finds living records by these fields.

    Lists are in the order of the last field if that is a time or a number, and otherwise in the
    order of creation. `Index()` is for lists of all records, newest first.
    """

    fields: tuple[str, ...]

    def __init__(self, *fields: str) -> None:
        object.__setattr__(self, "fields", fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentQuery:
    """A query for living records with the values `equal`, ordered by one field and then by id.

    The field in `order_by` is at least `begin` and less than `end`; records in which it is None
    are not found. `leading` are the fields in `equal` that the index begins with.
    """

    limit: int
    equal: Mapping[str, Value] = field(default_factory=dict)
    order_by: str = CREATED_AT
    newest_first: bool = False
    begin: Value = None
    end: Value = None
    after: Cursor | None = None
    leading: tuple[str, ...] = ()

    @property
    def is_answerable(self) -> bool:
        """Whether a record can have such values."""
        cursor = (self.after.created_at, self.after.id) if self.after else ()
        values = (*self.equal.values(), self.begin, self.end, *cursor)
        return self.limit > 0 and all(map(codec.is_storable, values))

    def as_stored(self) -> DocumentQuery:
        """The same query with every value as records store it."""
        after = self.after
        if after is not None:
            after = Cursor(truncate_to_milliseconds(after.created_at), after.id)
        return replace(
            self,
            equal={name: _stored_value(value) for name, value in self.equal.items()},
            begin=_stored_value(self.begin),
            end=_stored_value(self.end),
            after=after,
        )


class Documents(Repository[R]):
    """Records of one kind, stored as documents. The protected methods are for the queries of a
    port, which run inside a store.

    Times in queries are truncated to the precision that both databases store. A value that no
    record can have matches nothing.
    """

    indexes: ClassVar[tuple[Index, ...]] = ()
    indexed_fields: ClassVar[Mapping[str, IndexedField]] = MappingProxyType({})
    """The fields in `indexes`, by name."""
    _queryable: ClassVar[Mapping[str, IndexedField]] = MappingProxyType({})
    _orders: ClassVar[tuple[tuple[str, ...], ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if hasattr(cls, "kind"):
            cls.indexed_fields = _indexed_fields(cls.__name__, cls.kind, cls.indexes)
            names = cls.kind.unique_fields
            unique = (_field_named(cls.__name__, cls.kind, name) for name in names)
            cls._queryable = {**cls.indexed_fields, **{field.name: field for field in unique}}
            cls._orders = tuple(cls.order_of(index) for index in cls.indexes)

    @classmethod
    def order_of(cls, index: Index) -> tuple[str, ...]:
        """The fields of the index, up to and including the one that lists are ordered by."""
        if index.fields and cls.indexed_fields[index.fields[-1]].type.is_ordered:
            return index.fields
        return (*index.fields, CREATED_AT)

    def _first(self, /, **equal: Value) -> R:
        """The oldest record with these values. Raises NotFound. An index has to begin with one of
        these fields: `Index()` would be scanned completely."""
        for record in self._run(DocumentQuery(equal=equal, limit=1), needs_leading_fields=True):
            return record
        raise NotFound(self.kind.name, f"with this {', '.join(equal)}")

    def _newest(self, after: Cursor | None, limit: int, /, **equal: Value) -> Page[R]:
        """A page of the records with these values, newest first by creation and then by id."""
        query = DocumentQuery(limit=limit + 1, equal=equal, newest_first=True, after=after)
        return Page.from_records(self._run(query), limit)

    def _page_by(
        self,
        field: str,
        after: Cursor | None,
        limit: int,
        /,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        newest_first: bool = True,
        **equal: Value,
    ) -> Page[R]:
        """A page of the records with these values, ordered by a time that is at least `since` and
        before `until`. The cursors are only valid for the same order."""
        query = DocumentQuery(
            limit=limit + 1,
            equal=equal,
            order_by=field,
            newest_first=newest_first,
            begin=since,
            end=until,
            after=after,
        )
        if self._queryable_field(field).type is not FieldType.TIME:
            raise BadDeclaration(
                f"{type(self).__name__}: pages need a time to be ordered by; {field} is not a time"
            )
        return Page.from_records(self._run(query), limit, by=field)

    def _between(
        self,
        field: str,
        begin: Value,
        end: Value,
        /,
        *,
        limit: int,
        **equal: Value,
    ) -> Sequence[R]:
        """The records with these values, ordered by the field and then by id. The field is at least
        `begin` and less than `end`; None is no bound."""
        return self._run(
            DocumentQuery(limit=limit, equal=equal, order_by=field, begin=begin, end=end)
        )

    def _find_documents(self, query: DocumentQuery) -> list[R]:
        """Runs the query. Stores implement this; all values are storable."""
        raise BadDeclaration(
            f"{type(self).__name__} is not a store: only methods marked @query or @find_one, which "
            "run inside a store, may call this"
        )

    def _run(self, query: DocumentQuery, *, needs_leading_fields: bool = False) -> list[R]:
        leading = self._leading_fields(query, needs_some=needs_leading_fields)
        query = replace(query, leading=leading)
        none_fields = {name for name, value in query.equal.items() if value is None}
        if not query.is_answerable or none_fields & {*self.kind.unique_fields}:
            return []
        return self._find_documents(query.as_stored())

    def _queryable_field(self, name: str) -> IndexedField:
        if name == CREATED_AT:
            return IndexedField(name, FieldType.TIME)
        if name not in self._queryable:
            raise BadDeclaration(f"{type(self).__name__} declares no index on {name}")
        return self._queryable[name]

    def _leading_fields(self, query: DocumentQuery, *, needs_some: bool) -> tuple[str, ...]:
        """The leading fields of the index that covers most fields of the query."""
        self._require_types(query)
        if query.equal.keys() & {*self.kind.unique_fields}:
            return ()
        usable = [order[:-1] for order in self._orders if _serves(order, query)]
        leading = max(usable, key=len, default=())
        if not leading and (needs_some or not usable):
            fields = ", ".join(map(repr, (*query.equal, query.order_by)))
            raise BadDeclaration(f"{type(self).__name__} has no Index({fields}) for this query")
        return leading

    def _require_types(self, query: DocumentQuery) -> None:
        ordered = self._queryable_field(query.order_by)
        equal = [(self._queryable_field(name), value) for name, value in query.equal.items()]
        for declared, value in (*equal, (ordered, query.begin), (ordered, query.end)):
            if not _is_of_type(declared.type, value):
                raise BadDeclaration(
                    f"{type(self).__name__}: {declared.name} is {declared.type.value.__name__}, "
                    f"and is compared with {type(value).__name__}"
                )


def _serves(order: Sequence[str], query: DocumentQuery) -> bool:
    """Whether an index in this order serves the query, in the order that it asks for."""
    *leading, last = order
    return last == query.order_by and {*leading} <= query.equal.keys()


def _stored_value(value: Value) -> Value:
    if isinstance(value, Enum):
        return str(value.value)
    return truncate_to_milliseconds(value) if isinstance(value, datetime) else value


def _is_of_type(expected: FieldType, value: Value) -> bool:
    if value is None:
        return True
    return isinstance(value, expected.value) and isinstance(value, bool) is (
        expected is FieldType.BOOLEAN
    )


def _indexed_fields(
    port: str, kind: Kind[Any], indexes: Sequence[Index]
) -> Mapping[str, IndexedField]:
    if len({*indexes}) < len(indexes):
        raise BadDeclaration(f"{port} declares an index twice")
    names = dict.fromkeys(name for index in indexes for name in index.fields)
    return {name: _field_named(port, kind, name) for name in names}


def _field_named(port: str, kind: Kind[Any], name: str) -> IndexedField:
    """The field as the record's type declares it."""
    where = f"{port}: {kind.record_type.__name__}.{name}"
    declared = {field.name: field for field in _fields(inspect.type_info(kind.record_type))}
    if name not in declared:
        raise BadDeclaration(f"{where} cannot be indexed: there is no such field")
    if name in _RESERVED_FIELDS or name.startswith(_RESERVED_PREFIXES):
        raise BadDeclaration(f"{where} cannot be indexed: {_RESERVED_NAMES} belong to the stores")
    if name in ENVELOPE_FIELDS and name not in _ENVELOPE_TIMES:
        raise BadDeclaration(f"{where} cannot be indexed; every store finds records by their ids")
    declared_type = _without_none(declared[name].type)
    field_type = _field_type(declared_type)
    if field_type is None:
        raise BadDeclaration(
            f"{where} cannot be indexed: it has to be str, int, bool or datetime, optionally None"
        )
    default = declared[name].default
    return IndexedField(
        name,
        field_type,
        default=None if default is NODEFAULT else _stored_value(default),
        is_unbounded=isinstance(declared_type, inspect.StrType),
    )


def _fields(declared: inspect.Type) -> Sequence[inspect.Field]:
    return declared.fields if isinstance(declared, inspect.DataclassType) else ()


def _without_none(declared: inspect.Type) -> inspect.Type:
    match declared:
        case inspect.UnionType(types=(one, inspect.NoneType()) | (inspect.NoneType(), one)):
            return one
    return declared


def _field_type(declared: inspect.Type) -> FieldType | None:
    match declared:
        case inspect.StrType():
            return FieldType.TEXT
        case inspect.EnumType(cls=cls) if issubclass(cls, str):
            return FieldType.TEXT
        case inspect.BoolType():
            return FieldType.BOOLEAN
        case inspect.IntType():
            return FieldType.INTEGER
        case inspect.DateTimeType():
            return FieldType.TIME
    return None

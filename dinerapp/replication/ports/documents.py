"""The base of the port of a kind that is kept as documents.

A port declares the indexes that its questions need, and writes the questions itself, out of the
protected ones here. Tables, columns, collections and indexes in both databases follow from that.

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
    """A port declares an index that cannot be made, or asks for what it has not declared."""


class FieldType(Enum):
    """What an indexed field may hold."""

    TEXT = str
    INTEGER = int
    BOOLEAN = bool
    TIME = datetime

    @property
    def is_ordered(self) -> bool:
        """Whether lists may be in the order of such a field: databases do not index the whole of a
        long text."""
        return self in (FieldType.INTEGER, FieldType.TIME)


@dataclass(frozen=True, slots=True)
class IndexedField:
    """A field by which documents are asked for. `default` is what records have that were stored
    before there was such a field; `is_unbounded` says that it may be a text of any length."""

    name: str
    type: FieldType
    default: Value = None
    is_unbounded: bool = False

    @property
    def is_in_envelope(self) -> bool:
        """Whether every kind of record has it."""
        return self.name in ENVELOPE_FIELDS


@dataclass(frozen=True, slots=True, init=False)
class Index:
    """Finds living records by these fields.

    Lists along it are in the order of the last field if that is a time or a number, and otherwise
    in that of creation. `Index()` is for lists of everything, newest first.
    """

    fields: tuple[str, ...]

    def __init__(self, *fields: str) -> None:
        object.__setattr__(self, "fields", fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentQuery:
    """Living records that are equal in these fields, in the order of one field and then of their
    ids; `begin` is the first value in that order, `end` the first one beyond. Records that have
    None there are in no list. `leading` are those of the fields that the index begins with."""

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
        """Whether some record could hold such values."""
        place = (self.after.created_at, self.after.id) if self.after else ()
        values = (*self.equal.values(), self.begin, self.end, *place)
        return self.limit > 0 and all(map(codec.is_storable, values))

    def as_stored(self) -> DocumentQuery:
        """The same, with every value as a record would hold it."""
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
    """Records of one kind, kept as documents. The protected questions are for the methods of
    ports, which run inside of a store; nobody else can ask them.

    Times are asked in the precision both databases keep, and what no record could hold is found
    nowhere.
    """

    indexes: ClassVar[tuple[Index, ...]] = ()
    indexed_fields: ClassVar[Mapping[str, IndexedField]] = MappingProxyType({})
    """Those in `indexes`, by name."""
    _askable: ClassVar[Mapping[str, IndexedField]] = MappingProxyType({})
    _orders: ClassVar[tuple[tuple[str, ...], ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if hasattr(cls, "kind"):
            cls.indexed_fields = _indexed_fields(cls.__name__, cls.kind, cls.indexes)
            unique = (_field_named(cls.__name__, cls.kind, it) for it in cls.kind.unique_fields)
            cls._askable = {**cls.indexed_fields, **{each.name: each for each in unique}}
            cls._orders = tuple(cls.order_of(index) for index in cls.indexes)

    @classmethod
    def order_of(cls, index: Index) -> tuple[str, ...]:
        """The fields of the index, down to the one that its lists are in the order of."""
        if index.fields and cls.indexed_fields[index.fields[-1]].type.is_ordered:
            return index.fields
        return (*index.fields, CREATED_AT)

    def _first(self, /, **equal: Value) -> R:
        """The oldest record with these values. Raises NotFound. Some index has to lead to them:
        one for lists of everything would be read to its end."""
        for record in self._answer(DocumentQuery(equal=equal, limit=1), is_led=True):
            return record
        raise NotFound(self.kind.name, f"with this {', '.join(equal)}")

    def _newest(self, after: Cursor | None, limit: int, /, **equal: Value) -> Page[R]:
        """Those with these values, newest first by creation and then by id."""
        query = DocumentQuery(limit=limit + 1, equal=equal, newest_first=True, after=after)
        return Page.from_records(self._answer(query), limit)

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
        """Those with these values in the order of a time, from `since` until just before `until`.
        The cursors of such a list are places in that order, and of no use in another one."""
        query = DocumentQuery(
            limit=limit + 1,
            equal=equal,
            order_by=field,
            newest_first=newest_first,
            begin=since,
            end=until,
            after=after,
        )
        if self._askable_field(field).type is not FieldType.TIME:
            raise BadDeclaration(f"{type(self).__name__}: {field} is not a time: no pages by it")
        return Page.from_records(self._answer(query), limit, by=field)

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
        """Those with these values from `begin` until just before `end`, None for no bound, in the
        order of the field and then by id."""
        return self._answer(
            DocumentQuery(limit=limit, equal=equal, order_by=field, begin=begin, end=end)
        )

    def _find_documents(self, query: DocumentQuery) -> list[R]:
        """How a store answers; the values are such as it may hold."""
        raise NotImplementedError(
            f"{type(self).__name__} is not a store: only methods marked @query or @find_one, which "
            "run inside of one, may ask this"
        )

    def _answer(self, query: DocumentQuery, *, is_led: bool = False) -> list[R]:
        query = replace(query, leading=self._leading_fields(query, is_led=is_led))
        without_value = {name for name, value in query.equal.items() if value is None}
        if not query.is_answerable or without_value & {*self.kind.unique_fields}:
            return []
        return self._find_documents(query.as_stored())

    def _askable_field(self, name: str) -> IndexedField:
        if name == CREATED_AT:
            return IndexedField(name, FieldType.TIME)
        if name not in self._askable:
            raise BadDeclaration(f"{type(self).__name__} declares no index with {name}")
        return self._askable[name]

    def _leading_fields(self, query: DocumentQuery, *, is_led: bool) -> tuple[str, ...]:
        """With which fields the index begins that leads furthest."""
        self._require_types(query)
        if query.equal.keys() & {*self.kind.unique_fields}:
            return ()
        found = [order[:-1] for order in self._orders if _serves(order, query)]
        leading = max(found, key=len, default=())
        if not leading and (is_led or not found):
            wanted = ", ".join(map(repr, (*query.equal, query.order_by)))
            raise BadDeclaration(f"{type(self).__name__} has no Index({wanted}) for this question")
        return leading

    def _require_types(self, query: DocumentQuery) -> None:
        ordered = self._askable_field(query.order_by)
        asked = [(self._askable_field(name), value) for name, value in query.equal.items()]
        for declared, value in (*asked, (ordered, query.begin), (ordered, query.end)):
            if not _is_of_type(declared.type, value):
                raise BadDeclaration(
                    f"{type(self).__name__}: {declared.name} is {declared.type.value.__name__}, "
                    f"and is asked for {type(value).__name__}"
                )


def _serves(order: Sequence[str], query: DocumentQuery) -> bool:
    """Whether an index in this order leads to the answer, in the order that is asked for."""
    *leading, last = order
    return last == query.order_by and {*leading} <= query.equal.keys()


def _stored_value(value: Value) -> Value:
    if isinstance(value, Enum):
        return str(value.value)
    return truncate_to_milliseconds(value) if isinstance(value, datetime) else value


def _is_of_type(wanted: FieldType, value: Value) -> bool:
    if value is None:
        return True
    return isinstance(value, wanted.value) and isinstance(value, bool) is (
        wanted is FieldType.BOOLEAN
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
    declared = {each.name: each for each in _fields(inspect.type_info(kind.record_type))}
    if name not in declared:
        raise BadDeclaration(f"{where} is to be indexed, and there is no such field")
    if name in _RESERVED_FIELDS or name.startswith(_RESERVED_PREFIXES):
        raise BadDeclaration(f"{where} cannot be indexed: {_RESERVED_NAMES} belong to the stores")
    if name in ENVELOPE_FIELDS and name not in _ENVELOPE_TIMES:
        raise BadDeclaration(f"{where} cannot be indexed; every store finds records by their ids")
    declared_type = _without_none(declared[name].type)
    found = _field_type(declared_type)
    if found is None:
        raise BadDeclaration(
            f"{where} cannot be indexed: it has to be str, int, bool or datetime, or one of them "
            "or None"
        )
    default = declared[name].default
    return IndexedField(
        name,
        found,
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

"""Response schemas that follow from the records they show."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

import marshmallow as ma
from marshmallow import fields

from blueprints.http.responses import public_fields
from dinerapp.replication.kind import Kind
from dinerapp.replication.record import Record

Metadata = Mapping[str, Any]
Field = fields.Field[Any]

_ENVELOPE = frozenset(field.name for field in dataclass_fields(Record))
_BY_TYPE: Mapping[type, type[Field]] = {
    bool: fields.Boolean,
    int: fields.Integer,
    float: fields.Float,
    str: fields.String,
    datetime: fields.DateTime,
    date: fields.Date,
}


def schema_of(
    kind: Kind[Any],
    name: str,
    doc: str,
    *,
    hide: Collection[str] = (),
    about: Mapping[str, Metadata] | None = None,
    more: Mapping[str, Field] | None = None,
) -> type[ma.Schema]:
    """What a client sees of a record of the kind: its fields, without those that are secret or
    hidden, and what of its envelope is public.

    `about` says of fields what their types do not (`description`, `example`). `more` has fields
    that are not the record's, and those of the record's that are shown as something else.
    """
    more = more or {}
    hidden = {*_ENVELOPE, *hide, *kind.secret_fields, *more}
    own = _fields_of(kind.record_type, about or {}, hidden)
    return _schema(
        name,
        doc,
        {
            "id": fields.UUID(),
            "revision": fields.Integer(),
            **own,
            **more,
            "created_at": fields.DateTime(),
            "updated_at": fields.DateTime(),
        },
    )


def schema_of_part(
    part: type, name: str, doc: str | None = None, *, about: Mapping[str, Metadata] | None = None
) -> type[ma.Schema]:
    """What a client sees of a dataclass within a record."""
    return _schema(name, doc, _fields_of(part, about or {}, ()))


def page_schema(
    item: type[ma.Schema], name: str, doc: str = "One page, newest first."
) -> type[ma.Schema]:
    """A list of such, a page at a time."""
    items = {"items": fields.List(fields.Nested(item))}
    return _schema(name, doc, {**items, "next_cursor": fields.String(allow_none=True)})


def record_view(schema: type[ma.Schema], record: Record, **more: Any) -> dict[str, Any]:
    """A record as its schema has it: nothing of it is shown that the schema does not name."""
    shown = schema._declared_fields
    return {key: value for key, value in public_fields(record).items() if key in shown} | more


def _schema(name: str, doc: str | None, members: Mapping[str, Field]) -> type[ma.Schema]:
    namespace = {**members, "__doc__": doc, "__module__": __name__}
    return cast(type[ma.Schema], type(name, (ma.Schema,), namespace))


def _fields_of(
    of: type, about: Mapping[str, Metadata], hidden: Collection[str]
) -> dict[str, Field]:
    hints = {name: hint for name, hint in get_type_hints(of).items() if name not in hidden}
    unknown = set(about) - set(hints)
    if unknown:
        raise TypeError(f"{of.__name__} shows no field {', '.join(sorted(unknown))}")
    return {name: _field(of, name, hint, about.get(name)) for name, hint in hints.items()}


def _field(of: type, name: str, hint: Any, metadata: Metadata | None = None) -> Field:
    options: dict[str, Any] = {} if metadata is None else {"metadata": dict(metadata)}
    if get_origin(hint) in (Union, UnionType):
        options["allow_none"] = True
        [hint] = (each for each in get_args(hint) if each is not type(None))
    if hint is str and (name == "id" or name.endswith("_id")):
        return fields.UUID(**options)
    if hint in _BY_TYPE:
        return _BY_TYPE[hint](**options)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return fields.Enum(hint, by_value=True, **options)
    if is_dataclass(hint):
        return fields.Nested(_nested(cast(type, hint)), **options)
    if get_origin(hint) is tuple and get_args(hint)[1:] == (...,):
        return fields.List(_field(of, "", get_args(hint)[0]), **options)
    if isinstance(get_origin(hint), type) and issubclass(get_origin(hint), Mapping):
        return fields.Dict(**options)
    raise TypeError(f"{of.__name__}.{name}: no schema follows from {hint}; name it in `more`")


@cache
def _nested(part: type) -> type[ma.Schema]:
    return schema_of_part(part, f"{part.__name__}Out")

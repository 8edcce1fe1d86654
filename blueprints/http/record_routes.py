"""The routes that every kind of record has: list, create, read, change and delete.

Idempotency, ETags, pages and documentation are the same for all kinds; only what differs is
declared. Any other route of a kind is written out beside these. The use cases are a service
with the methods of ManagedRecords.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields

from blueprints.http.access import caller
from blueprints.http.blueprint import Blueprint
from blueprints.http.rate_limits import RateLimit
from blueprints.http.record_schemas import page_schema, record_view, schema_of
from blueprints.http.request_schemas import SchemaType, about, with_all_optional
from blueprints.http.responses import (
    PageQuery,
    delete_response,
    if_match,
    operation,
    page_response,
    parse_cursor,
    record_response,
    write_response,
)
from dinerapp.accounts.domain.permissions import Permission
from dinerapp.accounts.services.record_tokens import RecordTokens
from dinerapp.replication.kind import Kind
from dinerapp.replication.record import Record

View = Callable[..., Response]
CREATED = "A record, with the token that gives access to this record only."


@dataclass(frozen=True, kw_only=True)
class RecordRoutes:
    """Roles with the permission `sees` may list and read; those with `changes` may do the rest.
    `given` is the schema of new records. `changed` is the schema of changes; by default it is
    `given` with every field optional. Fields in `hide` are not shown.

    `tokens` is set for records of guests: then anybody may create one, limited by `guest_limit`,
    and may see and change their own.
    """

    kind: Kind[Any]
    noun: str
    use_cases: Callable[[], Any]
    sees: Permission
    changes: Permission
    given: SchemaType
    changed: SchemaType | None = None
    query: SchemaType = PageQuery
    order: str = "newest first"
    hide: tuple[str, ...] = ()
    tokens: Callable[[], RecordTokens] | None = None
    guest_limit: RateLimit = RateLimit.ORDER
    is_removable: bool = True

    @cached_property
    def shown(self) -> SchemaType:
        """The response schema of a record."""
        name = f"{self.noun.capitalize()}Out"
        return schema_of(self.kind, name, about(self.kind.record_type), hide=self.hide)

    def add_to(self, blp: Blueprint) -> None:
        """Adds the routes to the blueprint of the kind."""
        is_own = self.tokens is not None
        sees = blp.allows(self.sees, or_owner=is_own, record_token=is_own)
        changes = blp.allows(self.changes, or_owner=is_own, record_token=is_own)
        lists = blp.allows(self.sees, or_owner=is_own)
        adds = [blp.optional_auth, blp.rate_limit(self.guest_limit)] if is_own else [changes]
        changed = self.changed or with_all_optional(self.given)
        a_noun = f"{'an' if self.noun[0] in 'aeiou' else 'a'} {self.noun}"
        given, query = blp.arguments(self.given), blp.arguments(self.query, location="query")
        title = f"{self.noun.capitalize()}Page"
        page = blp.response(200, page_schema(self.shown, title, f"One page, {self.order}."))
        path = f"/<uuid:{self.noun}_id>"
        creates, shows = blp.creates(self.created), blp.changes(self.shown)
        view = partial(_named_view, self.noun)
        blp.post("")(view("add", f"Create {a_noun}", self._add(blp), *adds, given, creates))
        blp.get("")(
            view("list", f"Every {self.noun}, {self.order}", self._list, lists, query, page)
        )
        blp.get(path)(view("read", f"One {self.noun}", self._read, sees, blp.reads(self.shown)))
        edits = (changes, blp.arguments(changed), shows)
        blp.patch(path)(view("change", f"Change {a_noun}", self._change, *edits))
        if self.is_removable:
            removes = (changes, blp.removes())
            blp.delete(path)(view("remove", f"Delete {a_noun}", self._remove, *removes))

    def with_token(self, record: Record) -> dict[str, Any]:
        """The response to the client that created the record."""
        if self.tokens is None:
            return self._view(record)
        return self._view(record) | {"access_token": self.tokens().issue(record.id)}

    @cached_property
    def created(self) -> SchemaType:
        """The response schema of a new record."""
        if self.tokens is None:
            return self.shown
        members = {"__doc__": CREATED, "access_token": fields.String()}
        return type(f"New{self.shown.__name__}", (self.shown,), members)

    def _view(self, record: Record) -> dict[str, Any]:
        return record_view(self.shown, record)

    def _add(self, blp: Blueprint) -> View:
        def add(given: Any) -> Response:
            op = operation(f"{self.noun}.add {caller().user_id or ''}")
            done = self.use_cases().add(op, given, caller())
            location = f"{blp.url_prefix}/{done.record.id}"
            return write_response(done, self.with_token(done.record), location)

        return add

    def _list(self, query: dict[str, Any]) -> Response:
        after, limit = parse_cursor(query.pop("cursor")), query.pop("limit")
        return page_response(self.use_cases().page(query, after, limit, caller()), self._view)

    def _read(self, record_id: str) -> Response:
        record = self.use_cases().get(record_id, caller())
        return record_response(record, self._view(record))

    def _change(self, given: Any, record_id: str) -> Response:
        op = operation(f"{self.noun}.change {record_id}")
        done = self.use_cases().change(record_id, op, given, caller(), if_match())
        return write_response(done, self._view(done.record))

    def _remove(self, record_id: str) -> Response:
        op = operation(f"{self.noun}.remove {record_id}")
        return delete_response(self.use_cases().remove(record_id, op, caller(), if_match()))


def _named_view(
    noun: str, verb: str, about: str, function: View, *decorators: Callable[[View], View]
) -> View:
    """The function with a name, a summary and decorators, as if it were written out."""

    def view(*args: Any, **ids: UUID) -> Response:
        return function(*args, *map(str, ids.values()))

    view.__name__, view.__doc__ = f"{verb}_{noun}", about
    for decorate in reversed(decorators):
        view = decorate(view)
    return view

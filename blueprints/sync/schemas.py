"""Conflicts and consistency as clients see them."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from blueprints.http.fields import RequestSchema
from blueprints.http.record_schemas import page_schema, schema_of
from blueprints.http.responses import PageQuery
from dinerapp.replication.conflict_service import KEEP, TAKE_OTHER
from dinerapp.replication.conflicts import CONFLICTS, ConflictState


class ConflictsQuery(PageQuery):
    """Filter for conflicts."""

    state = fields.Enum(ConflictState, by_value=True, load_default=None)


class Resolution(RequestSchema):
    """`keep` the winner, or `take_other`: the content of the side that lost."""

    take = fields.String(
        required=True, validate=validate.OneOf([KEEP, TAKE_OTHER]), metadata={"example": KEEP}
    )


ConflictOut = schema_of(
    CONFLICTS,
    "ConflictOut",
    "Two conflicting states of a record, and why one won.",
    about={"about": {"description": "the kind of record"}},
    more={"record_id": fields.String()},
)
ConflictPage = page_schema(ConflictOut, "ConflictPage")


class KindReport(ma.Schema):
    """How far the two databases agree on one kind of record."""

    kind = fields.String()
    equal = fields.Boolean()
    differing = fields.Integer(
        metadata={"description": "number of records; counting stops at 1000"}
    )
    records = fields.List(fields.String(), metadata={"description": "the first 100 ids"})


class Report(ma.Schema):
    """How far the two databases agree."""

    items = fields.List(fields.Nested(KindReport))


class RecordReport(ma.Schema):
    """One record in both databases."""

    kind = fields.String()
    id = fields.String()
    equal = fields.Boolean()
    versions = fields.Dict(keys=fields.String(), values=fields.String(allow_none=True))


class Repair(ma.Schema):
    """What a repair did."""

    kind = fields.String()
    differing = fields.Integer()
    repaired = fields.Integer()
    refused = fields.Dict(keys=fields.String(), values=fields.String())

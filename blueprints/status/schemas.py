"""The state of the application as operators see it."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from dinerapp.replication.ports.connections import ConnectionState

HEALTHY, DEGRADED, UNHEALTHY = "healthy", "degraded", "unhealthy"


class Databases(ma.Schema):
    """Which databases are reachable from the process that answers."""

    mongodb = fields.Boolean()
    postgresql = fields.Boolean()
    timestamp = fields.String(metadata={"example": "2025-01-05T04:19:24.000Z"})


class Health(ma.Schema):
    """The whole in one word, and in one sentence."""

    status = fields.String(validate=validate.OneOf([HEALTHY, DEGRADED, UNHEALTHY]))
    databases = fields.Nested(Databases)
    message = fields.String(metadata={"example": "All databases operational"})


class Pulse(ma.Schema):
    """A plain answer for load balancers and supervisors."""

    status = fields.String(metadata={"example": "ready"})


class Pool(ma.Schema):
    """The most connections there may be, open ones, and ones at work."""

    size = fields.Integer()
    open = fields.Integer()
    busy = fields.Integer()


class ConnectionOut(ma.Schema):
    """One named connection as the process that answers sees it."""

    name = fields.String(metadata={"example": "postgresql"})
    engine = fields.String(metadata={"example": "postgresql"})
    role = fields.String(metadata={"example": "primary of conflicts, orders"})
    state = fields.Enum(ConnectionState, by_value=True)
    since = fields.DateTime(metadata={"description": "of this state"})
    latency_ms = fields.Float(allow_none=True)
    reason = fields.String(metadata={"description": "why it is not up"})
    pool = fields.Nested(Pool)
    owed = fields.Integer(
        allow_none=True,
        metadata={"description": "records that wait to be shipped to it; null when unknown"},
    )
    parked = fields.Integer(
        allow_none=True, metadata={"description": "records it refuses, which wait for a person"}
    )
    follow_ups = fields.Integer(
        allow_none=True,
        metadata={"description": "records written to it whose follow-up (webhooks) is to be done"},
    )
    parked_follow_ups = fields.Integer(
        allow_none=True,
        metadata={"description": "those whose follow-up keeps failing, which wait for a person"},
    )


class ConnectionList(ma.Schema):
    """All named connections."""

    items = fields.List(fields.Nested(ConnectionOut))

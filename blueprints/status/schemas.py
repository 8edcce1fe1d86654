"""The state of the application as operators see it."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from dinerapp.replication.health import DEGRADED, HEALTHY, UNHEALTHY
from dinerapp.replication.ports.connections import ConnectionState


class Databases(ma.Schema):
    """Which databases the responding process can reach."""

    mongodb = fields.Boolean()
    postgresql = fields.Boolean()
    timestamp = fields.String(metadata={"example": "2025-01-05T04:19:24.000Z"})


class Health(ma.Schema):
    """The state of the application, in a word and a sentence."""

    status = fields.String(validate=validate.OneOf([HEALTHY, DEGRADED, UNHEALTHY]))
    databases = fields.Nested(Databases)
    message = fields.String(metadata={"example": "All databases operational"})


class Pulse(ma.Schema):
    """A plain response for load balancers and supervisors."""

    status = fields.String(metadata={"example": "ready"})


class Pool(ma.Schema):
    """The maximum number of connections, how many are open, and how many are in use."""

    size = fields.Integer()
    open = fields.Integer()
    busy = fields.Integer()


class ConnectionOut(ma.Schema):
    """A named connection as the responding process sees it."""

    name = fields.String(metadata={"example": "postgresql"})
    engine = fields.String(metadata={"example": "postgresql"})
    role = fields.String(metadata={"example": "primary of conflicts, orders"})
    state = fields.Enum(ConnectionState, by_value=True)
    since = fields.DateTime(metadata={"description": "when this state began"})
    latency_ms = fields.Float(allow_none=True)
    reason = fields.String(metadata={"description": "why it is not up"})
    pool = fields.Nested(Pool)
    owed = fields.Integer(
        allow_none=True,
        metadata={"description": "records still to be delivered to it; null if unknown"},
    )
    parked = fields.Integer(
        allow_none=True,
        metadata={"description": "dead letters: records it refuses, which need attention"},
    )
    follow_ups = fields.Integer(
        allow_none=True,
        metadata={"description": "records written to it whose follow-up (webhooks) is pending"},
    )
    parked_follow_ups = fields.Integer(
        allow_none=True,
        metadata={"description": "records whose follow-up keeps failing, which need attention"},
    )


class ConnectionList(ma.Schema):
    """All named connections."""

    items = fields.List(fields.Nested(ConnectionOut))

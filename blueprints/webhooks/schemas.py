"""Webhooks and their deliveries as managers see them."""

from __future__ import annotations

from collections.abc import Sequence

import marshmallow as ma
from marshmallow import fields

from blueprints.http.fields import BoundedList, LateChoice, RequestSchema, StrictBool, Text
from blueprints.http.responses import PageQuery
from blueprints.http.services import services_of
from dinerapp.webhooks.container import WebhookServices
from dinerapp.webhooks.domain.deliveries import DeliveryState
from dinerapp.webhooks.domain.event_sources import PING
from dinerapp.webhooks.domain.webhooks import MAX_URL_LENGTH

_URL_METADATA = {
    "description": "where events are posted",
    "example": "https://example.org/dinerapp",
}
_EVENTS_METADATA = {
    "description": "the events it receives; an empty list means all",
    "example": ["order.placed"],
}


services = services_of(WebhookServices)


def _topics() -> Sequence[str]:
    """What wings declare, so it is known once they are built."""
    return (*services().webhooks.topics, PING)


def _count_topics() -> int:
    return len(_topics())


class WebhookChanges(RequestSchema):
    """The fields of a webhook that can be changed; all are optional."""

    url = Text(1, MAX_URL_LENGTH)
    events = BoundedList(LateChoice(_topics), 0, _count_topics)
    description = Text(0, 500)
    active = StrictBool()


class WebhookIn(WebhookChanges):
    """A new webhook."""

    url = Text(1, MAX_URL_LENGTH, required=True, metadata=_URL_METADATA)
    events = BoundedList(
        LateChoice(_topics), 0, _count_topics, load_default=(), metadata=_EVENTS_METADATA
    )


class WebhookOut(ma.Schema):
    """A webhook, without its secret."""

    id = fields.UUID()
    revision = fields.Integer()
    url = fields.String(metadata=_URL_METADATA)
    events = fields.List(LateChoice(_topics), metadata=_EVENTS_METADATA)
    description = fields.String()
    active = fields.Boolean()
    since = fields.DateTime(metadata={"description": "earlier events are not sent"})
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class WebhookWithSecret(WebhookOut):
    """A webhook and its secret, which is shown only once."""

    secret = fields.String(
        allow_none=True,
        metadata={
            "description": "the key that signs deliveries; null in the response to a repeated "
            "request: rotate the secret if you missed it",
            "example": f"whsec_{'0' * 64}",
        },
    )


class WebhookPage(ma.Schema):
    """One page, newest first."""

    items = fields.List(fields.Nested(WebhookOut))
    next_cursor = fields.String(allow_none=True)


class DeliveriesQuery(PageQuery):
    """Filter for deliveries."""

    state = fields.Enum(DeliveryState, by_value=True, load_default=None)


class AttemptOut(ma.Schema):
    """One attempt at a delivery."""

    at = fields.DateTime()
    duration_ms = fields.Integer()
    status = fields.Integer(allow_none=True, metadata={"description": "the receiver's HTTP status"})
    error = fields.String(allow_none=True, metadata={"description": "why there was no response"})


class DeliveryOut(ma.Schema):
    """An event on its way to a webhook."""

    id = fields.UUID(metadata={"description": "the value of `webhook-id` in every attempt"})
    revision = fields.Integer()
    webhook_id = fields.UUID()
    event = LateChoice(_topics)
    payload = fields.Dict(metadata={"description": "the body that is sent"})
    state = fields.Enum(DeliveryState, by_value=True)
    next_due = fields.DateTime(
        allow_none=True, metadata={"description": "when the next attempt is due"}
    )
    attempts = fields.List(fields.Nested(AttemptOut))
    created_at = fields.DateTime(metadata={"description": "when the event happened"})
    updated_at = fields.DateTime()


class DeliveryPage(ma.Schema):
    """One page, newest first."""

    items = fields.List(fields.Nested(DeliveryOut))
    next_cursor = fields.String(allow_none=True)

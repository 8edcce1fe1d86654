"""Webhooks and their deliveries as managers see them."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from blueprints.http.fields import BoundedList, RequestSchema, StrictBool, Text
from blueprints.http.responses import PageQuery
from dinerapp.ordering.domain.order_events import TOPICS, Topic
from dinerapp.webhooks.domain.deliveries import DeliveryState
from dinerapp.webhooks.domain.webhooks import MAX_URL_LENGTH

_URL_METADATA = {"description": "gets the POSTs", "example": "https://example.org/dinerapp"}
_EVENTS_METADATA = {
    "description": "those it is told of; none for all",
    "example": [TOPICS[0].value],
}


class WebhookChanges(RequestSchema):
    """What can be changed of a webhook; all of it is optional."""

    url = Text(1, MAX_URL_LENGTH)
    events = BoundedList(fields.Enum(Topic, by_value=True), 0, len(Topic))
    description = Text(0, 500)
    active = StrictBool()


class WebhookIn(WebhookChanges):
    """A new webhook."""

    url = Text(1, MAX_URL_LENGTH, required=True, metadata=_URL_METADATA)
    events = BoundedList(
        fields.Enum(Topic, by_value=True), 0, len(Topic), load_default=(), metadata=_EVENTS_METADATA
    )


class WebhookOut(ma.Schema):
    """A webhook, without its secret."""

    id = fields.UUID()
    revision = fields.Integer()
    url = fields.String(metadata=_URL_METADATA)
    events = fields.List(fields.Enum(Topic, by_value=True), metadata=_EVENTS_METADATA)
    description = fields.String()
    active = fields.Boolean()
    since = fields.DateTime(metadata={"description": "it is told of nothing from before"})
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class WebhookWithSecret(WebhookOut):
    """A webhook and its secret, which is shown this once."""

    secret = fields.String(
        allow_none=True,
        metadata={
            "description": "what is sent is signed with it; null in the answer to a repeated "
            "request: whoever missed it rotates it",
            "example": f"whsec_{'0' * 64}",
        },
    )


class WebhookPage(ma.Schema):
    """One page, newest first."""

    items = fields.List(fields.Nested(WebhookOut))
    next_cursor = fields.String(allow_none=True)


class DeliveriesQuery(PageQuery):
    """Which deliveries are wanted."""

    state = fields.Enum(DeliveryState, by_value=True, load_default=None)


class AttemptOut(ma.Schema):
    """One try."""

    at = fields.DateTime()
    duration_ms = fields.Integer()
    status = fields.Integer(allow_none=True, metadata={"description": "what was answered"})
    error = fields.String(allow_none=True, metadata={"description": "why nothing was"})


class DeliveryOut(ma.Schema):
    """An event on its way to a webhook."""

    id = fields.UUID(metadata={"description": "what `webhook-id` says, in every try"})
    revision = fields.Integer()
    webhook_id = fields.UUID()
    event = fields.Enum(Topic, by_value=True)
    payload = fields.Dict(metadata={"description": "the body"})
    state = fields.Enum(DeliveryState, by_value=True)
    next_due = fields.DateTime(allow_none=True, metadata={"description": "of the next try"})
    attempts = fields.List(fields.Nested(AttemptOut))
    created_at = fields.DateTime(metadata={"description": "when it happened"})
    updated_at = fields.DateTime()


class DeliveryPage(ma.Schema):
    """One page, newest first."""

    items = fields.List(fields.Nested(DeliveryOut))
    next_cursor = fields.String(allow_none=True)

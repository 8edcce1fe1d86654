"""/api/webhooks"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from blueprints.http.blueprint import Blueprint
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
from blueprints.http.services import services_of
from blueprints.webhooks.schemas import (
    DeliveriesQuery,
    DeliveryOut,
    DeliveryPage,
    WebhookChanges,
    WebhookIn,
    WebhookOut,
    WebhookPage,
    WebhookWithSecret,
)
from blueprints.webhooks.views import delivery_view, view_with_secret, webhook_view
from dinerapp.accounts.domain.permissions import Permission
from dinerapp.webhooks.container import WebhookServices

services = services_of(WebhookServices)

blp = Blueprint(
    "webhooks", __name__, url_prefix="/api/webhooks", description="Webhooks for order events"
)


@blp.post("")
@blp.allows(Permission.MANAGE_WEBHOOKS)
@blp.arguments(WebhookIn)
@blp.creates(WebhookWithSecret)
def add_webhook(given: dict[str, Any]) -> Response:
    """Create a webhook; its secret is shown in this response only"""
    result = services().webhooks.add(operation("webhooks.add"), given)
    return write_response(
        result, view_with_secret(result), location=f"/api/webhooks/{result.record.id}"
    )


@blp.get("")
@blp.allows(Permission.MANAGE_WEBHOOKS)
@blp.arguments(PageQuery, location="query")
@blp.response(200, WebhookPage)
def list_webhooks(query: dict[str, Any]) -> Response:
    """Webhooks, newest first"""
    return page_response(
        services().webhooks.page(parse_cursor(query["cursor"]), query["limit"]), webhook_view
    )


@blp.get("/<uuid:webhook_id>")
@blp.allows(Permission.MANAGE_WEBHOOKS)
@blp.reads(WebhookOut)
def read_webhook(webhook_id: UUID) -> Response:
    """One webhook"""
    webhook = services().webhooks.get(str(webhook_id))
    return record_response(webhook, webhook_view(webhook))


@blp.patch("/<uuid:webhook_id>")
@blp.allows(Permission.MANAGE_WEBHOOKS)
@blp.arguments(WebhookChanges)
@blp.changes(WebhookOut)
def change_webhook(given: dict[str, Any], webhook_id: UUID) -> Response:
    """Change a webhook; newly subscribed events are sent from now on"""
    op = operation(f"webhooks.change {webhook_id}")
    result = services().webhooks.change(str(webhook_id), op, given, if_match())
    return write_response(result, webhook_view(result.record))


@blp.delete("/<uuid:webhook_id>")
@blp.allows(Permission.MANAGE_WEBHOOKS)
@blp.removes()
def remove_webhook(webhook_id: UUID) -> Response:
    """Remove a webhook; pending deliveries are dropped"""
    op = operation(f"webhooks.remove {webhook_id}")
    return delete_response(services().webhooks.remove(str(webhook_id), op, if_match()))


@blp.post("/<uuid:webhook_id>/rotate-secret")
@blp.allows(Permission.MANAGE_WEBHOOKS)
@blp.changes(WebhookWithSecret, if_match=False)
def rotate_secret(webhook_id: UUID) -> Response:
    """Rotate the secret, shown in this response only; the previous one is replaced at once"""
    op = operation(f"webhooks.rotate {webhook_id}")
    result = services().webhooks.rotate_secret(str(webhook_id), op)
    return write_response(result, view_with_secret(result))


@blp.post("/<uuid:webhook_id>/test")
@blp.allows(Permission.MANAGE_WEBHOOKS)
@blp.creates(DeliveryOut)
def test_webhook(webhook_id: UUID) -> Response:
    """Send a `ping`; the delivery shows the outcome a moment later"""
    result = services().webhooks.ping(str(webhook_id), operation(f"webhooks.test {webhook_id}"))
    location = f"/api/webhooks/{webhook_id}/deliveries/{result.record.id}"
    return write_response(result, delivery_view(result.record), location)


@blp.get("/<uuid:webhook_id>/deliveries")
@blp.allows(Permission.MANAGE_WEBHOOKS)
@blp.arguments(DeliveriesQuery, location="query")
@blp.response(200, DeliveryPage)
def list_deliveries(query: dict[str, Any], webhook_id: UUID) -> Response:
    """Deliveries of a webhook, newest first"""
    found = services().webhooks.deliveries(
        str(webhook_id), query["state"], parse_cursor(query["cursor"]), query["limit"]
    )
    return page_response(found, delivery_view)


@blp.get("/<uuid:webhook_id>/deliveries/<uuid:delivery_id>")
@blp.allows(Permission.MANAGE_WEBHOOKS)
@blp.reads(DeliveryOut)
def read_delivery(webhook_id: UUID, delivery_id: UUID) -> Response:
    """One delivery with its latest attempts"""
    delivery = services().webhooks.delivery(str(webhook_id), str(delivery_id))
    return record_response(delivery, delivery_view(delivery))


@blp.post("/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/repeat")
@blp.allows(Permission.MANAGE_WEBHOOKS)
@blp.changes(DeliveryOut, if_match=False)
def repeat_delivery(webhook_id: UUID, delivery_id: UUID) -> Response:
    """Send a delivery again, under the same id, whatever its state"""
    op = operation(f"deliveries.repeat {delivery_id}")
    result = services().webhooks.repeat(str(webhook_id), str(delivery_id), op)
    return write_response(result, delivery_view(result.record))

"""Webhooks and deliveries as JSON."""

from __future__ import annotations

from typing import Any

from blueprints.http.responses import public_fields
from dinerapp.replication.saving import WriteResult
from dinerapp.webhooks.domain.deliveries import WebhookDelivery
from dinerapp.webhooks.domain.webhooks import Webhook


def webhook_view(webhook: Webhook) -> dict[str, Any]:
    """A webhook, never with its secret."""
    return {name: value for name, value in public_fields(webhook).items() if name != "secret"}


def view_with_secret(result: WriteResult[Webhook]) -> dict[str, Any]:
    """The only response with the secret; a replay of the request does not get it."""
    return webhook_view(result.record) | {
        "secret": result.record.secret if result.changed else None
    }


def delivery_view(delivery: WebhookDelivery) -> dict[str, Any]:
    """A delivery with the fields that clients see."""
    shown = public_fields(delivery) | {"next_due": delivery.due}
    return {name: value for name, value in shown.items() if name not in ("due", "tries")}

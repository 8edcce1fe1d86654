"""The services of this wing, as routes and commands use them."""

from __future__ import annotations

from dataclasses import dataclass

from dinerapp.webhooks.services.sender import WebhookSender
from dinerapp.webhooks.services.webhooks import WebhookService


@dataclass(frozen=True, slots=True)
class WebhookServices:
    """Webhooks, and the sender of their deliveries."""

    webhooks: WebhookService
    sender: WebhookSender

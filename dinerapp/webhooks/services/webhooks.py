"""Managing webhooks and their deliveries."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dinerapp.replication.errors import InvalidRecord, NotFound
from dinerapp.replication.events import RecordEvent
from dinerapp.replication.identity import Operation
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import WriteResult, save_idempotently, update_with_retry
from dinerapp.replication.signals import announce
from dinerapp.webhooks.domain.deliveries import DeliveryState, WebhookDelivery, delivery_of
from dinerapp.webhooks.domain.event_sources import PING
from dinerapp.webhooks.domain.webhooks import Webhook
from dinerapp.webhooks.ports.deliveries import Deliveries
from dinerapp.webhooks.ports.webhooks import Webhooks
from dinerapp.webhooks.signals import deliveries_due


class WebhookService:
    """Use cases around webhooks."""

    def __init__(
        self, webhooks: Webhooks, deliveries: Deliveries, secret: str, topics: Sequence[str]
    ) -> None:
        self.topics = topics
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._secret = secret.encode()

    def add(self, operation: Operation, fields: Mapping[str, Any]) -> WriteResult[Webhook]:
        """A new webhook, with a secret."""
        self._require_known_topics(fields)
        now = utc_now()
        webhook = Webhook(
            id=operation.record_id,
            op_id=operation.op_id,
            created_at=now,
            updated_at=now,
            since=now,
            secret=self._secret_of(operation.record_id, operation),
            **fields,
        )
        return save_idempotently(self._webhooks.save, webhook)

    def get(self, webhook_id: str) -> Webhook:
        """One webhook."""
        return self._webhooks.get(webhook_id)

    def page(self, after: Cursor | None, limit: int) -> Page[Webhook]:
        """Webhooks, newest first."""
        return self._webhooks.page(after, limit)

    def change(
        self, webhook_id: str, operation: Operation, fields: Mapping[str, Any], if_match: str | None
    ) -> WriteResult[Webhook]:
        """Changes some of a webhook's fields."""
        self._require_known_topics(fields)

        def change(webhook: Webhook) -> Webhook:
            return webhook.with_settings(op_id=operation.op_id, now=utc_now(), **fields)

        return update_with_retry(self._webhooks, webhook_id, operation.op_id, change, if_match)

    def rotate(self, webhook_id: str, operation: Operation) -> WriteResult[Webhook]:
        """Replaces the secret: later deliveries are signed with the new one."""
        secret = self._secret_of(webhook_id, operation)

        def change(webhook: Webhook) -> Webhook:
            return webhook.with_changes(op_id=operation.op_id, now=utc_now(), secret=secret)

        return update_with_retry(self._webhooks, webhook_id, operation.op_id, change)

    def remove(
        self, webhook_id: str, operation: Operation, if_match: str | None
    ) -> WriteResult[Webhook]:
        """Removes it; pending deliveries are dropped."""

        def change(webhook: Webhook) -> Webhook:
            return webhook.with_changes(op_id=operation.op_id, now=utc_now())

        save: Callable[[Webhook], Webhook] = self._webhooks.delete
        return update_with_retry(
            self._webhooks, webhook_id, operation.op_id, change, if_match, save
        )

    def ping(self, webhook_id: str, operation: Operation) -> WriteResult[WebhookDelivery]:
        """Sends a test delivery, whatever it is subscribed to."""
        self._webhooks.get(webhook_id)
        ping = RecordEvent(id=operation.child_id(PING), topic=PING, at=utc_now())
        done = save_idempotently(self._deliveries.save, delivery_of(ping, webhook_id))
        announce(deliveries_due, self)
        return done

    def delivery(self, webhook_id: str, delivery_id: str) -> WebhookDelivery:
        """One delivery of a webhook."""
        delivery = self._deliveries.get(delivery_id)
        if delivery.webhook_id != webhook_id:
            raise NotFound(Deliveries.kind.name, delivery_id)
        return delivery

    def deliveries(
        self, webhook_id: str, state: DeliveryState | None, after: Cursor | None, limit: int
    ) -> Page[WebhookDelivery]:
        """A webhook's deliveries, newest first."""
        self._webhooks.get(webhook_id)
        return self._deliveries.page(webhook_id, state, after, limit)

    def repeat(
        self, webhook_id: str, delivery_id: str, operation: Operation
    ) -> WriteResult[WebhookDelivery]:
        """Sends it once more, under the id it has, whatever became of it."""
        self.delivery(webhook_id, delivery_id)

        def change(delivery: WebhookDelivery) -> WebhookDelivery:
            return delivery.as_repeated(op_id=operation.op_id, now=utc_now())

        done = update_with_retry(self._deliveries, delivery_id, operation.op_id, change)
        announce(deliveries_due, self)
        return done

    def _require_known_topics(self, fields: Mapping[str, Any]) -> None:
        if not set(fields.get("events", ())) <= set(self.topics):
            raise InvalidRecord("events", f"must be among: {', '.join(self.topics)}")

    def _secret_of(self, webhook_id: str, operation: Operation) -> str:
        """The same for every try of an operation, wherever it is tried; nobody can guess it."""
        parts = f"webhook {webhook_id} {operation.op_id}".encode()
        return f"whsec_{hmac.new(self._secret, parts, hashlib.sha256).hexdigest()}"

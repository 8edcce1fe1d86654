"""Makes the deliveries that follow from writes, for every webhook that wants them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from dinerapp.replication.errors import NotFound, RecordRejection
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.signals import announce
from dinerapp.webhooks.domain.deliveries import WebhookDelivery, delivery_of
from dinerapp.webhooks.domain.event_sources import EventSource
from dinerapp.webhooks.domain.webhooks import Webhook
from dinerapp.webhooks.ports.deliveries import Deliveries
from dinerapp.webhooks.ports.webhooks import Webhooks
from dinerapp.webhooks.signals import deliveries_due

BATCH_SIZE = 500


class WebhookFanout:
    """Follows a kind. What it has made before it finds by id, so that it makes nothing twice."""

    def __init__(
        self,
        source: EventSource[Any],
        webhooks: Webhooks,
        deliveries: Deliveries,
        retention: timedelta,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._source = source
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._retention = retention
        self._now = now

    def follow(self, records: Sequence[Record]) -> None:
        """Reads the webhooks each time: one created before a record must receive its events."""
        listening = self._webhooks.listening()
        made = self._new_deliveries(records, listening) if listening else iter(())
        while some := list(islice(made, BATCH_SIZE)):
            self._create(some)

    def _new_deliveries(
        self, records: Sequence[Record], listening: Sequence[Webhook]
    ) -> Iterator[WebhookDelivery]:
        """Without those that are so old that they may have been made and purged."""
        oldest = self._now() - self._retention
        for record in records:
            for event in () if record.deleted else self._source.events_of(record):
                for webhook in listening:
                    if event.at > oldest and webhook.is_subscribed(event):
                        yield delivery_of(event, webhook.id)

    def _create(self, wanted: Sequence[WebhookDelivery]) -> None:
        known = self._deliveries.get_many([delivery.id for delivery in wanted])
        missing = [delivery for delivery in wanted if delivery.id not in known]
        for delivery in missing:
            try:
                self._deliveries.save(delivery)
            except (RecordRejection, NotFound):
                # Somebody was faster, and may be done with it already.
                continue
        if missing:
            announce(deliveries_due, self)

"""The wing of webhooks."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from threading import Event
from typing import Any

from adapters.mongo.deliveries import MongoDeliveries
from adapters.mongo.webhooks import MongoWebhooks
from adapters.postgres.deliveries import PostgresDeliveries
from adapters.postgres.webhooks import PostgresWebhooks
from adapters.webhooks.posting import safe_http_poster
from blueprints.webhooks.routes import blp as webhooks
from dinerapp.replication.periodic_thread import PeriodicThread
from dinerapp.replication.ports.follower import Follower
from dinerapp.replication.retry_policy import RetryPolicy
from dinerapp.runtime.supervisor import Resource
from dinerapp.runtime.wing import BuiltWing, KindRow, Wing, WingContext
from dinerapp.webhooks.container import WebhookServices
from dinerapp.webhooks.domain.deliveries import RETRY_GROWTH, RETRY_JITTER
from dinerapp.webhooks.ports.deliveries import Deliveries
from dinerapp.webhooks.ports.webhooks import Webhooks
from dinerapp.webhooks.services.fanout import WebhookFanout
from dinerapp.webhooks.services.sender import SenderSettings, WebhookSender
from dinerapp.webhooks.services.webhooks import WebhookService


def _build(context: WingContext) -> BuiltWing:
    settings = context.settings
    webhooks_at, deliveries_at = context.repository(Webhooks), context.repository(Deliveries)
    kept = timedelta(days=settings.webhook_keep_days)
    manners = SenderSettings(
        # Longer than any try takes: names are looked up, and results are written.
        lease=timedelta(seconds=2 * settings.webhook_timeout + 10),
        retry_policy=RetryPolicy(
            max_tries=settings.webhook_tries,
            first_delay=timedelta(seconds=settings.webhook_first_wait),
            growth=RETRY_GROWTH,
            max_jitter=RETRY_JITTER,
        ),
        retention=kept,
    )
    post = safe_http_poster(
        settings.webhook_timeout, allow_private=settings.webhook_private_addresses
    )
    due = Event()
    sender = WebhookSender(webhooks_at, deliveries_at, post, manners, wake=due.set)
    sources = context.event_sources
    topics = [topic for source in sources for topic in source.topics]
    services = WebhookServices(
        WebhookService(webhooks_at, deliveries_at, context.secret, topics), sender
    )
    followers: dict[str, list[Follower[Any]]] = defaultdict(list)
    for source in sources:
        fanout = WebhookFanout(source, webhooks_at, deliveries_at, kept)
        followers[source.kind.name].append(fanout)
    return BuiltWing(
        services,
        followers=followers,
        relay_background=(Resource(sender), PeriodicThread("webhooks", sender.step, due)),
    )


WEBHOOKS = Wing(
    name="webhooks",
    kinds=(
        KindRow(Webhooks, PostgresWebhooks, MongoWebhooks),
        KindRow(Deliveries, PostgresDeliveries, MongoDeliveries),
    ),
    blueprints=(webhooks,),
    build=_build,
)

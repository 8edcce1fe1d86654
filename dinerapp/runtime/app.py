"""The factory: one function that puts the application together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import Flask

from adapters.webhooks import alerts
from blueprints.http import (
    access,
    cors,
    docs,
    error_handlers,
    lifecycle,
    openapi,
    rate_limits,
    security_headers,
    services,
)
from dinerapp.live.bus import Bus
from dinerapp.runtime.backends import Backend, aux_connections_of, backends_of, bus_of
from dinerapp.runtime.container import EXTENSION
from dinerapp.runtime.logs import configure_logging, connect_receivers, register_access_log
from dinerapp.runtime.metrics import MetricsObserver, register_request_metrics
from dinerapp.runtime.metrics import blp as metrics
from dinerapp.runtime.registry import BLUEPRINTS
from dinerapp.runtime.settings import Settings
from dinerapp.runtime.wiring import build

OPENAPI = {
    "API_TITLE": "Dinerapp",
    "API_VERSION": "1",
    "OPENAPI_VERSION": "3.0.3",
    "API_SPEC_OPTIONS": openapi.SPEC_OPTIONS,
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": "openapi.json",
    "OPENAPI_SWAGGER_UI_PATH": "docs",
    "OPENAPI_SWAGGER_UI_URL": docs.STATIC_URL,
}


def create_app(
    settings: Settings | None = None,
    stores: Sequence[Backend] | None = None,
    bus: Bus | None = None,
    *,
    must_end: Callable[[], bool] = lambda: False,
) -> Flask:
    """The application, not yet connected: its supervisor starts what it needs.

    `stores` stand in for the databases the settings name, and `bus` for the bus between processes;
    `dinerapp.runtime.testing` has some in memory. `must_end` says whether this process is about to
    end, so that live streams do.
    """
    settings = settings or Settings.from_environment()
    configure_logging(settings)
    app = lifecycle.DinerFlask("dinerapp", static_folder=None)
    app.request_seconds = settings.request_deadline
    app.concurrency_limit = turns = lifecycle.ConcurrencyLimit(settings.web_threads)
    app.config.update(OPENAPI, MAX_CONTENT_LENGTH=settings.max_body_bytes)
    app.url_map.strict_slashes = False
    diner = app.extensions[EXTENSION] = build(
        settings,
        backends_of(settings) if stores is None else stores,
        aux_connections_of(settings) if stores is None else (),
        observer=MetricsObserver(),
        bus=bus_of(settings) if stores is None else bus,
        is_busy=turns.is_busy,
        must_end=must_end,
    )
    app.extensions[services.EXTENSION] = diner.services
    lifecycle.trust_proxies(app, settings.trusted_proxies)
    lifecycle.register(app)
    security_headers.register(app)
    cors.register(app, settings.cors_origins)
    register_access_log(app, settings)
    register_request_metrics(app)
    api = openapi.create_api(app)
    with app.app_context():
        # Some of what routes take depends on what wings declare.
        for blueprint in BLUEPRINTS:
            api.register_blueprint(blueprint)
    app.register_blueprint(metrics)
    app.register_blueprint(docs.blp)
    access.register(app)
    rate_limits.register(app, settings.rate_limits, settings.redis_url)
    error_handlers.register(app)
    connect_receivers(settings)
    alerts.connect_receivers(settings.alert_webhook_url, settings.alert_secret)
    return app

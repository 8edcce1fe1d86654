"""The factory: one function that puts the application together."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask

from adapters.webhooks import alerts
from blueprints.accounts.routes import auth
from blueprints.accounts.routes import blp as users
from blueprints.carts.routes import blp as carts
from blueprints.conversations.routes import blp as conversations
from blueprints.coupons.routes import blp as coupons
from blueprints.customers.routes import blp as customers
from blueprints.http import access, cors, describing, docs, hardening, lifecycle, limits, problems
from blueprints.http.diner import EXTENSION
from blueprints.kitchen.routes import blp as kitchen
from blueprints.menu.routes import blp as menu
from blueprints.orders.routes import blp as orders
from blueprints.profiles.routes import blp as profiles
from blueprints.rooms.routes import blp as rooms
from blueprints.servers.routes import blp as servers
from blueprints.status.routes import blp as status
from blueprints.sync.routes import blp as sync
from blueprints.till.routes import blp as till
from blueprints.webhooks.routes import blp as webhooks
from dinerapp.live.bus import Bus
from dinerapp.runtime.logs import configure_logging, connect_receivers, register_access_log
from dinerapp.runtime.metrics import MetricsObserver, register_request_metrics
from dinerapp.runtime.metrics import blp as metrics
from dinerapp.runtime.settings import Settings
from dinerapp.runtime.wiring import Backend, backends, build, bus_of, extras

BLUEPRINTS = (
    auth,
    users,
    profiles,
    customers,
    menu,
    carts,
    orders,
    kitchen,
    till,
    coupons,
    webhooks,
    servers,
    conversations,
    rooms,
    sync,
    status,
)

OPENAPI = {
    "API_TITLE": "Dinerapp",
    "API_VERSION": "1",
    "OPENAPI_VERSION": "3.0.3",
    "API_SPEC_OPTIONS": describing.ABOUT,
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": "openapi.json",
    "OPENAPI_SWAGGER_UI_PATH": "docs",
    "OPENAPI_SWAGGER_UI_URL": docs.URL,
}


def create_app(
    settings: Settings | None = None,
    stores: Sequence[Backend] | None = None,
    bus: Bus | None = None,
) -> Flask:
    """The application, not yet connected: `diner().connections.initialize_all()` does that.

    `stores` stand in for the databases the settings name, and `bus` for the bus between processes;
    `dinerapp.runtime.testing` has some in memory.
    """
    settings = settings or Settings.from_environment()
    configure_logging(settings)
    app = lifecycle.DinerFlask("dinerapp", static_folder=None)
    app.request_seconds = settings.request_deadline
    app.turns = lifecycle.Turns(settings.web_threads)
    app.config.update(OPENAPI, MAX_CONTENT_LENGTH=settings.max_body_bytes)
    app.url_map.strict_slashes = False
    others = extras(settings) if stores is None else ()
    observer = MetricsObserver()
    diner = app.extensions[EXTENSION] = build(
        settings,
        backends(settings) if stores is None else stores,
        others,
        observer,
        bus_of(settings) if stores is None else bus,
    )
    diner.connections.is_busy = app.turns.are_taken
    lifecycle.trust(app, settings.trusted_proxies)
    lifecycle.register(app)
    hardening.register(app)
    cors.register(app, settings.cors_origins)
    register_access_log(app, settings)
    register_request_metrics(app)
    api = describing.described(app)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    app.register_blueprint(metrics)
    app.register_blueprint(docs.blp)
    access.register(app)
    limits.register(app, settings.rate_limits, settings.redis_url)
    problems.register(app)
    connect_receivers(settings)
    alerts.connect_receivers(settings.alert_webhook_url, settings.alert_secret)
    return app

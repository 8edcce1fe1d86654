"""Runs real database servers on a machine that has none, for development, demos and tests."""

from adapters.embedded.errors import EmbeddedServerError, EmbeddedServerUnavailable
from adapters.embedded.mongo import EmbeddedMongo
from adapters.embedded.postgres import EmbeddedPostgres

__all__ = ["EmbeddedMongo", "EmbeddedPostgres", "EmbeddedServerError", "EmbeddedServerUnavailable"]

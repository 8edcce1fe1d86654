"""Real database servers for a machine that has none: development, demonstrations and tests."""

from adapters.embedded.errors import EmbeddedServerError, EmbeddedServerUnavailable
from adapters.embedded.mongo import EmbeddedMongo
from adapters.embedded.postgres import EmbeddedPostgres

__all__ = ["EmbeddedMongo", "EmbeddedPostgres", "EmbeddedServerError", "EmbeddedServerUnavailable"]

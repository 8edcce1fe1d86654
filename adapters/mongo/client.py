"""Creates MongoDB clients, and evaluates what a client knows about its servers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

from bson.codec_options import TypeDecoder, TypeRegistry
from bson.int64 import Int64
from pymongo import MongoClient
from pymongo.topology_description import TopologyDescription

Document = dict[str, Any]
Client = MongoClient[Document]

APP_NAME = "diner"


class _IntDecoder(TypeDecoder):
    """Decodes 64-bit integers as plain `int`."""

    bson_type = Int64

    def transform_bson(self, value: int) -> int:
        return int(value)


_CLIENT_OPTIONS: dict[str, Any] = {
    "appname": APP_NAME,
    "connect": False,
    "tz_aware": True,
    "tzinfo": UTC,
    "type_registry": TypeRegistry([_IntDecoder()]),
    "retryWrites": False,
    "retryReads": False,
    "w": "majority",
    "journal": True,
    "readConcernLevel": "majority",
    "serverSelectionTimeoutMS": 500,
    "connectTimeoutMS": 500,
    "socketTimeoutMS": 700,
    "heartbeatFrequencyMS": 1000,
    "waitQueueTimeoutMS": 250,
}


def new_client(factory: Callable[..., Client], uri: str, **options: Any) -> Client:
    """A client that connects at its first call."""
    return factory(uri, **_CLIENT_OPTIONS, **options)


def is_unreachable(topology: TopologyDescription) -> bool:
    """Whether no known server accepts writes. False until a server has been contacted, so that the
    first call is tried."""
    servers = topology.server_descriptions().values()
    has_contacted = any(server.is_server_type_known or server.error for server in servers)
    return has_contacted and not topology.has_writable_server()

"""For other people's test suites: the whole application over stores in memory.

    app = create_app(Settings(), stores=memory_stores())
    with running(app):
        app.test_client().get("/api/menu")

Needs mongomock, which production does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from adapters.memory.database import MemoryDatabase
from dinerapp.replication.version import StoreId
from dinerapp.runtime.container import EXTENSION
from dinerapp.runtime.databases import Backend
from dinerapp.runtime.registry import MONGO_STORES


def memory_stores(*store_ids: StoreId) -> list[Backend]:
    """Both databases in memory, or the ones that are named."""
    wanted = store_ids or (StoreId.POSTGRESQL, StoreId.MONGODB)
    return [Backend(MemoryDatabase(place), MONGO_STORES) for place in wanted]


@contextmanager
def running(app: Flask) -> Iterator[Flask]:
    """Connects the application, and closes it in the end."""
    supervisor = app.extensions[EXTENSION].supervisor
    supervisor.start()
    try:
        yield app
    finally:
        supervisor.stop()

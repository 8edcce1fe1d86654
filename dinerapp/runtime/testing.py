"""For test suites of other projects: the whole application over stores in memory.

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
    """Databases in memory for these stores, by default for both."""
    store_ids = store_ids or (StoreId.POSTGRESQL, StoreId.MONGODB)
    return [Backend(MemoryDatabase(store_id), MONGO_STORES) for store_id in store_ids]


@contextmanager
def running(app: Flask) -> Iterator[Flask]:
    """Starts the application, and stops it in the end."""
    supervisor = app.extensions[EXTENSION].supervisor
    supervisor.start()
    try:
        yield app
    finally:
        supervisor.stop()

"""What every measurement stands on: real servers of its own, and orders to fill them with."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from adapters.embedded import EmbeddedMongo, EmbeddedPostgres
from dinerapp.ordering.domain.orders import (
    Fulfilment,
    FulfilmentType,
    HistoryStep,
    Line,
    Order,
    OrderContact,
    Status,
)
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.record import utc_now
from dinerapp.runtime.backends import backends_of
from dinerapp.runtime.container import Application
from dinerapp.runtime.processes import tune_gc
from dinerapp.runtime.settings import Settings
from dinerapp.runtime.wiring import build

SECRET = "bench " * 4


class ManyConnectionsPostgres(EmbeddedPostgres):
    """Takes the connections of all peers at once."""

    def _command(self) -> list[str]:
        return [*super()._command(), "-c", "max_connections=400"]


@dataclass(frozen=True)
class DatabaseServers:
    """Both databases, running in a folder that goes with them."""

    postgres: EmbeddedPostgres
    mongo: EmbeddedMongo
    folder: Path

    def postgres_url(self, database: str) -> str:
        """A database in PostgreSQL."""
        return _with_database(self.postgres.url, database)

    def mongo_url(self, database: str) -> str:
        """A database in MongoDB; what is written there is to last."""
        return f"{_with_database(self.mongo.url, database)}&w=majority&journal=true"

    def settings(self, **more: object) -> Settings:
        """Settings that name both."""
        return Settings(
            database_url=self.postgres.url,
            mongodb_uri=self.mongo.url,
            secret_key=SECRET,
            log_level="error",
            **more,  # type: ignore[arg-type]
        )


@contextmanager
def running_servers() -> Iterator[DatabaseServers]:
    """New, empty servers, gone in the end."""
    with tempfile.TemporaryDirectory(prefix="diner-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        both = DatabaseServers(
            ManyConnectionsPostgres(folder / "postgresql"),
            EmbeddedMongo(folder / "mongodb"),
            folder,
        )
        try:
            both.postgres.start()
            both.mongo.start()
            yield both
        finally:
            both.postgres.stop()
            both.mongo.stop()


@contextmanager
def open_unmonitored(both: DatabaseServers) -> Iterator[Application]:
    """Our parts, connected by hand as the `relay` command has them: nobody watches the databases
    and nobody relays."""
    settings = both.settings()
    stores = backends_of(settings)
    diner = build(settings, stores)
    for each in stores:
        each.database.open()
        each.database.prepare()
    tune_gc()
    yield diner
    for each in stores:
        each.database.close()


def order(number: int) -> Order:
    """An order of four lines; later numbers are newer."""
    now = utc_now() - timedelta(days=30) + timedelta(milliseconds=number)
    lines = tuple(
        Line(id=new_id(), item_id=new_id(), name=name, quantity=2, unit_price=950, total=1900)
        for name in ("Margherita", "Caesar salad", "Lemonade", "Tiramisu")
    )
    return Order(
        id=new_id(),
        created_at=now,
        updated_at=now,
        op_id=new_op_id(),
        code="ACDE",
        customer=OrderContact(name="Ada", phone=f"+4930{number % 5000:07}"),
        fulfilment=Fulfilment(type=FulfilmentType.PICKUP),
        lines=lines,
        subtotal=7600,
        total=7600,
        currency="EUR",
        history=(HistoryStep(at=now, status=Status.PENDING, actor="guest"),),
    )


def _with_database(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()

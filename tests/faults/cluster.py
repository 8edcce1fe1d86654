"""Two databases and the processes that serve from them, with everything that can happen to both."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from pymongo import MongoClient
from pymongo.database import Database as MongoDatabase
from pymongo.errors import PyMongoError

from adapters.embedded.tcp_ports import LOCALHOST
from dinerapp.accounts.container import AccountServices
from dinerapp.accounts.domain.permissions import Role
from dinerapp.accounts.services.accounts import NewAccount
from dinerapp.replication.identity import Operation
from dinerapp.replication.ports.replica import FollowerTarget
from dinerapp.runtime.administration import open_application
from dinerapp.runtime.processes import APP
from dinerapp.runtime.registry import PORTS
from dinerapp.runtime.settings import Settings
from tests.faults.observations import StoreLoss
from tests.faults.processes import DinerProcess, RelayProcess, wait_until
from tests.servers.control import RealServer, drop_database, url_of_database, url_via
from tests.servers.proxy import FaultProxy

POSTGRESQL, MONGODB = "postgresql", "mongodb"
PLACES = (POSTGRESQL, MONGODB)
KINDS = tuple(PORTS)
_SETTLE_SECONDS = 30.0


_OURS = {
    "MESSAGE_LIMIT": "off",
    "SECRET_KEY": "the same on all hosts",
    "ACCESS_TOKEN_SECONDS": "1000000",
    "PASSWORD_MEMORY_KIB": "8",
    "PASSWORD_ROUNDS": "1",
}
_STAFF = NewAccount(email="staff@example.org", name="Staff", password="correct horse battery")


_LOSS = re.compile(rf"\[({'|'.join(PLACES)})\] failed", re.IGNORECASE)


def other(place: str) -> str:
    return MONGODB if place == POSTGRESQL else POSTGRESQL


@dataclass(frozen=True)
class RealServers:
    """The real servers of one test worker; databases of many clusters live in them."""

    postgresql: RealServer
    mongodb: RealServer

    def at(self, place: str) -> RealServer:
        server: RealServer = getattr(self, place)
        return server

    def heal(self) -> None:
        for place in PLACES:
            self.at(place).thaw()
            if not self.at(place).running:
                self.at(place).start()


class Cluster:
    """New databases in the servers, and diners that use them.

    With `proxied`, every diner reaches each database through a proxy of its own.
    """

    def __init__(
        self,
        servers: RealServers,
        folder: Path,
        *,
        proxied: bool = False,
        app: str = APP,
        **environment: str,
    ) -> None:
        self.servers = servers
        self._folder = folder
        self._proxied = proxied
        self._app = app
        self._environment = environment
        self._begin()

    def _begin(self) -> None:
        self.name = f"house_{uuid4().hex[:12]}"
        self.spoilt = False
        self.staff: dict[str, str] = {}
        self.diners: list[DinerProcess] = []
        self.processes: list[RelayProcess] = []
        self.proxies: dict[tuple[str, str], FaultProxy] = {}
        self._stack = ExitStack()

    @contextmanager
    def run(self) -> Iterator[Self]:
        """Two diners at work; whatever happens, nothing of it all is left afterwards."""
        try:
            self.make_databases()
            self.start_diners()
            yield self
        finally:
            self.close()

    def make_databases(self) -> None:
        """In PostgreSQL; MongoDB's come into being when they are written to."""
        self.servers.heal()
        with psycopg.connect(self.servers.postgresql.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.name)))

    def start_diners(self) -> None:
        while len(self.diners) < 2:
            self.add_diner(f"diner{len(self.diners)}")
        for diner in self.diners:
            diner.spawn()
        for diner in self.diners:
            diner.await_answer()
        self._add_staff()

    def ready(self, *, relayed: bool = True) -> Iterator[Self]:
        """As every scenario finds it, whatever became of the one before, and leaves it."""
        if self.spoilt:
            self.renew()
        self.heal()
        if relayed:
            self.await_settled()
        else:
            self.await_state(postgresql="up", mongodb="up")
        try:
            yield self
        finally:
            for program in self.processes:
                program.kill9()
            self.heal()

    def renew(self) -> None:
        """One scenario's mess is not held against the next one."""
        self.close()
        self._begin()
        self.make_databases()
        self.start_diners()

    def close(self) -> None:
        for program in (*self.diners, *self.processes):
            program.kill9()
        self._stack.close()
        self.servers.heal()
        with psycopg.connect(self.servers.postgresql.url, autocommit=True) as connection:
            drop_database(connection, self.name)
        client: MongoClient[dict[str, Any]]
        with MongoClient(self.servers.mongodb.url) as client:
            client.drop_database(self.name)

    def add_diner(self, name: str, app: str | None = None, **more: str) -> DinerProcess:
        """One more process, not yet started."""
        diner = DinerProcess(
            name, self._folder, self.environment_of(name, **more), app or self._app
        )
        diner.headers = self.staff
        self.diners.append(diner)
        return diner

    def add_relay(self, name: str, module: str = "dinerapp", **more: str) -> RelayProcess:
        relay = RelayProcess(name, self._folder, self.environment_of(name, **more), module)
        self.processes.append(relay)
        return relay

    def environment_of(self, name: str, **more: str) -> dict[str, str]:
        urls = {place: self.url(place) for place in PLACES}
        if self._proxied:
            urls = {place: self._via_proxy(name, place) for place in PLACES}
        named = {"DATABASE_URL": urls[POSTGRESQL], "MONGODB_URI": urls[MONGODB]}
        return {**named, **_OURS, **self._environment, **more}

    def url(self, place: str) -> str:
        """The database of the cluster, directly."""
        return url_of_database(self.servers.at(place).url, self.name)

    def proxies_to(self, place: str) -> list[FaultProxy]:
        return [proxy for (_, target), proxy in self.proxies.items() if target == place]

    def set_proxy_mode(self, place: str, mode: Callable[[FaultProxy], None]) -> None:
        """Sets the mode of every diner's way to the place."""
        for proxy in self.proxies_to(place):
            mode(proxy)

    def replies_swallowed(self, place: str) -> int:
        return sum(proxy.replies_swallowed for proxy in self.proxies_to(place))

    def heal(self) -> None:
        """Everything is up and running again, except what diners still have to catch up with."""
        self.servers.heal()
        for proxy in self.proxies.values():
            proxy.pass_through()
        for diner in self.diners:
            diner.thaw()
            if not diner.running:
                diner.start()

    def await_state(self, *diners: DinerProcess, **states: str) -> None:
        """Until the diners, or all of them, think so of the stores that are named."""
        for diner in diners or self.diners:
            wait_until(partial(diner.sees, **states), f"{diner.name}: {states}", self.explain)

    def await_settled(self) -> None:
        """Until every diner says that both are up, and no database owes anybody a thing."""
        self.await_state(postgresql="up", mongodb="up")
        wait_until(
            lambda: self.outbox_sizes() == 0,
            "debts to be paid",
            self.explain,
            seconds=_SETTLE_SECONDS,
        )

    def outbox_sizes(self) -> int:
        """Read in the databases themselves."""
        with self.postgres() as connection, self.mongo() as database:
            [counted] = connection.execute("SELECT count(*) AS owed FROM outbox").fetchall()
            found: int = counted["owed"]
            for kind in KINDS:
                debts = {f"_owed.{to}": {"$exists": True} for to in (*PLACES, *FollowerTarget)}
                wanted = {"$or": [{name: test} for name, test in debts.items()]}
                found += database[kind].count_documents(wanted)
            return found

    @contextmanager
    def postgres(self) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        with psycopg.connect(
            self.url(POSTGRESQL), autocommit=True, row_factory=dict_row, connect_timeout=5
        ) as connection:
            yield connection

    @contextmanager
    def mongo(self) -> Iterator[MongoDatabase[dict[str, Any]]]:
        client: MongoClient[dict[str, Any]]
        with MongoClient(self.url(MONGODB), tz_aware=True, serverSelectionTimeoutMS=5000) as client:
            yield client[self.name]

    def losses(self) -> list[StoreLoss]:
        """When diners lost a store, by their logs."""
        behind = time.time() - time.monotonic()
        return [
            StoreLoss(datetime.fromisoformat(line["time"]).timestamp() - behind, found[1].lower())
            for diner in self.diners
            for line in _lines(diner.log_file)
            if (found := _LOSS.match(line["event"]))
        ]

    def explain(self) -> str:
        """What to read when a scenario fails."""
        seen = [f"{diner.name}: {diner.connections()}" for diner in self.diners]
        try:
            owed = f"owed: {self.outbox_sizes()}"
        except (psycopg.Error, PyMongoError) as exc:
            owed = f"owed: {exc}"
        logs = [program.log() for program in (*self.diners, *self.processes)]
        return "\n".join([*seen, owed, *logs])

    def add_account(self, new: NewAccount, role: Role) -> tuple[str, dict[str, str]]:
        """The id of somebody with a new account, made the way the first diner would make it, and
        the headers they show."""
        settings = Settings.from_environment(self.environment_of(self.diners[0].name))
        with open_application(replace(settings, relay_in_workers=False)) as diner:
            diner.of(AccountServices).accounts.add(Operation.without_key(), new, role)
            granted = diner.of(AccountServices).accounts.login(new.email, new.password)
        return granted.user.id, {"Authorization": f"Bearer {granted.access_token}"}

    def _add_staff(self) -> None:
        """One of the staff, whom all clients are that do not say otherwise."""
        self.staff.update(self.add_account(_STAFF, Role.ADMIN)[1])

    def _via_proxy(self, name: str, place: str) -> str:
        key = name, place
        if key not in self.proxies:
            port = urlsplit(self.url(place)).port or 0
            self.proxies[key] = self._stack.enter_context(FaultProxy(LOCALHOST, port))
        return url_via(self.url(place), self.proxies[key].url_port)


def _lines(log_file: Path) -> Iterator[dict[str, str]]:
    for line in log_file.read_text(errors="replace").splitlines():
        if line.startswith("{"):
            yield json.loads(line)

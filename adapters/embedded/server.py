"""What all embedded servers have in common: one directory, one port, one log, one life cycle.

The directory holds `data`, the secrets, `port` (the last one, used again if it is free),
`server.log` and `server.log.1` (of the previous start), and `lock`.

Contract suite: tests/adapters/embedded/test_embedded.py.
"""

import fcntl
import logging
import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from adapters.embedded.account import Account, account_for
from adapters.embedded.errors import EmbeddedServerError, EmbeddedServerUnavailable
from adapters.embedded.machine import command_line, last_lines, spawn, write_secret
from adapters.embedded.tcp_ports import free_port, port_is_free

START_SECONDS = 30.0
ADOPTION_SECONDS = 10.0
_KILL_SECONDS = 5.0
_POLL_SECONDS = 0.02
_RETRY_SECONDS = 0.2
_CANNOT_RUN = (126, 127, -signal.SIGILL)

log = logging.getLogger(__name__)


class EmbeddedServer(ABC):
    """A real database server that runs from one directory and listens on 127.0.0.1 only.

    It runs in its own session, so that the terminal's Ctrl-C does not reach it: the application
    closes first and then calls `stop`. If the application is killed, the server keeps running;
    the next `start` with the same directory, from any process, adopts it.
    """

    engine: ClassVar[str]
    _driver_error: ClassVar[type[Exception]]
    _secret_names: ClassVar[Sequence[str]]
    _stop_signals: ClassVar[Sequence[tuple[signal.Signals, float]]]

    def __init__(self, directory: Path, *, port: int | None = None) -> None:
        self.directory = directory.resolve()
        self.log_file = self.directory / "server.log"
        self._data = self.directory / "data"
        self._requested_port = port
        self._port_file = self.directory / "port"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the server if needed, and returns when it accepts writes.

        Raises `EmbeddedServerUnavailable` if this machine has no such server, and
        `EmbeddedServerError` with the end of the server's log if it does not start.
        """
        self.directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._account.allow_traversal(self._data)
        with self._directory_lock():
            if self._adopt():
                self._make_ready()
                return
            try:
                self._launch()
                self._make_ready()
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """Stops the server of this directory, if one is running, whoever started it."""
        for number, seconds in (*self._stop_signals, (signal.SIGKILL, _KILL_SECONDS)):
            if (pid := self.pid) is None:
                return
            log.info("Stopping %s (process %d) with %s", self.engine, pid, number.name)
            with suppress(ProcessLookupError):
                os.kill(pid, number)
                os.kill(pid, signal.SIGCONT)  # a suspended process would not notice
            if self._wait_until(lambda: not self.running, seconds):
                return
        raise EmbeddedServerError(
            f"{self.engine} (process {self.pid}) is still running after SIGKILL: it hangs in the"
            " kernel, usually because of the disk. Check the disk, or restart the machine."
        )

    @property
    def url(self) -> str:
        """The URL for clients; the same after a restart unless the port was taken."""
        return self._url_of(self._secret("password"))

    @property
    def port(self) -> int:
        """The port of the last start."""
        with suppress(OSError, ValueError):
            return int(self._port_file.read_text())
        raise EmbeddedServerError(
            f"{self.engine} in {self.directory} has never been started: call start first."
        )

    @property
    def pid(self) -> int | None:
        """The process of the server that runs from this directory, whoever started it."""
        if self._process is not None and self._process.poll() is None:
            return self._process.pid
        pid = self._recorded_pid()
        # The recorded process may have ended, and another process may have its pid by now.
        return pid if pid is not None and f" {self._data} " in f"{command_line(pid)} " else None

    @property
    def running(self) -> bool:
        return self.pid is not None

    @property
    def _account(self) -> Account:
        return account_for(self._data)

    @abstractmethod
    def _url_of(self, password: str) -> str: ...

    @abstractmethod
    def _command(self) -> list[str]:
        """The command line, with the data directory as a separate argument."""

    @abstractmethod
    def _init_data(self, data_dir: Path) -> None:
        """Initialises an empty directory that becomes the data directory."""

    @abstractmethod
    def _recorded_pid(self) -> int | None:
        """The pid that the server has written to its data directory, running or not."""

    @abstractmethod
    def _probe(self) -> None:
        """Returns if the server answers; raises `OSError` or the driver's error if not."""

    @abstractmethod
    def _provision(self) -> None:
        """Prepares a server that answers for clients; idempotent, called at each start."""

    def _before_spawn(self) -> None:  # noqa: B027
        """Cleans up what a killed server left behind."""

    def _should_retry(self) -> bool:
        """Whether to retry after a server that ended at once."""
        return self._requested_port is None and not port_is_free(self.port)

    @contextmanager
    def _directory_lock(self) -> Iterator[None]:
        with (self.directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _adopt(self) -> bool:
        """Whether a server already runs from the directory and answers."""
        answers = self._wait_until(
            lambda: not self.running or self._probe_error() is None, seconds=ADOPTION_SECONDS
        )
        if not self.running:
            return False
        if not answers:
            log.warning(
                "%s runs in %s but does not answer: restarting it", self.engine, self.directory
            )
            self.stop()
            return False
        if self._requested_port not in (None, self.port):
            raise EmbeddedServerError(
                f"{self.engine} already runs from {self.directory} on port {self.port} (process"
                f" {self.pid}), not on port {self._requested_port}: stop it first, or do not"
                " specify a port."
            )
        log.info("Adopting %s (process %d) in %s", self.engine, self.pid, self.directory)
        return True

    def _launch(self) -> None:
        self._choose_port()
        for name in self._secret_names:
            self._secret(name)
        if not self._data.exists():
            self._create_data_directory()
        deadline = time.monotonic() + START_SECONDS
        while not self._spawn_and_wait(deadline):
            time.sleep(_RETRY_SECONDS)
            self._choose_port()

    def _make_ready(self) -> None:
        try:
            self._provision()
        except self._driver_error as error:
            raise EmbeddedServerError(
                f"{self.engine} in {self.directory} answers but cannot be set up ({error}). If you"
                " do not need its data, remove that directory and start again."
            ) from error

    def _create_data_directory(self) -> None:
        unfinished = self._data.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._account.chown(unfinished)
        self._init_data(unfinished)
        unfinished.rename(self._data)

    def _spawn_and_wait(self, deadline: float) -> bool:
        self._before_spawn()
        log.info("Starting %s on port %d in %s", self.engine, self.port, self.directory)
        process = self._process = spawn(self._command(), self.log_file, self._account)
        trouble: str | None = "not probed yet"
        while process.poll() is None and time.monotonic() < deadline:
            if (trouble := self._probe_error()) is None:
                return True
            time.sleep(_POLL_SECONDS)
        if process.poll() is not None and time.monotonic() < deadline and self._should_retry():
            return False
        raise self._start_error(process.poll(), trouble)

    def _choose_port(self) -> None:
        port = self._requested_port
        if port is None:
            with suppress(EmbeddedServerError):
                port = self.port
            if port is None or not port_is_free(port):
                port = free_port()
        elif not port_is_free(port):
            raise EmbeddedServerError(
                f"Port {port} is in use by another program, so {self.engine} cannot start there:"
                " stop that program, choose another port, or specify none to use a free one."
            )
        self._port_file.write_text(str(port))

    def _start_error(self, exit_code: int | None, trouble: str | None) -> EmbeddedServerError:
        tail = last_lines(self.log_file)
        if exit_code in _CANNOT_RUN:
            return EmbeddedServerUnavailable(f"{self.engine} cannot run on this machine:\n{tail}")
        what = (
            f"did not answer within {START_SECONDS:.0f} s ({trouble})"
            if exit_code is None
            else f"ended at once with code {exit_code}"
        )
        return EmbeddedServerError(
            f"{self.engine} {what}. The end of {self.log_file}:\n{tail}\nFix the problem and start"
            f" again; if you do not need the data, you can remove {self.directory}."
        )

    def _secret(self, name: str) -> str:
        path = self.directory / name
        if not path.exists():
            if self._data.exists():
                raise EmbeddedServerError(
                    f"{path} is missing, and without it the data next to it cannot be accessed."
                    " Restore the file, or, if you do not need the data, remove"
                    f" {self.directory}."
                )
            write_secret(path, self._account)
        return path.read_text()

    def _probe_error(self) -> str | None:
        try:
            self._probe()
        except (OSError, self._driver_error) as error:
            return str(error)
        return None

    def _wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

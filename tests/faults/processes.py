"""Real application processes, as an operator starts them, for tests to own and to hurt."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from adapters.embedded.tcp_ports import LOCALHOST, free_port
from dinerapp.runtime.processes import APP
from dinerapp.runtime.serving import server_command
from dinerapp.runtime.settings import Settings

ROOT = Path(__file__).parents[2]
TAMPERED_APP = "tests.faults.tampering:app"
TIMEOUT_SECONDS = 20.0
_OURS = ("DATABASE", "MONGODB", "REDIS", "SECRET", "PORT", "HOST", "WEB_", "RELAY", "PROMETHEUS")
_LOG_TAIL_LENGTH = 4000


class ProcessGroup(ABC):
    """A process group of its own, which can be killed, frozen and thawed as a whole."""

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.log_file = folder / f"{name}.log"
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def command(self) -> Sequence[str]: ...

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def spawn(self, **more: str) -> None:
        """Starts it, for this time with more in its environment."""
        inherited = {key: val for key, val in os.environ.items() if not key.startswith(_OURS)}
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**inherited, **self._environment, **more},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill9(self) -> None:
        self._signal(signal.SIGKILL)
        self.await_end()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def terminate(self) -> None:
        """The clean end; the hard one when that takes too long."""
        self.thaw()
        if self._process is not None and self.running:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(TIMEOUT_SECONDS / 2)
        self.kill9()

    def await_end(self) -> None:
        """Until all of it is gone, by whatever hand."""
        if self._process is None:
            return
        wait_until(lambda: not self.running, f"the end of {self.name}")
        # A worker that killed itself left its master behind, or the other way round.
        self._signal(signal.SIGKILL)

    def log(self) -> str:
        text = self.log_file.read_text(errors="replace") if self.log_file.exists() else ""
        return f"--- {self.log_file.name}\n{text[-_LOG_TAIL_LENGTH:]}"

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


class DinerProcess(ProcessGroup):
    """One web server with one worker. `headers` say to it who its clients are."""

    def __init__(
        self, name: str, folder: Path, environment: Mapping[str, str], app: str = APP
    ) -> None:
        self.port = free_port()
        self.app = app
        self.headers: Mapping[str, str] = {}
        own = {
            "HOST": LOCALHOST,
            "PORT": str(self.port),
            "WEB_CONCURRENCY": "1",
            "WEB_THREADS": "8",
            "LOG_LEVEL": "warning",
            "SECRET_KEY": "the same on all hosts",
            "PROMETHEUS_MULTIPROC_DIR": str(folder / f"metrics-{name}"),
            "TAMPER": "",
        }
        super().__init__(name, folder, {**own, **environment})

    @property
    def command(self) -> Sequence[str]:
        return server_command(Settings.from_environment().web_server, self.app)

    def start(self, **more: str) -> None:
        """Returns when it answers."""
        self.spawn(**more)
        self.await_answer()

    def await_answer(self) -> None:
        wait_until(
            self._is_live, f"an answer of {self.name}", self.log, stop=lambda: not self.running
        )

    def states(self) -> dict[str, str]:
        """What it thinks of its stores; nothing when it does not answer."""
        return {one["name"]: one["state"] for one in self.connections()}

    def connections(self) -> list[dict[str, Any]]:
        # With both databases down nobody is recognised, and so nobody is told.
        with suppress(OSError, HTTPException, ValueError, KeyError):
            found: list[dict[str, Any]] = self._get("/api/connections")["items"]
            return found
        return []

    def sees(self, **states: str) -> bool:
        """Whether it thinks so of each of the stores that are named."""
        seen = self.states()
        return all(seen.get(name) == state for name, state in states.items())

    def _is_live(self) -> bool:
        with suppress(OSError, HTTPException, ValueError):
            return self._get("/api/health/live") == {"status": "alive"}
        return False

    def _get(self, path: str) -> Any:
        line = HTTPConnection(LOCALHOST, self.port, timeout=3)
        try:
            line.request("GET", path, headers=self.headers)
            return json.loads(line.getresponse().read())
        finally:
            line.close()


class RelayProcess(ProcessGroup):
    """`python -m dinerapp relay`, or the same with stop points in it."""

    def __init__(
        self, name: str, folder: Path, environment: Mapping[str, str], module: str = "dinerapp"
    ) -> None:
        self._module = module
        super().__init__(name, folder, {"LOG_LEVEL": "warning", **environment})

    @property
    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", self._module, "relay"]


def wait_until(
    done: Callable[[], object],
    what: str,
    explain: Callable[[], str] = str,
    *,
    seconds: float = TIMEOUT_SECONDS,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Polls; gives up with the explanation when it takes too long or can never be."""
    give_up = time.monotonic() + seconds
    while not done():
        if time.monotonic() > give_up or stop():
            raise AssertionError(f"Waited in vain for {what}\n{explain()}")
        time.sleep(0.02)

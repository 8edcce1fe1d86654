"""wrk, which makes the load: what it is told to send, and what it says it measured."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WRK_MISSING = (
    "wrk makes the load and is not installed: apt-get install wrk (a package of Debian and Ubuntu),"
    " brew install wrk, or https://github.com/wg/wrk"
)
_SCRIPT = Path(__file__).parent / "load.lua"
_MARK = "measured "


@dataclass(frozen=True)
class LoadRequest:
    """One of those that are sent in turn. With a body it is a POST, each under a key of its own."""

    path: str
    token: str = ""
    body: Any = None

    @property
    def line(self) -> str:
        body = "" if self.body is None else json.dumps(self.body)
        return "\t".join((self.path, self.token, body))


@dataclass(frozen=True)
class Measurement:
    """One measured round."""

    rate: float
    p50: float | None = None
    p99: float | None = None
    failed: int = 0
    invalid_reason: str = ""

    @property
    def is_good(self) -> bool:
        """Whether everything was answered, and with success, and nothing else is wrong with it."""
        return self.failed == 0 and self.rate > 0 and not self.invalid_reason


def is_installed() -> bool:
    return shutil.which("wrk") is not None


def write_requests(requests: Sequence[LoadRequest], file: Path) -> Path:
    """The requests where wrk will find them."""
    file.write_text("".join(f"{request.line}\n" for request in requests))
    return file


def run_load(port: int, requests: Path, connections: int, seconds: float) -> Measurement:
    """Loads the server for that long."""
    command = [
        "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "5s",
        "-s", str(_SCRIPT), f"http://127.0.0.1:{port}", "--", str(requests), secrets.token_hex(8),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return parse_output(done.stdout)


def parse_output(output: str) -> Measurement:
    """What the script printed last."""
    lines = [line for line in output.splitlines() if line.startswith(_MARK)]
    if not lines:
        raise ValueError(f"wrk said nothing that is understood:\n{output}")
    told = json.loads(lines[-1].removeprefix(_MARK))
    return Measurement(
        rate=told["good"] / (told["microseconds"] / 1_000_000),
        p50=told["p50"] / 1000,
        p99=told["p99"] / 1000,
        failed=told["failed"],
    )

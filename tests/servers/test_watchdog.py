"""What a test run has started ends with the run's process, by whatever hand that ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.servers.control import is_gone

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0
END_SECONDS = 30.0
RUN = """
import json, subprocess, sys, time
from pathlib import Path
import psutil
from tests.servers.redis import running_redis

pytest_plugins = ["tests.servers.fixtures"]

def test_that_never_ends(own_postgres, own_mongo):
    with running_redis() as redis:
        own_mongo.freeze()
        own_postgres.freeze()
        other = subprocess.Popen(["sleep", "600"])
        folders = [str(server.embedded.directory.parent) for server in (own_postgres, own_mongo)]
        pids = [each.pid for each in psutil.Process().children(recursive=True)]
        report = Path(REPORT)
        report.with_suffix(".new").write_text(json.dumps([pids, folders]))
        report.with_suffix(".new").rename(report)
        time.sleep(600)
"""


def test_servers_end_with_the_run_that_started_them(tmp_path: Path) -> None:
    report = tmp_path / "report"
    (tmp_path / "test_run.py").write_text(f"REPORT = {str(report)!r}\n{RUN}")
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", tmp_path, tmp_path],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_until(report.exists, START_SECONDS)
        pids, folders = json.loads(report.read_text())
        processes = [psutil.Process(pid) for pid in pids]
        assert len(processes) > 5
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()

    _wait_until(lambda: all(map(is_gone, processes)), END_SECONDS)
    _wait_until(lambda: not any(Path(folder).exists() for folder in folders), END_SECONDS)


def _wait_until(done: Callable[[], bool], seconds: float) -> None:
    give_up = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.05)

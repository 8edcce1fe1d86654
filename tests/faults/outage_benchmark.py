"""What a client feels when a database dies or freezes: `python -m tests.faults.outage_benchmark`.

One diner, one client, no other load. Times are in milliseconds; what counts are the ratios to the
same run's healthy requests.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from adapters.embedded import EmbeddedMongo, EmbeddedPostgres
from tests.faults.cluster import PLACES, Cluster, RealServers
from tests.faults.guests import Guest
from tests.faults.observations import Observations
from tests.faults.processes import TIMEOUT_SECONDS, wait_until
from tests.servers.control import RealServer, run_server

REQUEST_COUNT = 1000
ROUND_COUNT = 3
FAULTS: dict[str, Callable[[RealServer], None]] = {
    "kill -9": RealServer.kill9,
    "SIGSTOP": RealServer.freeze,
}
_LINE = "{:<26}{:>12}{:>10}{:>10}{:>10}{:>9}"


def main() -> None:
    with (
        run_server(EmbeddedPostgres) as postgresql,
        run_server(EmbeddedMongo) as mongodb,
        TemporaryDirectory() as folder,
        Cluster(RealServers(postgresql, mongodb), Path(folder)).run() as cluster,
    ):
        cluster.await_settled()
        guest = Guest("figures", cluster.diners[:1], Observations())
        guest.prepare()
        _time_requests(guest, REQUEST_COUNT // 10)
        healthy = _time_requests(guest, REQUEST_COUNT)
        _say(_LINE.format("", "first (max)", "median", "p95", "p99", "ratio"))
        _say(_row("both up", "", healthy, healthy))
        for victim in PLACES:
            for name, hurt in FAULTS.items():
                _say(_measure_fault(cluster, guest, victim, name, hurt, healthy))
        guest.close()


def _measure_fault(
    cluster: Cluster,
    guest: Guest,
    victim: str,
    name: str,
    hurt: Callable[[RealServer], None],
    healthy: list[float],
) -> str:
    first: list[float] = []
    then: list[float] = []
    for _ in range(ROUND_COUNT):
        hurt(cluster.servers.at(victim))
        first.append(_order(guest))
        then += _time_requests(guest, REQUEST_COUNT // ROUND_COUNT)
        cluster.heal()
        wait_until(
            lambda: cluster.outbox_sizes() == 0,
            "debts to be paid",
            cluster.explain,
            seconds=3 * TIMEOUT_SECONDS,
        )
        cluster.await_state(postgresql="up", mongodb="up")
    failed = guest.observations.trip()
    assert not failed, failed[0]
    return _row(f"{name} {victim}", f"{1000 * max(first):.0f}", then, healthy)


def _row(name: str, first: str, seconds: list[float], healthy: list[float]) -> str:
    parts = quantiles(seconds, n=100)
    middle, slow, slowest = (1000 * each for each in (median(seconds), parts[94], parts[98]))
    ratio = median(seconds) / median(healthy)
    return _LINE.format(
        name, first, f"{middle:.1f}", f"{slow:.1f}", f"{slowest:.1f}", f"{ratio:.2f}"
    )


def _time_requests(guest: Guest, requests: int) -> list[float]:
    """Orders, and between them reads of what was ordered and of the dish."""
    taken: list[float] = []
    while len(taken) < requests:
        taken.append(_order(guest))
        order = guest.observations.orders[-1]
        guest.check_order(order)
        guest.check_dish(guest.dish)
        taken += [call.seconds for call in guest.observations.calls[-2:]]
    return taken


def _order(guest: Guest) -> float:
    guest.place()
    return guest.observations.calls[-1].seconds


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

"""What a client feels when a database dies or freezes: `python -m tests.faults.figures`.

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
from tests.faults.book import Book
from tests.faults.diners import PATIENCE, until
from tests.faults.guests import Guest
from tests.faults.house import PLACES, House, Servers
from tests.servers.control import RealServer, running

REQUESTS = 1000
ROUNDS = 3
HURT: dict[str, Callable[[RealServer], None]] = {
    "kill -9": RealServer.kill9,
    "SIGSTOP": RealServer.freeze,
}
_LINE = "{:<26}{:>12}{:>10}{:>10}{:>10}{:>9}"


def main() -> None:
    with (
        running(EmbeddedPostgres) as postgresql,
        running(EmbeddedMongo) as mongodb,
        TemporaryDirectory() as folder,
        House(Servers(postgresql, mongodb), Path(folder)).opened() as house,
    ):
        house.await_settled()
        guest = Guest("figures", house.diners[:1], Book())
        guest.prepare()
        _seconds(guest, REQUESTS // 10)
        healthy = _seconds(guest, REQUESTS)
        _say(_LINE.format("", "first (max)", "median", "p95", "p99", "ratio"))
        _say(_row("both up", "", healthy, healthy))
        for victim in PLACES:
            for name, hurt in HURT.items():
                _say(_hurt(house, guest, victim, name, hurt, healthy))
        guest.close()


def _hurt(
    house: House,
    guest: Guest,
    victim: str,
    name: str,
    hurt: Callable[[RealServer], None],
    healthy: list[float],
) -> str:
    first: list[float] = []
    then: list[float] = []
    for _ in range(ROUNDS):
        hurt(house.servers.at(victim))
        first.append(_order(guest))
        then += _seconds(guest, REQUESTS // ROUNDS)
        house.heal()
        until(lambda: house.owed() == 0, "debts to be paid", house.explain, seconds=3 * PATIENCE)
        house.await_state(postgresql="up", mongodb="up")
    failed = guest.book.failed()
    assert not failed, failed[0]
    return _row(f"{name} {victim}", f"{1000 * max(first):.0f}", then, healthy)


def _row(name: str, first: str, seconds: list[float], healthy: list[float]) -> str:
    parts = quantiles(seconds, n=100)
    middle, slow, slowest = (1000 * each for each in (median(seconds), parts[94], parts[98]))
    ratio = median(seconds) / median(healthy)
    return _LINE.format(
        name, first, f"{middle:.1f}", f"{slow:.1f}", f"{slowest:.1f}", f"{ratio:.2f}"
    )


def _seconds(guest: Guest, requests: int) -> list[float]:
    """Orders, and between them reads of what was ordered and of the dish."""
    taken: list[float] = []
    while len(taken) < requests:
        taken.append(_order(guest))
        order = guest.book.orders[-1]
        guest.look_at_order(order)
        guest.look_at_dish(guest.dish)
        taken += [call.seconds for call in guest.book.calls[-2:]]
    return taken


def _order(guest: Guest) -> float:
    guest.place()
    return guest.book.calls[-1].seconds


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

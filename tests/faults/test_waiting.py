"""Nobody waits (P8): what a single client feels when a database dies or freezes."""

from __future__ import annotations

from statistics import median

import pytest

from tests.faults.cluster import PLACES, Cluster
from tests.faults.guests import Guest
from tests.faults.observations import Observations
from tests.faults.promises import MAX_ANSWER_SECONDS, assert_promises_kept
from tests.servers.control import RealServer
from tests.timing import assert_within

pytestmark = pytest.mark.faults

REQUESTS = 50
HURT = {"kill9": RealServer.kill9, "freeze": RealServer.freeze}
SLOWER, AND_SECONDS = 5, 0.03
"""How much slower than with both databases a request may be on a machine busy with other tests."""


@pytest.mark.parametrize("how", ["kill9", "freeze"])
@pytest.mark.parametrize("victim", PLACES)
def test_the_first_request_is_answered_within_a_second_and_the_next_ones_are_as_fast_as_ever(
    cluster: Cluster, victim: str, how: str
) -> None:
    book = Observations()
    guest = Guest(f"alone-{victim}-{how}", cluster.diners[:1], book)
    guest.prepare()
    healthy = _seconds(guest)
    HURT[how](cluster.servers.at(victim))
    first = _tried(guest)
    then = _seconds(guest)
    guest.close()
    assert not book.trip()
    cluster.heal()
    cluster.await_settled()
    assert_promises_kept(cluster, book)
    assert_within(MAX_ANSWER_SECONDS, first, "the first request")
    assert_within(MAX_ANSWER_SECONDS, book.slowest().seconds, str(book.slowest()))
    then_limit = SLOWER * median(healthy) + AND_SECONDS
    assert_within(then_limit, median(then), "the median of the next requests")


def _seconds(guest: Guest) -> list[float]:
    return [_tried(guest) for _ in range(REQUESTS)]


def _tried(guest: Guest) -> float:
    """The slower of a write that touches both databases and a read."""
    order = guest.place()
    guest.check_order(order)
    return max(call.seconds for call in guest.observations.calls[-2:])

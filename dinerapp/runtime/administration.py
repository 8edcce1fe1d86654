"""What the commands do with the databases, whatever they then print."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import structlog

from dinerapp.accounts.container import AccountServices
from dinerapp.accounts.domain.users import User
from dinerapp.demo import menu
from dinerapp.ordering.container import OrderingServices
from dinerapp.replication.anti_entropy import Difference
from dinerapp.replication.errors import DinerError, NothingAvailable, StoreUnavailable
from dinerapp.replication.ports.conflicts import Conflicts
from dinerapp.replication.ports.connections import ConnectionStatus, State
from dinerapp.replication.ports.database import Database
from dinerapp.replication.ports.replica import Audience, Creditor, Parked, Replica
from dinerapp.replication.record import utc_now
from dinerapp.replication.store_pair import Pair
from dinerapp.replication.version import Place
from dinerapp.runtime.backends import NoDatabase, aux_connections_of, backends_of, bus_of
from dinerapp.runtime.container import Application
from dinerapp.runtime.settings import Settings
from dinerapp.runtime.wiring import build

_log = structlog.get_logger(__name__)

STORES = (Place.POSTGRESQL, Place.MONGODB)
LISTED = 10_000
MOMENT = 1.0
PATIENCE = 30.0

Report = Callable[[int, int], None]


@dataclass(slots=True)
class Checked:
    """How one kind of record compares: at most LISTED differences are kept."""

    kind: str
    differing: list[Difference] = field(default_factory=list)
    on_their_way: int = 0
    repaired: int = 0


@dataclass(frozen=True, slots=True)
class BroughtUp:
    """How many dishes were added, and the first admin with their password if one was made.

    `admin_unknown`: the database that may hold one cannot be asked, so that none was made.
    """

    dishes: int
    admin: tuple[User, str] | None
    admin_unknown: bool = False


@contextmanager
def connected(settings: Settings) -> Iterator[Application]:
    """Everything, with open connections and without a relay unless the settings want it."""
    diner = build(
        settings, backends_of(settings), aux_connections_of(settings), bus=bus_of(settings)
    )
    diner.supervisor.start()
    try:
        yield diner
    finally:
        diner.supervisor.stop()


@contextmanager
def reachable(settings: Settings) -> Iterator[Application]:
    """As `connected`, and every database that is configured answers."""
    with connected(settings) as diner:
        require_all(diner)
        yield diner


@contextmanager
def both(settings: Settings) -> Iterator[Application]:
    """As `reachable` with both databases configured."""
    if not (settings.database_url and settings.mongodb_uri):
        raise NoDatabase("this needs both databases: set DATABASE_URL and MONGODB_URI")
    with reachable(settings) as diner:
        yield diner


def stores(diner: Application) -> list[ConnectionStatus]:
    """The two databases, or the one that is configured."""
    return [one for one in diner.replication.connections.status() if one.name in STORES]


def await_catching_up(diner: Application, seconds: float = PATIENCE) -> None:
    """Gives stores some time to catch up; while one is down the other one cannot finish."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        states = {one.state for one in stores(diner)}
        if State.DOWN in states or State.CATCHING_UP not in states:
            return
        time.sleep(0.1)


def migrated(database: Database) -> str:
    """Makes what this version needs in the database, and says what server that is."""
    database.open()
    try:
        # A server that is not there says so at once here; `prepare` would wait for it.
        server = database.ping().server
        database.prepare()
        return server
    finally:
        database.close()


def bring_up(settings: Settings) -> BroughtUp:
    """Migrates, lets the stores catch up, and adds what an empty restaurant lacks."""
    with connected(replace(settings, relay_in_workers=False)) as diner:
        await_catching_up(diner)
        ordering = diner.of(OrderingServices)
        dishes = 0 if ordering.menu.all() else menu.seed(ordering.menu, ordering.categories)
        try:
            return BroughtUp(dishes, diner.of(AccountServices).accounts.add_first_admin())
        except NothingAvailable:
            return BroughtUp(dishes, None, admin_unknown=True)


def checked(
    diner: Application, pair: Pair[Any], report: Report, *, deep: bool = False, repair: bool = False
) -> Checked:
    """Compares one kind; what differs now is looked at once more after a moment."""
    found = Checked(pair.kind)
    if repair and not deep:
        found.repaired = diner.replication.consistency.repair_all(pair, report).repaired
    search = (
        diner.replication.consistency.deep_differences
        if deep
        else diner.replication.consistency.differences
    )
    differing = list(islice(search(pair, report), LISTED))
    if repair and deep:
        ids = [difference.record_id for difference in differing]
        found.repaired = diner.replication.consistency.repair(pair, ids).repaired
    if differing:
        time.sleep(MOMENT)
    found.differing = _still_differing(pair, differing)
    found.on_their_way = 0 if repair else len(differing) - len(found.differing)
    return found


def await_copy(diner: Application, to: Place, report: Report) -> None:
    """Watches the connections bring a new store what the other one holds."""
    while any(one.state is not State.UP for one in stores(diner)):
        require_all(diner)
        pairs = diner.replication.pairs.values()
        report(
            sum(count(pair, to) for pair in pairs),
            sum(count(pair, pair.beside(to).place) for pair in pairs),
        )
        time.sleep(MOMENT)


def count(pair: Pair[Any], place: Place) -> int:
    """How many records of a kind a store holds, tombstones included."""
    return sum(one.count for one in pair.at(place).fingerprints().values())


def parked(diner: Application, limit: int) -> list[tuple[Creditor, Parked]]:
    """What nobody tries any more, with whoever refuses it: a store, or the followers."""
    return [
        (creditor, one)
        for store, creditor in _debtors(diner)
        for one in store.parked(creditor, limit)
    ]


def retry_parked(diner: Application) -> int:
    """Has what is parked tried again, and says how much that was."""
    return sum(store.retry_parked(creditor, utc_now()) for store, creditor in _debtors(diner))


def _debtors(diner: Application) -> Iterator[tuple[Replica[Any], Creditor]]:
    for pair in diner.replication.pairs.values():
        for place in STORES:
            yield pair.beside(place), place
    for store in diner.following.stores:
        yield store, Audience.FOLLOWERS


def open_conflicts(diner: Application) -> int:
    """How many wait for a manager."""
    return diner.repository(Conflicts).open_count()


def repair_on_schedule(diner: Application) -> None:
    """The relay's check; a database that is away puts it off to the next time."""
    for kind, pair in diner.replication.pairs.items():
        try:
            done = diner.replication.consistency.repair_all(pair)
        except DinerError as exc:
            _log.warning("consistency_put_off", kind=kind, reason=str(exc))
            return
        _log.info(
            "consistency_checked",
            kind=kind,
            differing=done.differing,
            repaired=done.repaired,
            refused=len(done.refused),
        )


def require_all(diner: Application) -> None:
    """StoreUnavailable names a database that is down."""
    for one in stores(diner):
        if one.state is State.DOWN:
            raise StoreUnavailable(one.name, one.reason)


def _still_differing(pair: Pair[Any], found: Sequence[Difference]) -> list[Difference]:
    ids = [difference.record_id for difference in found]
    if not ids:
        return []
    one, other = pair.one.load(ids), pair.other.load(ids)
    return [each for each in found if one.get(each.record_id) != other.get(each.record_id)]

"""What the commands do with the databases, whatever they then print."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from dinerapp.replication.errors import DinerError, NoStoreAvailable, StoreUnavailable
from dinerapp.replication.ports.conflicts import Conflicts
from dinerapp.replication.ports.connections import ConnectionState, ConnectionStatus
from dinerapp.replication.ports.replica import DeadLetter, FollowerTarget, Replica, Target
from dinerapp.replication.record import utc_now
from dinerapp.replication.store_pair import StorePair
from dinerapp.replication.version import StoreId
from dinerapp.runtime.backends import Backend, NoDatabase, aux_connections_of, backends_of, bus_of
from dinerapp.runtime.container import Application
from dinerapp.runtime.settings import Settings
from dinerapp.runtime.wiring import build

_log = structlog.get_logger(__name__)

STORES = (StoreId.POSTGRESQL, StoreId.MONGODB)
MAX_DIFFERENCES = 10_000
RECHECK_SECONDS = 1.0
CATCH_UP_SECONDS = 30.0

ProgressCallback = Callable[[int, int], None]


@dataclass(slots=True)
class ComparisonReport:
    """How one kind of record compares: at most LISTED differences are kept."""

    kind: str
    differing: list[Difference] = field(default_factory=list)
    on_their_way: int = 0
    repaired: int = 0


@dataclass(frozen=True, slots=True)
class BootstrapResult:
    """How many dishes were added, and the first admin with their password if one was made.

    `admin_unknown`: the database that may hold one cannot be asked, so that none was made.
    """

    dishes: int
    admin: tuple[User, str] | None
    admin_unknown: bool = False


@contextmanager
def open_application(settings: Settings) -> Iterator[Application]:
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
def open_with_all_stores_up(settings: Settings) -> Iterator[Application]:
    """As `connected`, and every database that is configured answers."""
    with open_application(settings) as diner:
        require_all_up(diner)
        yield diner


@contextmanager
def open_with_both_stores(settings: Settings) -> Iterator[Application]:
    """As `reachable` with both databases configured."""
    if not (settings.database_url and settings.mongodb_uri):
        raise NoDatabase("this needs both databases: set DATABASE_URL and MONGODB_URI")
    with open_with_all_stores_up(settings) as diner:
        yield diner


def store_statuses(application: Application) -> list[ConnectionStatus]:
    """The two databases, or the one that is configured."""
    return [one for one in application.replication.connections.status() if one.name in STORES]


def await_catching_up(application: Application, seconds: float = CATCH_UP_SECONDS) -> None:
    """Gives stores some time to catch up; while one is down the other one cannot finish."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        states = {one.state for one in store_statuses(application)}
        if ConnectionState.DOWN in states or ConnectionState.CATCHING_UP not in states:
            return
        time.sleep(0.1)


def migrate_database(backend: Backend, placement: Mapping[str, Sequence[StoreId]]) -> str:
    """Makes what this version needs in the database, and says what server that is."""
    database = backend.database
    for kind, places in placement.items():
        if database.store_id in places:
            # Stores declare their tables, collections and indexes when they are made.
            backend.stores[kind](database)
    database.open()
    try:
        # A server that is not there says so at once here; `prepare` would wait for it.
        server = database.ping().server
        database.prepare()
        return server
    finally:
        database.close()


def bootstrap(settings: Settings) -> BootstrapResult:
    """Migrates, lets the stores catch up, and adds what an empty restaurant lacks."""
    with open_application(replace(settings, relay_in_workers=False)) as diner:
        await_catching_up(diner)
        ordering = diner.of(OrderingServices)
        dishes = 0 if ordering.menu.all() else menu.seed(ordering.menu, ordering.categories)
        try:
            return BootstrapResult(dishes, diner.of(AccountServices).accounts.add_first_admin())
        except NoStoreAvailable:
            return BootstrapResult(dishes, None, admin_unknown=True)


def compare_pair(
    application: Application,
    pair: StorePair[Any],
    progress: ProgressCallback,
    *,
    deep: bool = False,
    repair: bool = False,
) -> ComparisonReport:
    """Compares one kind; what differs now is looked at once more after a moment."""
    found = ComparisonReport(pair.kind_name)
    if repair and not deep:
        found.repaired = application.replication.anti_entropy.repair_all(pair, progress).repaired
    search = (
        application.replication.anti_entropy.deep_differences
        if deep
        else application.replication.anti_entropy.differences
    )
    differing = list(islice(search(pair, progress), MAX_DIFFERENCES))
    if repair and deep:
        ids = [difference.record_id for difference in differing]
        found.repaired = application.replication.anti_entropy.repair(pair, ids).repaired
    if differing:
        time.sleep(RECHECK_SECONDS)
    found.differing = _still_differing(pair, differing)
    found.on_their_way = 0 if repair else len(differing) - len(found.differing)
    return found


def await_copy(application: Application, target: StoreId, progress: ProgressCallback) -> None:
    """Watches the connections bring a new store what the other one holds."""
    while any(one.state is not ConnectionState.UP for one in store_statuses(application)):
        require_all_up(application)
        pairs = application.replication.pairs.values()
        progress(
            sum(count_records(pair, target) for pair in pairs),
            sum(count_records(pair, pair.peer_of(target).store_id) for pair in pairs),
        )
        time.sleep(RECHECK_SECONDS)


def count_records(pair: StorePair[Any], store_id: StoreId) -> int:
    """How many records of a kind a store holds, tombstones included."""
    return sum(one.count for one in pair.store_of(store_id).fingerprints().values())


def list_dead_letters(application: Application, limit: int) -> list[tuple[Target, DeadLetter]]:
    """What nobody tries any more, with whoever refuses it: a store, or the followers."""
    return [
        (target, one)
        for store, target in _stores_with_targets(application)
        for one in store.dead_letters(target, limit)
    ]


def retry_dead_letters(application: Application) -> int:
    """Has what is parked tried again, and says how much that was."""
    return sum(
        store.retry_dead_letters(target, utc_now())
        for store, target in _stores_with_targets(application)
    )


def _stores_with_targets(application: Application) -> Iterator[tuple[Replica[Any], Target]]:
    for pair in application.replication.pairs.values():
        for place in STORES:
            yield pair.peer_of(place), place
    for store in application.follower_dispatcher.stores:
        yield store, FollowerTarget.FOLLOWERS


def count_open_conflicts(application: Application) -> int:
    """How many wait for a manager."""
    return application.repository(Conflicts).open_count()


def repair_on_schedule(application: Application) -> None:
    """The relay's check; a database that is away puts it off to the next time."""
    for kind, pair in application.replication.pairs.items():
        try:
            done = application.replication.anti_entropy.repair_all(pair)
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


def require_all_up(application: Application) -> None:
    """StoreUnavailable names a database that is down."""
    for one in store_statuses(application):
        if one.state is ConnectionState.DOWN:
            raise StoreUnavailable(one.name, one.reason)


def _still_differing(pair: StorePair[Any], differences: Sequence[Difference]) -> list[Difference]:
    ids = [difference.record_id for difference in differences]
    if not ids:
        return []
    one, other = pair.primary.load(ids), pair.backup.load(ids)
    return [each for each in differences if one.get(each.record_id) != other.get(each.record_id)]

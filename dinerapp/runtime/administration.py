"""The work of the operators' commands, apart from what they print."""

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
from dinerapp.runtime.backends import aux_connections_of, backends_of, bus_of
from dinerapp.runtime.container import Application
from dinerapp.runtime.databases import Backend, NoDatabase
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
    """The comparison of one kind of record, with at most MAX_DIFFERENCES differences."""

    kind: str
    differing: list[Difference] = field(default_factory=list)
    on_their_way: int = 0
    repaired: int = 0


@dataclass(frozen=True, slots=True)
class BootstrapResult:
    """How many dishes were added, and the first admin with the password, if one was created.

    `admin_unknown`: the database that may have an admin cannot be reached, so none was created.
    """

    dishes: int
    admin: tuple[User, str] | None
    admin_unknown: bool = False


@contextmanager
def open_application(settings: Settings) -> Iterator[Application]:
    """The application with open connections, and with a relay if the settings ask for one."""
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
    """As `open_application`; fails unless every configured database answers."""
    with open_application(settings) as diner:
        require_all_up(diner)
        yield diner


@contextmanager
def open_with_both_stores(settings: Settings) -> Iterator[Application]:
    """As `open_with_all_stores_up`; fails unless both databases are configured."""
    if not (settings.database_url and settings.mongodb_uri):
        raise NoDatabase("this command needs both databases: set DATABASE_URL and MONGODB_URI")
    with open_with_all_stores_up(settings) as diner:
        yield diner


def store_statuses(application: Application) -> list[ConnectionStatus]:
    """The two databases, or the one that is configured."""
    statuses = application.replication.connections.status()
    return [status for status in statuses if status.name in STORES]


def await_catching_up(application: Application, seconds: float = CATCH_UP_SECONDS) -> None:
    """Waits a limited time for stores to catch up; while one is down the other cannot finish."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        states = {status.state for status in store_statuses(application)}
        if ConnectionState.DOWN in states or ConnectionState.CATCHING_UP not in states:
            return
        time.sleep(0.1)


def migrate_database(backend: Backend, placement: Mapping[str, Sequence[StoreId]]) -> str:
    """Migrates the database to this version, and returns a description of the server."""
    database = backend.database
    for kind, places in placement.items():
        if database.store_id in places:
            # Stores declare their tables, collections and indexes when they are made.
            backend.stores[kind](database)
    database.open()
    try:
        # Fails at once if the server cannot be reached; `prepare` would wait for it.
        server = database.ping().server
        database.prepare()
        return server
    finally:
        database.close()


def bootstrap(settings: Settings) -> BootstrapResult:
    """Migrates, lets the stores catch up, and adds a menu and an admin if there is none."""
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
    """Compares one kind; records that differ are compared again after a moment."""
    report, anti_entropy = ComparisonReport(pair.kind_name), application.replication.anti_entropy
    if repair and not deep:
        report.repaired = anti_entropy.repair_all(pair, progress).repaired
    search = anti_entropy.deep_differences if deep else anti_entropy.differences
    differing = list(islice(search(pair, progress), MAX_DIFFERENCES))
    if repair and deep:
        ids = [difference.record_id for difference in differing]
        report.repaired = anti_entropy.repair(pair, ids).repaired
    if differing:
        time.sleep(RECHECK_SECONDS)
    report.differing = _still_differing(pair, differing)
    report.on_their_way = 0 if repair else len(differing) - len(report.differing)
    return report


def await_copy(application: Application, target: StoreId, progress: ProgressCallback) -> None:
    """Waits while the monitors copy everything to a new store."""
    while any(status.state is not ConnectionState.UP for status in store_statuses(application)):
        require_all_up(application)
        pairs = application.replication.pairs.values()
        progress(
            sum(count_records(pair, target) for pair in pairs),
            sum(count_records(pair, pair.peer_of(target).store_id) for pair in pairs),
        )
        time.sleep(RECHECK_SECONDS)


def count_records(pair: StorePair[Any], store_id: StoreId) -> int:
    """How many records of a kind a store holds, including tombstones."""
    return sum(bucket.count for bucket in pair.store_of(store_id).fingerprints().values())


def list_dead_letters(application: Application, limit: int) -> list[tuple[Target, DeadLetter]]:
    """The dead letters, with the target that refused each: a store, or the followers."""
    return [
        (target, dead_letter)
        for store, target in _stores_with_targets(application)
        for dead_letter in store.dead_letters(target, limit)
    ]


def retry_dead_letters(application: Application) -> int:
    """Makes all dead letters due again, and returns how many there were."""
    return sum(
        store.retry_dead_letters(target, utc_now())
        for store, target in _stores_with_targets(application)
    )


def _stores_with_targets(application: Application) -> Iterator[tuple[Replica[Any], Target]]:
    for pair in application.replication.pairs.values():
        for store_id in STORES:
            yield pair.peer_of(store_id), store_id
    for store in application.follower_dispatcher.stores:
        yield store, FollowerTarget.FOLLOWERS


def count_open_conflicts(application: Application) -> int:
    """How many conflicts are open."""
    return application.repository(Conflicts).open_count()


def repair_on_schedule(application: Application) -> None:
    """The relay's scheduled repair; postponed to the next time if a database is down."""
    for kind, pair in application.replication.pairs.items():
        try:
            report = application.replication.anti_entropy.repair_all(pair)
        except DinerError as exc:
            _log.warning("consistency_put_off", kind=kind, reason=str(exc))
            return
        _log.info(
            "consistency_checked",
            kind=kind,
            differing=report.differing,
            repaired=report.repaired,
            refused=len(report.refused),
        )


def require_all_up(application: Application) -> None:
    """Raises StoreUnavailable for a database that is down."""
    for status in store_statuses(application):
        if status.state is ConnectionState.DOWN:
            raise StoreUnavailable(status.name, status.reason)


def _still_differing(pair: StorePair[Any], differences: Sequence[Difference]) -> list[Difference]:
    ids = [difference.record_id for difference in differences]
    if not ids:
        return []
    in_primary, in_backup = pair.primary.load(ids), pair.backup.load(ids)
    return [it for it in differences if in_primary.get(it.record_id) != in_backup.get(it.record_id)]

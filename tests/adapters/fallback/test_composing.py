"""Which methods of a port the composite sends to a store, and which ports it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.fallback.ack_batcher import AckBatcher
from adapters.fallback.composite import ReplicationContext, UnroutableMethod, compose
from adapters.fallback.guarded_store import GuardedStore
from adapters.fallback.store_health import StoreHealth
from dinerapp.replication.errors import NotFound
from dinerapp.replication.merge import MergePolicy
from dinerapp.replication.ports.documents import BadDeclaration
from dinerapp.replication.ports.routing import query
from dinerapp.replication.replicator import Replicator
from dinerapp.replication.served_by import StoreRole
from dinerapp.replication.version import StoreId
from tests.contracts.visits import Visit, Visits, visit
from tests.simulation.reference import ReferenceDatabase, reference_store


def composed(port: type[Visits]) -> tuple[Any, list[Any]]:
    """The port over two references, and these."""
    stores = [reference_store(ReferenceDatabase(it), port) for it in list(StoreId)[:2]]
    roles = zip(stores, StoreRole, strict=True)
    guarded = [
        GuardedStore(store, StoreHealth(store.store_id), role, timeout=10) for store, role in roles
    ]
    for side in guarded:
        side.health.finish_catch_up(side.health.start_catch_up("for a test"))
    replicator = Replicator(MergePolicy(), save_conflict=lambda _: None)
    return compose(port, guarded, ReplicationContext(replicator, AckBatcher(replicator))), stores


def test_a_question_written_in_the_port_runs_in_the_serving_store_and_then_in_the_other() -> None:
    visits, (primary, backup) = composed(Visits)
    [one] = [backup.save(visit(guest="ada", order="pie"))]
    assert visits.first(guest="ada", order="pie") == one
    assert visits.newest(None, 9).items == ()
    assert primary.rows == {}
    with pytest.raises(NotFound):
        visits.first(guest="ada", order=None)


def test_the_protected_questions_are_no_way_around_the_stores() -> None:
    visits, _ = composed(Visits)
    with pytest.raises(BadDeclaration, match="only methods marked @query or @find_one"):
        visits._newest(None, 9)


class UnmarkedVisits(Visits):
    """Asks without saying of whom."""

    def merry(self) -> list[Visit]:
        return [*self._newest(None, 9, mood="merry").items]


class UnmarkedProperty(Visits):
    """The same, as a property."""

    @property
    def oldest(self) -> Visit:
        return self._first()


class HelpfulVisits(Visits):
    """Marks what is for others; what is for itself needs no mark."""

    def _named(self, guest: str) -> list[Visit]:
        return [it for it in self._newest(None, 9).items if it.guest == guest]

    @query
    def of(self, guest: str) -> list[Visit]:
        """Those of the guest."""
        return self._named(guest)


@pytest.mark.parametrize(
    ("port", "method"), [(UnmarkedVisits, "merry"), (UnmarkedProperty, "oldest")]
)
def test_a_method_without_a_mark_stops_the_start(port: type[Visits], method: str) -> None:
    with pytest.raises(UnroutableMethod, match=rf"{port.__name__}\.{method} is marked neither"):
        composed(port)


def test_a_port_may_help_itself() -> None:
    visits, (primary, _) = composed(HelpfulVisits)
    one = primary.save(visit(guest="ada"))
    assert visits.of("ada") == [one]

"""What must be true of both stores once everything is drained."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import combinations
from typing import Any

from dinerapp.ordering.domain.orders import Order, Status
from dinerapp.replication import codec
from dinerapp.replication.record import Record
from dinerapp.replication.version import StoreId
from tests.simulation.lineage import LineageLog
from tests.simulation.oracle import IntendedOperation, Oracle, describe_state
from tests.simulation.process import PLACEMENT, PLACES, SimulatedServers
from tests.simulation.scheduler import Violation
from tests.simulation.stores import PoisonedStore, living_stock

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
KINDS = tuple(port.kind.name for port in PLACEMENT)
FOLLOWED = {port.kind.name: port.kind.has_followers for port in PLACEMENT}


def check_promises(oracle: Oracle, servers: SimulatedServers, poison: PoisonedStore) -> None:
    """Raises Violation for the first promise that was not kept."""
    parked = dict(_dead_letters(servers, poison))
    _equal(servers, parked)
    lost = _lost_states(servers)
    for op in oracle.ops.values():
        if op.record_id not in parked:
            _acknowledged_is_kept(op, oracle, servers, lost)
        _acknowledged_is_followed(op, oracle)
        _rejected_is_nowhere(op, oracle)
    for op in oracle.ops.values():
        if op.moves and op.record_id not in parked:
            _step_is_kept(op, servers)
    for place in PLACES:
        for order in _states(servers, place, "orders").values():
            _effects_once(order)
            _status_follows(order)
        _stock_adds_up(servers, place)
    if not parked:
        _counters_are_equal(servers)
    _oversold_is_filed(oracle, servers, set(parked))


def _states(servers: SimulatedServers, store_id: StoreId, kind: str) -> dict[str, Any]:
    return {key: row.record for key, row in servers.stores[store_id, kind].rows.items()}


def _dead_letters(servers: SimulatedServers, poison: PoisonedStore) -> Iterator[tuple[str, str]]:
    """P9: only what a store cannot hold is parked, and says why."""
    for place, other in (PLACES, PLACES[::-1]):
        for store in servers.at(place):
            for entry in store.dead_letters(other, 1000):
                state = store.rows[entry.record_id].record
                if not poison.refuses(other, state):
                    what = f"{describe_state(state)} is parked at {place} and {other} could hold it"
                    raise Violation("P9 a poisoned record stops only itself", what)
                if entry.reason != poison.reason:
                    raise Violation("P9 a poisoned record stops only itself", "parked, no reason")
                yield entry.record_id, entry.reason


def _equal(servers: SimulatedServers, parked: dict[str, str]) -> None:
    for kind in KINDS:
        one, other = (_states(servers, place, kind) for place in PLACES)
        for key in {*one, *other} - set(parked):
            if one.get(key) != other.get(key):
                what = f"{kind} {describe_state(one.get(key))} and {describe_state(other.get(key))}"
                raise Violation("P4 convergence", what)


def _lost_states(servers: SimulatedServers) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for conflict in _states(servers, PLACES[0], "conflicts").values():
        found.setdefault(conflict.record_id, []).append(_normalise(conflict.loser))
    return found


def _acknowledged_is_kept(
    op: IntendedOperation,
    oracle: Oracle,
    servers: SimulatedServers,
    lost: dict[str, list[dict[str, Any]]],
) -> None:
    if op.acked_at is None:
        return
    state = _states(servers, PLACES[0], op.kind).get(op.record_id)
    if state is None:
        raise Violation("P1 nothing lost", f"{op} was acknowledged, the record is nowhere")
    if op.op_id in oracle.lineage.lineage_of(state).surviving:
        _deletion_is_kept(op, state)
        return
    if not any(op.op_id in said for said in _said_by_losers(op, oracle.lineage, lost)):
        what = f"{op} was acknowledged and is neither in {describe_state(state)} nor in conflicts"
        raise Violation("P1 nothing lost", what)


def _acknowledged_is_followed(op: IntendedOperation, oracle: Oracle) -> None:
    """Whatever else befalls the record: followers need no other store."""
    followed = oracle.followed.get(op.record_id, ())
    if op.acked_at is not None and FOLLOWED[op.kind] and op.op_id not in followed:
        raise Violation("what follows happens", f"{op} was acknowledged, and nobody followed")


def _deletion_is_kept(op: IntendedOperation, state: Record) -> None:
    if op.deletes and not state.deleted:
        raise Violation(
            "P5 the deleted stay deleted", f"{op}, and yet {describe_state(state)} lives"
        )


def _said_by_losers(
    op: IntendedOperation, ground: LineageLog, lost: dict[str, list[dict[str, Any]]]
) -> Iterator[frozenset[str]]:
    losers = lost.get(op.record_id, [])
    for state in ground.states.get(op.record_id, {}).values():
        if losers and _normalise(codec.dump(state)) in losers:
            yield ground.lineage_of(state).surviving


def _normalise(value: Any) -> Any:
    """Alike for a state and for what a conflict keeps of it, however it writes times."""
    match value:
        case dict():
            return {name: _normalise(item) for name, item in value.items()}
        case list() | tuple():
            return [_normalise(item) for item in value]
        case datetime():
            return value.timestamp()
        case str() if _TIME.match(value):
            return datetime.fromisoformat(value).timestamp()
    return value


def _rejected_is_nowhere(op: IntendedOperation, oracle: Oracle) -> None:
    if op.answers and set(op.answers) == {"rejected"} and op.op_id in oracle.accepted:
        places = sorted(oracle.accepted[op.op_id])
        raise Violation("P2 nothing half done", f"{op} was rejected and accepted by {places}")


def _step_is_kept(op: IntendedOperation, servers: SimulatedServers) -> None:
    """An order's steps are united by every merge; no policy may drop one."""
    order = _states(servers, PLACES[0], "orders").get(op.record_id)
    history = () if order is None else order.history
    if op.acked_at is not None and op.label not in {event.reason for event in history}:
        raise Violation("P1 nothing lost", f"{op} is not in the history of {describe_state(order)}")


def _status_follows(order: Order) -> None:
    furthest = max((event.status for event in order.history), key=list(Status).index)
    if order.status != furthest:
        what = f"{describe_state(order)} is {order.status} and was {furthest}"
        raise Violation("P1 nothing lost", what)


def _effects_once(order: Order) -> None:
    reasons = Counter(event.reason for event in order.history)
    for reason, times in reasons.items():
        if times > 1:
            what = f"{reason} is {times} times in the history of {describe_state(order)}"
            raise Violation("P3 nothing doubled", what)


def _stock_adds_up(servers: SimulatedServers, store_id: StoreId) -> None:
    expected = living_stock(_holding_records(servers, store_id))
    held = Counter({key: n for key, n in servers.databases[store_id].reserved.items() if n})
    if held != expected:
        what = f"{store_id} counts {dict(held)}, living records hold {dict(expected)}"
        raise Violation("P3 nothing doubled", what)


def _counters_are_equal(servers: SimulatedServers) -> None:
    one, other = (
        {key: n for key, n in servers.databases[place].reserved.items() if n} for place in PLACES
    )
    if one != other:
        raise Violation("P4 convergence", f"counters differ: {one} and {other}")


def _oversold_is_filed(oracle: Oracle, servers: SimulatedServers, parked: set[str]) -> None:
    """Parked records excuse two things: what was taken before the limit was known may never have
    been shipped to where it is, and a parked cancellation still holds what it gave back."""
    conflicts = _states(servers, PLACES[0], "conflicts").values()
    filed = {(c.about, c.record_id) for c in conflicts if c.reason == "oversold"}
    pairs = Counter(
        (c.winner["id"], c.loser["id"]) for c in conflicts if c.reason.startswith("both hold")
    )
    for place, key in _oversold(servers):
        if parked and key in oracle.unlimited:
            continue
        if key.startswith("table:"):
            _each_pair_is_filed_once(key, servers, place, pairs)
        elif tuple(key.split(":")) not in filed:
            raise Violation("P10 stock", f"{place} holds too much of {key}, and no conflict")
        if key not in oracle.unlimited | _held_by(parked, servers):
            _taken_on_both_sides(key, oracle, servers)


def _each_pair_is_filed_once(
    key: str, servers: SimulatedServers, store_id: StoreId, pairs: Counter[tuple[str, str]]
) -> None:
    """A double booking names both records, the one that came first first."""
    bookings = _states(servers, store_id, "bookings").values()
    holders = [(each.created_at, each.id) for each in bookings if key in living_stock([each])]
    for (_, first), (_, second) in combinations(sorted(holders), 2):
        if pairs[first, second] != 1 or pairs[second, first]:
            what = f"{store_id} has {key} twice, and {pairs[first, second]} conflicts of the two"
            raise Violation("P10 stock", what)


def _holding_records(servers: SimulatedServers, store_id: StoreId) -> list[Any]:
    kinds = ("orders", "bookings")
    return [record for kind in kinds for record in _states(servers, store_id, kind).values()]


def _oversold(servers: SimulatedServers) -> Iterator[tuple[StoreId, str]]:
    for place in PLACES:
        database = servers.databases[place]
        for key, held in database.reserved.items():
            ceiling = database.limits.get(key)
            if ceiling is not None and held > ceiling:
                yield place, key


def _held_by(record_ids: set[str], servers: SimulatedServers) -> set[str]:
    records = [
        record
        for place in PLACES
        for record in _holding_records(servers, place)
        if record.id in record_ids
    ]
    return set(living_stock(records))


def _taken_on_both_sides(key: str, oracle: Oracle, servers: SimulatedServers) -> None:
    holders = {
        record.id
        for place in PLACES
        for record in _holding_records(servers, place)
        if key in living_stock([record])
    }
    takers = [op.op_id for op in oracle.ops.values() if op.record_id in holders]
    places = {place for op_id in takers for place in oracle.accepted.get(op_id, ())}
    if len(places) < 2:
        raise Violation("P10 stock", f"{key} was oversold, and only {places} took orders")

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinerapp.replication import codec, conflicts
from dinerapp.replication.errors import InvalidRecord
from dinerapp.replication.identity import new_id
from dinerapp.replication.version import StoreId
from tests.factories import at, conflict, coupon, menu_item, order
from tests.unit.strategies import records, scalars

SURROGATE = "\ud800"


@given(records)
def test_a_canonical_record_is_canonical_already(record: Any) -> None:
    once = codec.canonical(record)
    assert codec.canonical(once) == once
    assert codec.digest(codec.canonical(once)) == codec.digest(once)


def test_a_rule_of_a_kind_is_asked_about_values_of_the_declared_types_only() -> None:
    percent: Any = "ten"
    with pytest.raises(InvalidRecord) as refused:
        codec.canonical(replace(coupon(), percent=percent, amount=None))
    assert (refused.value.field, refused.value.reason) == (
        "percent",
        "Expected `int | null`, got `str`",
    )


@given(records)
def test_a_record_is_read_back_from_its_plain_values(record: Any) -> None:
    canonical = codec.canonical(record)
    assert codec.load(type(record), codec.dump(canonical)) == canonical


@given(records)
def test_a_record_is_read_back_from_json(record: Any) -> None:
    canonical = codec.canonical(record)
    text = msgspec.json.encode(codec.dump(canonical))
    assert codec.load(type(record), json.loads(text)) == canonical


@given(records, records)
def test_digests_are_equal_exactly_if_the_records_are(one: Any, other: Any) -> None:
    assert (codec.digest(one) == codec.digest(other)) == (repr(one) == repr(other))


@given(records)
def test_digests_do_not_depend_on_the_order_of_keys(record: Any) -> None:
    if not isinstance(record, conflicts.Conflict):
        turned = replace(record)
    else:
        turned = replace(record, winner=dict(reversed(record.winner.items())))
    assert codec.digest(turned) == codec.digest(record)


@given(st.sampled_from(["id", "created_at", "updated_at", "op_id", "version", "source", "deleted"]))
def test_digests_cover_the_envelope(field: str) -> None:
    record = menu_item().as_accepted_by(StoreId.POSTGRESQL)
    other = menu_item(
        created_at=at(7),
        updated_at=at(7),
        deleted=True,
    ).as_accepted_by(StoreId.MONGODB)
    changed = replace(record, **{field: getattr(other, field)})
    assert codec.digest(changed) != codec.digest(record)


def test_half_a_million_digests_can_be_added_up_in_a_64_bit_integer() -> None:
    digests = [codec.digest(menu_item()) for _ in range(100)]
    assert max(digests) < 2**44
    assert 2**44 * 2**19 <= 2**63


def test_buckets_are_spread_evenly() -> None:
    found = [codec.bucket(new_id()) for _ in range(20_000)]
    assert set(found) <= set(range(codec.BUCKET_COUNT))
    assert len(set(found)) > codec.BUCKET_COUNT * 0.95


def test_content_is_what_a_record_says_beside_its_envelope() -> None:
    record = menu_item(price=7).as_accepted_by(StoreId.POSTGRESQL)
    assert codec.content(record)["price"] == 7
    assert codec.ENVELOPE_FIELDS.isdisjoint(codec.content(record))
    moved = record.with_changes(op_id="o", now=at(9)).as_accepted_by(StoreId.MONGODB)
    assert codec.content(moved) == codec.content(record)


def test_moments_become_utc_milliseconds_at_every_depth() -> None:
    zone = timezone(timedelta(hours=2))
    moment = at(0.123987).astimezone(zone)
    record = codec.canonical(order(created_at=moment, history=(replace(EVENT, at=moment),)))
    assert record.created_at == record.history[0].at == at(0.123)
    assert record.created_at.tzinfo == record.history[0].at.tzinfo == UTC


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"notes": "\0"}, "notes"),
        ({"notes": SURROGATE}, "notes"),
        ({"tip": 2**63}, "tip"),
        ({"tip": -(2**63) - 1}, "tip"),
        ({"created_at": at().replace(tzinfo=None)}, "created_at"),
    ],
)
def test_what_a_database_cannot_hold_is_refused_by_the_name_of_its_field(
    fields: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidRecord) as refused:
        codec.canonical(order(**fields))
    assert refused.value.field == path


def test_the_path_of_a_refused_value_leads_to_it() -> None:
    lines = (*order().lines, replace(order().lines[0], name="\0"))
    with pytest.raises(InvalidRecord) as refused:
        codec.canonical(order(order_lines=lines, subtotal=1, total=1))
    assert refused.value.field == "lines.1.name"
    with pytest.raises(InvalidRecord) as refused:
        codec.canonical(conflict(winner={"a": [{"b": float("nan")}]}))
    assert refused.value.field == "winner.a.0.b"


@given(scalars, st.integers(0, codec.MAX_DEPTH - 2))
def test_values_may_be_nested_but_not_endlessly(value: object, depth: int) -> None:
    for _ in range(depth):
        value = {"deeper": value}
    record = conflict(winner={"value": value})
    assert codec.canonical(record).winner == {"value": value}


@pytest.mark.parametrize("depth", [codec.MAX_DEPTH, 1000, 100_000])
def test_a_bottomless_value_is_refused(depth: int) -> None:
    value: Any = []
    for _ in range(depth):
        value = [value]
    with pytest.raises(InvalidRecord):
        codec.canonical(conflict(winner={"value": value}))


@pytest.mark.parametrize("key", ["", "$set", "a.b", "a\0", SURROGATE, 1], ids=ascii)
def test_a_name_no_database_takes_is_refused(key: Any) -> None:
    with pytest.raises(InvalidRecord):
        codec.canonical(conflict(winner={key: 1}))


@pytest.mark.parametrize(
    "value",
    [
        Decimal("1.10"),
        b"bytes",
        {1},
        object(),
        1j,
        datetime(2026, 5, 1, tzinfo=UTC),
        datetime(2026, 5, 1, tzinfo=UTC).date(),
        timedelta(1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_free_value_of_a_type_json_has_not_is_refused_or_made_one_it_has(value: object) -> None:
    assert survives_json(conflict(winner={"value": value}))


@pytest.mark.parametrize(
    ("field", "value"),
    [("price", Decimal("8.50")), ("price", 8.5), ("price", "850"), ("name", None), ("price", True)],
    ids=repr,
)
def test_a_value_of_the_wrong_type_is_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidRecord):
        codec.canonical(menu_item(**{field: value}))


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-12))),
    ],
    ids=str,
)
def test_a_moment_beyond_the_calendar_is_refused(moment: datetime) -> None:
    with pytest.raises(InvalidRecord):
        codec.canonical(menu_item(created_at=moment))


def test_minus_zero_is_made_the_zero_that_every_database_keeps() -> None:
    plus, minus = (codec.canonical(conflict(id=ONE_ID, winner={"v": v})) for v in (0.0, -0.0))
    assert repr(plus.winner) == repr(minus.winner)


def survives_json(record: Any) -> bool:
    """Whether the record is refused, or made one that any database gives back unchanged."""
    try:
        canonical = codec.canonical(record)
    except InvalidRecord:
        return True
    text = msgspec.json.encode(codec.dump(canonical))
    return bool(codec.load(type(record), json.loads(text)) == canonical)


EVENT = order().history[0]
ONE_ID = new_id()


FIRST_ALL_AT_ONCE = """
import sys
from threading import Barrier, Thread

from dinerapp.replication import codec
from dinerapp.runtime.registry import PORTS
from tests.contracts.samples import SAMPLES

sys.setswitchinterval(1e-6)
for sample in SAMPLES:
    record = sample.make()
    gate, plain = Barrier(8), codec.dump(record)

    def load():
        gate.wait()
        assert codec.load(type(record), plain) == record

    threads = [Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_threads_may_be_the_first_to_read_a_kind_all_at_once() -> None:
    for _ in range(2):
        command = [sys.executable, "-c", FIRST_ALL_AT_ONCE]
        assert subprocess.run(command, check=False).returncode == 0

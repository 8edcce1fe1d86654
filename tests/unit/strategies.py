"""Random records, versions and histories for property tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from dinerapp.ordering.domain.orders import Status
from dinerapp.replication.identity import new_id
from dinerapp.replication.record import AppliedOperation
from dinerapp.replication.version import StoreId, Version
from tests.contracts.samples import Sample
from tests.factories import (
    at,
    conflict,
    menu_item,
    message,
    order,
    payment,
    read_marker,
    session,
    user,
)

LINES = order().lines
PAYMENTS = [payment(amount, id=f"payment {amount}") for amount in (200, 300, 350)]
IDS = [new_id() for _ in range(3)]

versions = st.builds(Version, *[st.integers(0, 5)] * 3)
places = st.sampled_from(StoreId)
databases = st.sampled_from([StoreId.POSTGRESQL, StoreId.MONGODB])
moments = st.integers(0, 20).map(at)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
op_ids = st.integers(0, 9).map(lambda number: f"{number:032x}")
steps = st.builds(AppliedOperation, places, st.integers(1, 6), op_ids)
trails = st.lists(steps, min_size=1, max_size=12).map(tuple)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
keys = texts.filter(lambda key: key and "." not in key and not key.startswith("$"))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
)
free = st.dictionaries(keys, values, max_size=3)


@st.composite
def envelopes(draw: st.DrawFn) -> dict[str, Any]:
    """What a stored record carries beside its content."""
    return {
        "id": draw(st.sampled_from(IDS)),
        "op_id": draw(op_ids),
        "version": draw(versions),
        "trail": draw(trails),
        "source": draw(places),
        "created_at": draw(moments),
        "updated_at": draw(moments),
        "deleted": draw(st.booleans()),
    }


@st.composite
def states_of(draw: st.DrawFn, sample: Sample, base: Any) -> Any:
    """States of one record of any kind, which differ in a text if in anything."""
    text = draw(st.sampled_from("ab"))
    return replace(base, **{**draw(envelopes()), "id": base.id, sample.text: text})


@st.composite
def menu_items(draw: st.DrawFn, /, **fixed: Any) -> Any:
    """Two of these are quite likely to be alike."""
    content = {"slug": draw(st.sampled_from("ab")), "price": draw(st.integers(0, 2))}
    return menu_item(**{**draw(envelopes()), **content, **fixed})


@st.composite
def orders(draw: st.DrawFn, /, **fixed: Any) -> Any:
    """Two of these are quite likely to differ only in how far they are."""
    content = {
        "order_lines": LINES,
        "status": draw(st.sampled_from(Status)),
        "payments": tuple(draw(st.lists(st.sampled_from(PAYMENTS), unique=True))),
        "notes": draw(st.none() | st.sampled_from("ab")),
    }
    return order(**{**draw(envelopes()), **content, **fixed}).with_totals()


@st.composite
def users(draw: st.DrawFn, /, **fixed: Any) -> Any:
    """Two of these are quite likely to differ only in where they are logged in."""
    content = {
        "email": draw(st.sampled_from(["a@b.de", "c@d.de"])),
        "active": draw(st.booleans()),
        "password_hash": draw(st.sampled_from("ab")),
        "password_changed_at": draw(moments),
        "sessions": tuple(draw(st.lists(sessions(), max_size=3, unique_by=lambda one: one.id))),
        "edits": tuple(draw(st.lists(op_ids, max_size=4, unique=True))),
    }
    return user(**{**draw(envelopes()), **content, **fixed})


@st.composite
def sessions(draw: st.DrawFn) -> Any:
    """Two of these are quite likely to be one, a refresh apart."""
    return session(
        id=draw(st.sampled_from(IDS)),
        generation=draw(st.integers(1, 3)),
        rotated_at=draw(moments),
        revoked=draw(st.booleans()),
    )


@st.composite
def messages(draw: st.DrawFn, /, **fixed: Any) -> Any:
    """Two of these are quite likely to be one, an edit or a removal apart."""
    removed = draw(st.none() | moments)
    content = {
        "room_id": "r",
        "author_id": "a",
        "content": draw(st.sampled_from("ab")),
        "edits": draw(st.integers(0, 2)),
        "edited_at": draw(st.none() | moments),
        "removed_at": removed,
        "removed_by": None if removed is None else draw(st.sampled_from("ab")),
    }
    return message(**{**draw(envelopes()), **content, **fixed})


@st.composite
def reads(draw: st.DrawFn, /, **fixed: Any) -> Any:
    """Two of these are quite likely to be at the same moment."""
    content = {
        "room_id": "r",
        "user_id": "u",
        "message_id": draw(st.sampled_from(IDS)),
        "message_at": draw(moments),
    }
    return read_marker(**{**draw(envelopes()), **content, **fixed})


@st.composite
def conflicts(draw: st.DrawFn) -> Any:
    """With free values on both sides."""
    content = {"winner": draw(free), "loser": draw(free), "reason": draw(texts)}
    return conflict(**{**draw(envelopes()), **content, "record_id": "r"})


records = menu_items() | orders() | users() | conflicts()

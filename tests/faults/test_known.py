"""What the scenarios found and nobody has mended yet; each of these fails until somebody does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dinerapp.domain.identity import new_op_id
from dinerapp.domain.merging import Policy, reconciled
from dinerapp.domain.orders import ORDERS, Status
from dinerapp.domain.version import Place
from tests.makers import at, order

pytestmark = pytest.mark.faults


@pytest.mark.xfail(reason="`includes` knows the operation, and its other result goes unseen")
def test_an_acknowledged_total_is_kept_when_the_other_try_of_the_request_went_on() -> None:
    """P1: both tries priced the order from menus of different age; one of them was then moved."""
    placed = order()
    here = replace(placed, total=5056).stamped(Place.POSTGRESQL)
    there = replace(placed, total=4645).stamped(Place.MONGODB)
    moved = there.moved(
        Status.CONFIRMED, actor="staff", reason=None, op_id=new_op_id(), now=at(5)
    ).stamped(Place.MONGODB)
    merge = reconciled(ORDERS, here, moved, Policy())
    kept = {merge.record.total, merge.lost and merge.lost.total}
    assert kept == {here.total, there.total}

"""What is served when: an item within its own hours and those of its category."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from dinerapp.ordering.domain.hours import Calendar, parse_hours
from dinerapp.ordering.domain.menu import Serving
from dinerapp.ordering.domain.pricing import LineRequest, Rates, quote, require_all
from dinerapp.replication.errors import RuleViolation
from tests.factories import MAINS_ID, category, menu_item

BERLIN = Calendar(zone=ZoneInfo("Europe/Berlin"))
NOON = datetime(2036, 5, 2, 10, tzinfo=UTC)  # a Friday, twelve o'clock in Berlin
LUNCH = parse_hours("mon-fri 11:30-15:00")
EVENING = parse_hours("mon-sun 18:00-23:00")


def serving(moment: datetime = NOON, **hours: object) -> Serving:
    mains = category(id=MAINS_ID, **hours)
    return Serving(moment=moment, calendar=BERLIN, categories={MAINS_ID: mains})


def test_an_item_without_hours_is_served_always() -> None:
    assert serving().serves(menu_item())


@pytest.mark.parametrize(
    ("item", "group", "is_served"),
    [(LUNCH, (), True), (EVENING, (), False), ((), LUNCH, True), ((), EVENING, False),
     (LUNCH, LUNCH, True), (LUNCH, EVENING, False)],
)  # fmt: skip
def test_an_item_is_served_within_its_hours_and_its_categorys(
    item: object, group: object, is_served: bool
) -> None:
    assert serving(hours=group).serves(menu_item(hours=item)) is is_served


def test_an_item_of_a_category_that_is_gone_has_its_own_hours() -> None:
    assert Serving(moment=NOON).serves(menu_item())
    assert not Serving(moment=NOON, calendar=BERLIN).serves(menu_item(hours=EVENING))


def test_the_next_change_is_that_of_any_item_or_category() -> None:
    items = [menu_item(hours=EVENING), menu_item()]
    assert serving().next_change([menu_item()]) is None
    assert serving().next_change(items) == datetime(2036, 5, 2, 16, tzinfo=UTC)
    assert serving(hours=LUNCH).next_change(items) == datetime(2036, 5, 2, 13, tzinfo=UTC)


def test_an_order_outside_the_hours_is_told_when_they_begin() -> None:
    item = menu_item(name="Schnitzel", hours=EVENING)
    wanted = [LineRequest(item_id=item.id, quantity=1)]
    with pytest.raises(RuleViolation) as refused:
        require_all(quote(wanted, {item.id: item}, ["l"], Rates(), serving()))
    assert refused.value.field == "items.0.item_id"
    assert refused.value.reason == (
        "Schnitzel is not served on Friday at 12:00; "
        "it is served again from Friday, 02 May at 18:00"
    )


def test_an_order_within_the_hours_is_priced() -> None:
    item = menu_item(hours=LUNCH)
    wanted = [LineRequest(item_id=item.id, quantity=1)]
    [line] = require_all(quote(wanted, {item.id: item}, ["l"], Rates(), serving()))
    assert line.total == item.price

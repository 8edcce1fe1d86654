"""No field of an item on the menu takes nonsense, whoever is serving."""

from __future__ import annotations

import pytest

from tests.blueprints.attacks import ITEM_FIELDS, attack, full_item
from tests.blueprints.grounds import Ground


@pytest.mark.parametrize("route", ["add", "change"])
def test_no_field_of_an_item_takes_nonsense(
    ground: Ground, route: str, subtests: pytest.Subtests
) -> None:
    attack(ground, route, full_item(), ITEM_FIELDS, subtests)

"""The PostgreSQL stores of menu categories and menu items."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.postgres.documents import DocumentStore
from dinerapp.ordering.domain.menu import Category, MenuItem
from dinerapp.ordering.ports.menu import Categories, MenuItems

_ALL_CATEGORIES = "WHERE NOT deleted ORDER BY position, name, id"
_ALL_ITEMS = "WHERE NOT deleted ORDER BY category_id, position, name, id"
_COUNT_IN = """
SELECT count(*) AS number FROM menu_items WHERE category_id = %(category_id)s AND NOT deleted
"""


class PostgresCategories(DocumentStore[Category], Categories):
    """Table categories."""

    def all(self) -> Sequence[Category]:
        return self._find(_ALL_CATEGORIES, {})


class PostgresMenuItems(DocumentStore[MenuItem], MenuItems):
    """Table menu_items."""

    def all(self) -> Sequence[MenuItem]:
        return self._find(_ALL_ITEMS, {})

    def count_in(self, category_id: str) -> int:
        [row] = self._fetch(_COUNT_IN, {"category_id": category_id}) or [{"number": 0}]
        number: int = row["number"]
        return number

"""The menu in PostgreSQL: documents."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.postgres.documents import DocumentStore
from dinerapp.domain.menu import MenuItem
from dinerapp.ports.menu import MenuItems

_ALL = "WHERE NOT deleted ORDER BY category, position, name, id"


class PostgresMenuItems(DocumentStore[MenuItem], MenuItems):
    """Table menu_items."""

    def all(self) -> Sequence[MenuItem]:
        return self._find(_ALL, {})

"""The menu. Contract suite: tests/contracts/menu.py."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from dinerapp.domain.menu import MENU_ITEMS, MenuItem
from dinerapp.ports.repository import Repository
from dinerapp.ports.routing import question


class MenuItems(Repository[MenuItem]):
    """Dishes and drinks."""

    kind = MENU_ITEMS

    @abstractmethod
    @question
    def all(self) -> Sequence[MenuItem]:
        """Every item, by category, then position, then name, then id."""

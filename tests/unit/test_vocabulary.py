"""One word, one meaning: no class name is used twice, and retired words do not come back."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("dinerapp", "adapters", "blueprints")

RETIRED = frozenset(
    [
        "Absence",
        "Audience",
        "AuthorsWords",
        "Board",
        "Breaker",
        "Bulk",
        "Charged",
        "Claim",
        "Collector",
        "Companion",
        "Consistency",
        "Counted",
        "Creditor",
        "Deed",
        "Diner",
        "Draft",
        "Fresh",
        "Granted",
        "Handed",
        "Handover",
        "Happening",
        "Keeping",
        "Layout",
        "Manners",
        "Member",
        "Moves",
        "Names",
        "Noticed",
        "Once",
        "OrderTeller",
        "Outdated",
        "Overtaken",
        "Owed",
        "Owing",
        "Pace",
        "Patience",
        "Place",
        "Planning",
        "Recognition",
        "Regulars",
        "Repaired",
        "Rhythm",
        "Said",
        "Seats",
        "Seen",
        "Seldom",
        "Settler",
        "Shelf",
        "Short",
        "Shown",
        "Side",
        "Step",
        "Sums",
        "Taken",
        "Terms",
        "Traffic",
        "Turns",
        "UsedKey",
        "Wanted",
        "Watch",
        "Word",
        "Workings",
        "acquaintance",
        "admissible_basis",
        "absorb",
        "by_whom",
        "ceilings",
        "handed_out",
        "happenings",
        "lay_out",
        "made_by",
        "may_stay",
        "nameless",
        "reconciled",
        "reluctance",
        "require_fits",
        "saved",
        "settle",
        "spare_the_collector",
        "throw_cart_away",
    ]
)
"""Names that the glossary's words have replaced."""

HELD_BY_CLIENTS = {
    "Availability": "blueprints/menu/schemas.py",
    "Slots": "blueprints/orders/schemas.py",
}
"""Schemas whose names are components of the OpenAPI description, which generated clients have."""

KEPT = {
    "Member": "a person in a server is a member in every messenger",
}


def definitions() -> Iterator[tuple[str, str, bool]]:
    """Every class and function: its name, its file, and whether it is a class."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef | ast.FunctionDef):
                    is_class = isinstance(node, ast.ClassDef)
                    yield node.name, str(path.relative_to(ROOT)), is_class


def test_no_class_name_stands_for_two_things() -> None:
    files = defaultdict(list)
    for name, file, is_class in definitions():
        if is_class and HELD_BY_CLIENTS.get(name) != file:
            files[name].append(file)
    assert {name: where for name, where in files.items() if len(where) > 1} == {}


def test_retired_words_do_not_come_back() -> None:
    retired = RETIRED - set(KEPT)
    assert [(name, file) for name, file, _ in definitions() if name in retired] == []

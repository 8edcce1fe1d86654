"""One word, one meaning: no class name is used twice, and retired words do not come back."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("dinerapp", "adapters", "blueprints", "examples")

RETIRED = frozenset(
    [
        "Absence",
        "absorb",
        "acquaintance",
        "admissible_basis",
        "Audience",
        "AuthorsWords",
        "basis",
        "Board",
        "Breaker",
        "BroughtUp",
        "Bulk",
        "by_whom",
        "ceilings",
        "changed_elsewhere",
        "Charged",
        "Claim",
        "Collector",
        "Companion",
        "Consistency",
        "Counted",
        "Creditor",
        "creditor",
        "Deed",
        "describing",
        "Diner",
        "Draft",
        "file_in",
        "Following",
        "Fresh",
        "GIVE_UP",
        "giving",
        "Granted",
        "Handed",
        "handed_out",
        "Handover",
        "Happening",
        "happenings",
        "hardening",
        "held_by",
        "Keeping",
        "kinds_missed",
        "lay_out",
        "Layout",
        "luck",
        "made_by",
        "Manners",
        "may_stay",
        "Member",
        "migrating",
        "Moves",
        "NamedConnections",
        "nameless",
        "Names",
        "News",
        "news_missed",
        "Noticed",
        "of_nobody",
        "Once",
        "operating",
        "OrderTeller",
        "Outdated",
        "Overtaken",
        "Owed",
        "Owing",
        "Pace",
        "Patience",
        "Place",
        "place_of_its_like",
        "Planning",
        "postpone",
        "put_in",
        "Recognition",
        "reconciled",
        "refusals",
        "Regulars",
        "reluctance",
        "Repaired",
        "Repeated",
        "require_fits",
        "Rhythm",
        "RIVALS",
        "Said",
        "saved",
        "Seats",
        "Seen",
        "Seldom",
        "settle",
        "Settler",
        "Several",
        "Shelf",
        "shelf",
        "Short",
        "Shown",
        "Side",
        "spare_the_collector",
        "standing",
        "Step",
        "Sums",
        "take_out",
        "TAKE_OVER",
        "Taken",
        "Terms",
        "throw_cart_away",
        "Traffic",
        "Turns",
        "UsedKey",
        "Wanted",
        "Watch",
        "witness",
        "Word",
        "Workings",
        "YesNo",
    ]
)
"""Names that the glossary's words have replaced."""

RETIRED_ANYWHERE = (
    "AuthorsWords",
    "Creditor",
    "Handover",
    "Outdated",
    "Overtaken",
    "Owing",
    "Settler",
)
"""Of these, words that mean nothing else: docstrings must not promise them either."""

RETIRED_WORDS = re.compile(
    r"(?<![^\W_])(debts?|ow(e|es|ed|ing)|breakers?|shelf|shelves|creditors?|struck"
    r"|handed(?! over))(?![^\W_])",
    re.IGNORECASE,
)
"""Words of the older language that neither prose nor locals use: an outbox entry is no debt, the
health of a store no breaker, a cache no shelf."""

HELD_BY_CLIENTS = {
    "Availability": "blueprints/menu/schemas.py",
    "Slots": "blueprints/orders/schemas.py",
}
"""Schemas whose names are components of the OpenAPI description, which generated clients have."""

KEPT = {
    "Member": "a person in a server is a member in every messenger",
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def class_names() -> Iterator[tuple[str, str]]:
    for file, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                yield node.name, file


def names() -> Iterator[tuple[str, str]]:
    """Every name that a reader has to learn: of modules, classes, functions, parameters, constants
    and attributes. A name inside one function is its own affair."""
    for file, tree in modules():
        yield Path(file).stem, file
        for node in ast.walk(tree):
            match node:
                case ast.ClassDef(name) | ast.FunctionDef(name) | ast.arg(name):
                    yield name, file
                case ast.Attribute(attr=name, ctx=ast.Store()):
                    yield name, file
        classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        bodies = [tree.body, *(one.body for one in classes)]
        for body in bodies:
            for statement in body:
                match statement:
                    case ast.Assign(targets=[ast.Name(name)]) | ast.AnnAssign(ast.Name(name)):
                        yield name, file


def test_no_class_name_stands_for_two_things() -> None:
    files = defaultdict(list)
    for name, file in class_names():
        if HELD_BY_CLIENTS.get(name) != file:
            files[name].append(file)
    assert {name: where for name, where in files.items() if len(where) > 1} == {}


def test_retired_words_do_not_come_back() -> None:
    retired = RETIRED - set(KEPT)
    assert [(name, file) for name, file in names() if name.lstrip("_") in retired] == []


def test_docstrings_do_not_promise_what_has_another_name_by_now() -> None:
    retired = re.compile(rf"\b({'|'.join(RETIRED_ANYWHERE)})\b")
    found = [
        (file, node.lineno, word)
        for file, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for word in retired.findall(node.value)
    ]
    assert found == []


def prose_and_locals(file: str) -> Iterator[tuple[int, str]]:
    """Docstrings and comments, without what stands in backticks, and the names of locals."""
    text = (ROOT / file).read_text()
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.lineno, re.sub(r"`[^`]*`", "", str(node.value.value))
        if isinstance(node, ast.FunctionDef):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    yield inner.lineno, inner.id
                if isinstance(inner, ast.arg):
                    yield inner.lineno, inner.arg
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], re.sub(r"`[^`]*`", "", token.string)


def test_prose_and_locals_do_without_the_older_words() -> None:
    found = [
        (file, line, text)
        for file, _ in modules()
        for line, text in prose_and_locals(file)
        if RETIRED_WORDS.search(text)
    ]
    assert found == []

"""Whoever follows the guides finds what they name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
PATH = re.compile(r"`((?:tests|docs|dinerapp|adapters|blueprints|bench|examples)/[\w./-]*)`")
DEFINED_IN = re.compile(r"\[`(\w+(?:\.\w+)?)`\]\(([^)]+\.py)\)")


@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_and_path_leads_somewhere(page: str) -> None:
    file = ROOT / page
    text = file.read_text()
    assert [link for link in LINK.findall(text) if not (file.parent / link).exists()] == []
    assert [path for path in PATH.findall(text) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("guide", ["CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_a_guide_for_contributors_names_paths(guide: str) -> None:
    text = (ROOT / guide).read_text()
    assert {*LINK.findall(text), *PATH.findall(text)}


def test_the_glossary_links_each_name_to_the_file_that_defines_it() -> None:
    named = DEFINED_IN.findall((ROOT / "docs" / "glossary.md").read_text())
    assert len(named) > 40
    assert [
        (name, link) for name, link in named if name not in names_in(ROOT / "docs" / link)
    ] == []


def test_the_guide_to_programs_of_your_own_names_all_that_its_example_imports_of_ours() -> None:
    named = set(LINK.findall((ROOT / "docs" / "building-your-own.md").read_text()))
    assert [path for path in imports_of_ours(ROOT / "examples") if f"../{path}" not in named] == []


def imports_of_ours(folder: Path) -> list[str]:
    """The files of this repository that the modules in the folder import from."""
    imported = {
        name
        for file in folder.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
        for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
    }
    paths = {f"{name.replace('.', '/')}.py" for name in imported}
    return sorted(path for path in paths if (ROOT / path).is_file())


def names_in(file: Path) -> set[str]:
    """What a module defines: `Name`, and `Class.member` of its classes."""
    names: set[str] = set()
    for node in ast.parse(file.read_text()).body:
        names |= _names_bound_by(node)
        if isinstance(node, ast.ClassDef):
            names |= {
                f"{node.name}.{name}" for member in node.body for name in _names_bound_by(member)
            }
    return names


def _names_bound_by(node: ast.stmt) -> set[str]:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            return {name}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case ast.Assign(targets=targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
    return set()

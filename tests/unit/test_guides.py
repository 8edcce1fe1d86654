"""Whoever follows the guides for contributors finds what they name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
PATH = re.compile(r"`((?:tests|docs|dinerapp|adapters|blueprints)/[\w./-]*)`")


@pytest.mark.parametrize("guide", ["CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_every_link_and_path_leads_somewhere(guide: str) -> None:
    text = (ROOT / guide).read_text()
    named = {*LINK.findall(text), *PATH.findall(text)}
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []

"""The index of decisions lists every page, once, with its date and what was decided."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "decisions"
ROW = re.compile(r"^\| (\S+) \| \[[^]]+\]\((\S+?\.md)\) \| (.+) \|$", re.MULTILINE)
LISTED = ROW.findall((FOLDER / "README.md").read_text())
PAGES = {path.name: path.read_text() for path in FOLDER.glob("*.md") if path.name != "README.md"}


def test_every_page_is_listed_once() -> None:
    assert sorted(page for _, page, _ in LISTED) == sorted(PAGES)


def test_a_page_has_one_date_in_its_name_in_its_first_lines_and_in_the_list() -> None:
    for date, page, _ in LISTED:
        assert page.startswith(f"{date}-"), page
        assert date in "".join(PAGES[page].splitlines(keepends=True)[:3]), page


def test_a_row_says_in_a_sentence_what_was_decided() -> None:
    for _, page, decided in LISTED:
        assert re.fullmatch(r"\w.{20,180}[.)]", decided), page

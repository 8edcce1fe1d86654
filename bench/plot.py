"""Bars in SVG: one panel for each kind of work, a bar for each contender, a whisker for spread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from bench.results import OURS, Cell
from bench.rounds import Series, ranked_names
from bench.workloads import WORKLOADS

WIDTH, NAMES, BAR, GAP, HEAD, FOOT = 760, 250, 18, 6, 40, 14
_OURS, _THEIRS, _INK, _PAPER = "#d9480f", "#868e96", "#212529", "#ffffff"
_SPACE = WIDTH - NAMES - 110


def draw(cells: Sequence[Cell]) -> str:
    """The whole picture."""
    parts: list[str] = []
    top = 0
    for cell in cells:
        parts += _panel(cell, top)
        top += HEAD + len(cell.found) * (BAR + GAP) + FOOT
    inside = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}"'
        f' height="{top}" font-family="sans-serif" font-size="12" fill="{_INK}">\n'
        f'<rect width="{WIDTH}" height="{top}" fill="{_PAPER}"/>\n{inside}\n</svg>\n'
    )


def _panel(cell: Cell, top: int) -> Iterator[str]:
    title = f"{cell.work}: {WORKLOADS[cell.work].replace('`', '')}"
    size = "" if cell.work == "A" else f", {cell.orders:,} orders"
    where = f"{cell.connections} connections{size}, requests per second"
    yield _text(10, top + 18, title, "start", bold=True)
    yield _text(WIDTH - 10, top + 18, where, "end")
    most = max((max(series.rates, default=0) for series in cell.found.values()), default=0) or 1
    for number, name in enumerate(ranked_names(cell.found)):
        y = top + HEAD + number * (BAR + GAP)
        yield from _bar(name, cell.found[name], y, _SPACE / most)


def _bar(name: str, series: Series, y: int, scale: float) -> Iterator[str]:
    colour = _OURS if name.startswith(OURS) else _THEIRS
    middle = y + BAR / 2
    yield _text(NAMES - 8, middle + 4, name, "end")
    yield (
        f'<rect x="{NAMES}" y="{y}" width="{series.rate * scale:.1f}" height="{BAR}"'
        f' fill="{colour}"/>'
    )
    if not series.good:
        yield _text(NAMES + 4, middle + 4, "all rounds thrown away", "start")
        return
    least, most = (NAMES + each * scale for each in (min(series.rates), max(series.rates)))
    yield (
        f'<path d="M{least:.1f} {middle}H{most:.1f}M{least:.1f} {middle - 4}v8'
        f'M{most:.1f} {middle - 4}v8" stroke="{_INK}" fill="none"/>'
    )
    yield _text(most + 8, middle + 4, f"{series.rate:,.0f}", "start")


def _text(x: float, y: float, text: str, anchor: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'

"""What was measured, and how it is written down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from bench.conditions import HEALTHY
from bench.rounds import Series, ranked_names
from bench.workloads import WORKLOADS

T = TypeVar("T")

BEGIN, END = "<!-- bench: what make bench has written -->", "<!-- bench: end -->"
FLOOR = 'Flask "hello", the floor'
OURS = "Dinerapp"
FOOTNOTES = (
    "Peers do the same checks, price from the menu in the database, take stock, and make one order"
    " of one key. None of them has failover, debts to a database that is away, versions and"
    " conditional requests, merge rules, or an order's history; the second database is written"
    " after the first one's commit, and what fails in between is lost to it. They have no coupons,"
    " hours, slots, taxes or service charges; ours looks at all of these.",
    "Ours keeps the menu ready until something of it changes. Peers, written plainly, read it each"
    " time, and so does Eve, in its own format and 100 items to a page.",
    "Eve writes to MongoDB alone, takes stock item by item and gives it back when one is short,"
    " without a transaction, and reads a number that was written as text.",
    "Limits: no HTTP, no checks, no prices, no stock; pymongo from two processes.",
)


@dataclass(frozen=True)
class Cell:
    """One comparison: everybody at one kind of work, in one size, from so many connections."""

    work: str
    orders: int
    connections: int
    found: Mapping[str, Series]


@dataclass
class Results:
    """One run. `conditions` compares ours with ours: their cells are by condition."""

    about: str
    peers: list[Cell] = field(default_factory=list)
    conditions: list[Cell] = field(default_factory=list)
    others: list[tuple[str, str]] = field(default_factory=list)

    def floor(self, connections: int) -> Series | None:
        """What Flask does at most, in this run."""
        found = (cell.found.get(FLOOR) for cell in self.peers if cell.connections == connections)
        return next((series for series in found if series is not None), None)


def report(results: Results, plot: str | None = None) -> str:
    """All of it in Markdown."""
    parts = [results.about]
    if plot is not None:
        parts.append(f"![requests per second]({plot})")
    for work, orders in _unique((cell.work, cell.orders) for cell in results.peers):
        cells = [c for c in results.peers if (c.work, c.orders) == (work, orders)]
        size = "" if work == "A" else f", {orders:,} orders in the tables"
        parts.append(f"**{work}: {WORKLOADS[work]}{size}**")
        parts.append("\n".join(_comparison_rows(results, cells)))
    if results.peers:
        parts.append("\n".join(f"- {note}" for note in FOOTNOTES))
    for orders in _unique(cell.orders for cell in results.conditions):
        cells = [cell for cell in results.conditions if cell.orders == orders]
        parts.append(f"**Ours when things are not well, {orders:,} orders in the tables**")
        parts.append("\n".join(_condition_rows(cells)))
    if results.others:
        rows = [f"| {what} | {measured} |" for what, measured in results.others]
        parts.append("\n".join(["| what | measured |", "|---|---|", *rows]))
    return "\n\n".join(parts)


def replace_section(file: Path, text: str) -> None:
    """In place of what an earlier run has put there."""
    before, begin, rest = file.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{file} has no place for it: {BEGIN} … {END}")
    file.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def _comparison_rows(results: Results, cells: Sequence[Cell]) -> Iterator[str]:
    yield "| connections | | requests/s | Dinerapp does | of the floor | p50 ms | p99 ms |"
    yield "|---|---|---|---|---|---|---|"
    for cell in cells:
        ours, *_ = cell.found.values()
        floor = results.floor(cell.connections)
        for name in ranked_names(cell.found):
            series = cell.found[name]
            columns = [
                str(cell.connections),
                name,
                _spread(series),
                _times(None if series is ours else ours.ratio_to(series)),
                "" if floor is None or not floor.rate else f"{series.rate / floor.rate:.2f}",
                _milliseconds(series.latency("p50")),
                _milliseconds(series.latency("p99")),
            ]
            yield f"| {' | '.join(columns)} |"


def _condition_rows(cells: Sequence[Cell]) -> Iterator[str]:
    yield "| connections | work | | requests/s | of healthy | p50 ms | p99 ms |"
    yield "|---|---|---|---|---|---|---|"
    for cell in cells:
        healthy = cell.found[HEALTHY]
        for name, series in cell.found.items():
            share = None if series is healthy else series.rate / (healthy.rate or 1)
            columns = [
                str(cell.connections),
                cell.work,
                name,
                _spread(series),
                "" if share is None else f"{share:.2f}",
                _milliseconds(series.latency("p50")),
                _milliseconds(series.latency("p99")),
            ]
            yield f"| {' | '.join(columns)} |"


def _spread(series: Series) -> str:
    if not series.good:
        return "all rounds thrown away"
    thrown = len(series.shots) - len(series.good)
    told = f"{series.rate:,.0f} ({min(series.rates):,.0f} to {max(series.rates):,.0f})"
    return f"{told}, {thrown} thrown away" if thrown else told


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f} times that"


def _milliseconds(latency: float | None) -> str:
    return "" if latency is None else f"{latency:.1f}"


def _unique(things: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(things))

"""Dinerapp beside its peers, and by itself, on this machine. See docs/performance.md."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench import plans, plot, profiling, replication, wrk
from bench.comparison import BenchmarkPlan, compare
from bench.contenders import PEERS_BIN, ROOT
from bench.machine import MAX_QUIET_SHARE, CpuMeter, describe_machine
from bench.results import Cell, Results, replace_section, report
from bench.workloads import WORKLOADS
from dinerapp.runtime.logs import configure_logging
from dinerapp.runtime.settings import Settings

PARTS = ("peers", "conditions", "relay", "consistency", "plans", "profile")
SHOWN = {"plans", "profile"}
"""They print, and are not among what is measured."""
COMPARED = {"peers", "conditions"}
DOCS = ROOT / "docs" / "performance.md"
RESULTS = ROOT / "bench" / "results"
PLOT = "benchmark.svg"
PLOTTED = 8
SIZES = [10_000, 1_000_000]
BACKLOG_SIZE, CHECKED_COUNT, DIFFERING_COUNT = 100_000, 1_000_000, 100


def main() -> None:
    """Measures what the command line asks for, and writes it down."""
    parser = _parser()
    given = parser.parse_args()
    parts = set(given.parts or (COMPARED if given.quick else set(PARTS) - SHOWN))
    unknown = sorted(parts - set(PARTS))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(PARTS)}")
    _require_tools(parts)
    configure_logging(Settings(log_level="error"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if "profile" in parts:
        for section in profiling.run(given.works, RESULTS):
            print(section, flush=True)
    if "plans" in parts:
        for line in plans.run(given.orders or SIZES):
            print(line, flush=True)
    if parts - SHOWN:
        _measure(given, parts)


def _measure(given: argparse.Namespace, parts: set[str]) -> None:
    plan = _plan(given, parts)
    results, meter = Results(""), CpuMeter()
    try:
        if parts & COMPARED:
            compare(plan, results)
        results.others += _measure_replication(parts)
    finally:
        results.about = _about(plan, meter)
        _write(results, given.into)


def _measure_replication(parts: set[str]) -> Iterator[tuple[str, str]]:
    if "relay" in parts:
        yield from replication.relay(BACKLOG_SIZE)
    if "consistency" in parts:
        yield from replication.consistency(CHECKED_COUNT, DIFFERING_COUNT)


def _write(results: Results, into: Path | None) -> None:
    """Into a document that has a place for it, else into a file of its own; the plot beside it."""
    file = into or RESULTS / "report.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    cells = _cells_to_plot(results)
    if cells:
        (file.parent / PLOT).write_text(plot.draw(cells))
    text = report(results, PLOT if cells else None)
    if into is None:
        file.write_text(f"{text}\n")
    else:
        replace_section(file, text)
    print(text)
    print(f"written to {file}", file=sys.stderr)


def _cells_to_plot(results: Results) -> list[Cell]:
    """One comparison for each kind of work: the fewest orders, and connections as most have."""
    by_work: dict[str, list[Cell]] = {}
    for cell in results.peers:
        by_work.setdefault(cell.work, []).append(cell)
    return [
        min(cells, key=lambda cell: (cell.orders, abs(cell.connections - PLOTTED)))
        for cells in by_work.values()
    ]


def _about(plan: BenchmarkPlan, meter: CpuMeter) -> str:
    others = meter.others_share()
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {describe_machine()}. wrk, the servers, two workers each,"
        " and both databases share the machine. Medians of"
        f" {plan.rounds} rounds of {plan.seconds} s, taken in turns, with the least and the most of"
        f" them. {_disturbed(others)}"
    )


def _disturbed(others: float | None) -> str:
    if others is None:
        return "What other programs took of the machine is not known."
    told = f"Other programs took {others:.0%} of the machine"
    return (
        f"{told}."
        if others < MAX_QUIET_SHARE
        else f"{told}: **IT WAS NOT QUIET, do not trust this.**"
    )


def _plan(given: argparse.Namespace, parts: set[str]) -> BenchmarkPlan:
    quick = given.quick
    return BenchmarkPlan(
        works=given.works,
        connections=given.connections or ([8] if quick else [1, 8, 64]),
        orders=given.orders or (SIZES[:1] if quick else SIZES),
        rounds=given.rounds or (3 if quick else 5),
        seconds=given.seconds or (1 if quick else 3),
        only=given.only,
        peers="peers" in parts,
        conditions="conditions" in parts,
    )


def _require_tools(parts: set[str]) -> None:
    if parts & {*COMPARED, "profile"}:
        if not wrk.is_installed():
            sys.exit(wrk.WRK_MISSING)
        if not (PEERS_BIN / "python").exists():
            sys.exit(
                "the peers are not installed: start this as `make bench` or `make bench-quick`"
            )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add = parser.add_argument
    add(
        "parts",
        nargs="*",
        help=f"{', '.join(PARTS)}; default: all but {' and '.join(sorted(SHOWN))}",
    )
    add("--quick", action="store_true", help="the picture in 3 minutes: peers and conditions")
    add("--works", default="".join(WORKLOADS), help="kinds of work, such as AB")
    add("--only", type=_words, default=(), help="peers by the names of their files, or limits")
    add("--connections", type=_numbers, help="such as 1,8,64")
    add("--orders", type=_numbers, help="orders in the tables, such as 10000,1000000")
    add("--rounds", type=int, help="how many are measured")
    add("--seconds", type=int, help="how long each is")
    add("--into", type=Path, help=f"a document with a place for it, such as {DOCS.name}")
    return parser


def _words(text: str) -> list[str]:
    return text.split(",")


def _numbers(text: str) -> list[int]:
    return [int(word) for word in _words(text)]


if __name__ == "__main__":
    main()

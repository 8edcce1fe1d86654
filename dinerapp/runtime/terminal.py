"""Tables and progress bars on a terminal; plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

ProgressCallback = Callable[[int, int], None]


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints a table on a terminal, or tab-separated lines elsewhere."""
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    console = Console()
    if not console.is_terminal:
        for line in (columns, *cells):
            click.echo("\t".join(line))
        return
    table = Table(*columns, header_style="bold", box=None)
    for line in cells:
        table.add_row(*line)
    console.print(table, markup=False)


@contextmanager
def progress(title: str) -> Iterator[ProgressCallback]:
    """A progress bar, moved by calls with `done, of`; shows nothing off a terminal."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(title, total=None)

        def report(done: int, of: int) -> None:
            bars.update(task, completed=done, total=of or None)

        yield report

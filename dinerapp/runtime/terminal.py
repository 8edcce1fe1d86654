"""Tables and progress for people; plain lines where nobody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

ProgressCallback = Callable[[int, int], None]


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on a terminal, else lines with tabs between the cells."""
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
    """A bar that `done, of` moves; off a terminal, nothing until the end."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(title, total=None)

        def report(done: int, of: int) -> None:
            bars.update(task, completed=done, total=of or None)

        yield report

"""Tests over a table: every row is tried, and all that fail are told together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Case = Callable[..., AbstractContextManager[None]]


@contextmanager
def every_case() -> Iterator[Case]:
    """To be asked for the context of each row, with what tells it from the others. To pytest a
    row costs nothing, as an item or a subtest of its own would."""
    failures: list[Exception] = []
    names: list[str] = []

    @contextmanager
    def case(*about: object) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 it is raised with the others
            names.append(" ".join(map(str, about)))
            error.add_note(f"in the case of {names[-1]}")
            failures.append(error)

    yield case
    if failures:
        raise ExceptionGroup(f"failed: {', '.join(names)}", failures)

"""What a field of a record may be given, said where the field is: `Annotated[str, Bounds(1, 50)]`.

Requests are held to it. Records that are stored are not: they may be older than the bounds.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many characters a text has, or from where to where a number goes."""

    least: int
    most: int
    about: str = ""

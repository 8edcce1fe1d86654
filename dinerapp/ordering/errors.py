"""What guests are refused for lack of it."""

from __future__ import annotations

from dinerapp.replication.errors import RuleBroken


class SoldOut(RuleBroken):
    """Not enough is left of what the caller wants."""

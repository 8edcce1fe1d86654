"""Steps from one status to the next, and which roles may take each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TypeVar

from dinerapp.accounts.domain.permissions import Role
from dinerapp.accounts.errors import NotPermitted
from dinerapp.replication.errors import RuleViolation

S = TypeVar("S", bound=StrEnum)

StepTable = Mapping[S, Mapping[S, Collection[Role | None]]]
"""By status, the steps there are from it and who may take each; None is somebody without an
account. What is not in the table is over."""


def require_step(table: StepTable[S], noun: str, before: S, after: S, role: Role | None) -> None:
    """RuleViolation where there is no such step, NotPermitted where it is not one of the role."""
    steps = table.get(before, {})
    if after not in steps:
        allowed = ", ".join(steps) or "nothing, it is over"
        raise RuleViolation(
            f"a {noun} that is {before} cannot become {after}; it can become: {allowed}",
            field="status",
        )
    if role not in steps[after]:
        raise NotPermitted(f"the role {role} may not set a {noun} to {after}")

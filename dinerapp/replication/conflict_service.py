"""Lists and resolves conflicts between two states of a record."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from dinerapp.replication import codec
from dinerapp.replication.conflicts import Conflict, ConflictState
from dinerapp.replication.errors import Exhausted, NotFound, RuleViolation
from dinerapp.replication.identity import Operation
from dinerapp.replication.ports.conflicts import Conflicts
from dinerapp.replication.ports.repository import Cursor, Page, Repository
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.saving import WriteResult, update_with_retry
from dinerapp.replication.signals import announce, conflict_resolved

KEEP, TAKE_OTHER = "keep", "take_other"


class ConflictService:
    """Use cases for conflicts of any kind of record."""

    def __init__(self, conflicts: Conflicts, repositories: Mapping[str, Repository[Any]]) -> None:
        self._conflicts = conflicts
        self._repositories = repositories

    def get(self, conflict_id: str) -> Conflict:
        """One conflict."""
        return self._conflicts.get(conflict_id)

    def page(self, state: ConflictState | None, after: Cursor | None, limit: int) -> Page[Conflict]:
        """Conflicts, newest first."""
        return self._conflicts.page(state, after, limit)

    def without_secrets(self, conflict: Conflict) -> Conflict:
        """The conflict without the secret fields of its record."""
        repository = self._repositories.get(conflict.about)
        secret = repository.kind.secret_fields if repository is not None else ()
        return replace(
            conflict,
            winner=_without_fields(secret, conflict.winner),
            loser=_without_fields(secret, conflict.loser),
        )

    def resolve(self, conflict_id: str, take: str, operation: Operation) -> WriteResult[Conflict]:
        """Closes the conflict: the winner stays, or the content of the losing state is restored."""
        conflict = self._conflicts.get(conflict_id)
        if take == TAKE_OTHER and conflict.state is ConflictState.OPEN:
            self._restore_loser(conflict, operation)

        def change(conflict: Conflict) -> Conflict:
            if conflict.state is ConflictState.RESOLVED:
                raise RuleViolation(
                    f"the conflict has already been resolved: {conflict.resolution}"
                )
            return conflict.with_changes(
                op_id=operation.op_id,
                now=utc_now(),
                state=ConflictState.RESOLVED,
                resolution=take,
            )

        result = update_with_retry(self._conflicts, conflict_id, operation.op_id, change)
        if result.changed:
            announce(conflict_resolved, self, conflict=result.record)
        return result

    def _restore_loser(self, conflict: Conflict, operation: Operation) -> None:
        repository = self._repositories.get(conflict.about)
        if repository is None:
            raise RuleViolation("this conflict has no other state to restore", field="take")
        if conflict.loser.get("id") != conflict.record_id:
            raise RuleViolation("the other side is another record: change that one", field="take")
        loser: Record = codec.load(repository.kind.record_type, conflict.loser)

        def change(record: Record) -> Record:
            envelope = {name: getattr(record, name) for name in codec.ENVELOPE_FIELDS - {"deleted"}}
            restored: Record = repository.kind.restore(record, loser)
            return replace(restored, **envelope, deleted=False).with_changes(
                op_id=operation.op_id, now=utc_now()
            )

        try:
            update_with_retry(repository, conflict.record_id, operation.op_id, change)
        except NotFound as exc:
            raise RuleViolation(
                "the record has been deleted and cannot be restored", field="take"
            ) from exc
        except Exhausted as exc:
            raise RuleViolation(
                f"the other state needs more of {exc.key} than is left", field="take"
            ) from exc


def _without_fields(names: Collection[str], plain_state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in plain_state.items() if name not in names}

"""User accounts, their roles and their sessions."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from dinerapp.accounts.domain.permissions import Role
from dinerapp.replication.errors import InvalidRecord
from dinerapp.replication.kind import Kind, MergeResult
from dinerapp.replication.record import Record

if TYPE_CHECKING:
    from dinerapp.replication.merge import MergePolicy

MAX_EMAIL_LENGTH = 254
MAX_SESSIONS = 20
MAX_EDITS = 4
REPEAT_WINDOW = timedelta(seconds=10)
"""For how long after a rotation the previous refresh token is taken for a retry."""

_PROFILE_FIELDS = ("email", "name", "phone", "role", "active")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One login. Each refresh starts the next generation, whose refresh token is the only valid
    one."""

    id: str
    generation: int = 1
    created_at: datetime
    rotated_at: datetime
    expires_at: datetime
    revoked: bool = False

    def is_open(self, now: datetime) -> bool:
        """Whether requests in this session are accepted."""
        return not self.revoked and now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Record):
    """An account with its sessions, so that one read is enough to check a request's token.

    `edits` are the latest operations that changed more than sessions: they tell which of two states
    has the newer profile, however often the user has logged in since.
    """

    email: str
    name: str
    phone: str | None = None
    role: Role = Role.CUSTOMER
    active: bool = True
    password_hash: str = field(repr=False)
    password_changed_at: datetime
    sessions: tuple[Session, ...] = ()
    edits: tuple[str, ...] = ()

    def validate(self) -> None:
        if self.email != normalise_email(self.email):
            raise InvalidRecord("email", "must be normalised")
        if not 0 < len(self.email) <= MAX_EMAIL_LENGTH:
            raise InvalidRecord("email", f"must be 1 to {MAX_EMAIL_LENGTH} characters long")

    def session(self, session_id: str) -> Session | None:
        """The session, unless it has been dropped."""
        return next((one for one in self.sessions if one.id == session_id), None)

    def with_edit(self, *, op_id: str, now: datetime, **fields: Any) -> User:
        """The user after an operation that changes more than sessions."""
        edits = (*self.edits, op_id)[-MAX_EDITS:]
        return self.with_changes(op_id=op_id, now=now, edits=edits, **fields)

    def with_session(self, session: Session, *, op_id: str, now: datetime, **fields: Any) -> User:
        """The user after a login. Expired sessions are dropped, then the oldest ones."""
        alive = [one for one in self.sessions if now < one.expires_at]
        return self.with_changes(
            op_id=op_id, now=now, sessions=_latest_sessions([*alive, session]), **fields
        )

    def with_rotation(
        self, session: Session, generation: int, *, op_id: str, now: datetime, expires_at: datetime
    ) -> User:
        """The user after a refresh token of the session was used.

        The latest token is rotated, and so is one of a later generation, which another store must
        have issued. For a moment the previous token is taken for the retry of a client that got no
        response. Any other token revokes the session, because it may have been stolen.
        """
        if generation >= session.generation:
            rotated = replace(
                session, generation=generation + 1, rotated_at=now, expires_at=expires_at
            )
            return self._with_session_state(rotated, op_id, now)
        repeated = generation == session.generation - 1
        if repeated and now - session.rotated_at <= REPEAT_WINDOW:
            return self
        return self._with_session_state(replace(session, revoked=True), op_id, now)

    def without_session(self, session_id: str, *, op_id: str, now: datetime) -> User:
        """The user after a session was revoked."""
        session = self.session(session_id)
        if session is None or session.revoked:
            return self
        return self._with_session_state(replace(session, revoked=True), op_id, now)

    def revoke_sessions(self, *, keep_session_id: str | None = None) -> tuple[Session, ...]:
        """All sessions revoked, except for one if given."""
        return tuple(
            one if one.id == keep_session_id else replace(one, revoked=True)
            for one in self.sessions
        )

    def _with_session_state(self, session: Session, op_id: str, now: datetime) -> User:
        others = [one for one in self.sessions if one.id != session.id]
        return self.with_changes(
            op_id=op_id, now=now, sessions=_latest_sessions([*others, session])
        )


def normalise_email(email: str) -> str:
    """The address in the form in which addresses are compared."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email).casefold())


def merge_users(first: User, second: User, policy: MergePolicy) -> MergeResult[User]:
    """Keeps the sessions of both; revoked ones stay revoked, and the later password wins."""
    winner, loser, reason = _decide_by_profile(first, second, policy)
    edits = dict.fromkeys((*loser.edits, *winner.edits))
    password = max(first, second, key=_password_sort_key)
    merged = replace(
        winner,
        active=winner.active and (loser.active or not reason),
        password_hash=password.password_hash,
        password_changed_at=password.password_changed_at,
        sessions=_merge_sessions(first.sessions, second.sessions),
        edits=tuple(edits)[-2 * MAX_EDITS :],
    )
    if reason and _profile_values(loser) != _profile_values(merged):
        return MergeResult(merged, loser, reason)
    return MergeResult(merged)


def _decide_by_profile(first: User, second: User, policy: MergePolicy) -> tuple[User, User, str]:
    """The winner, the loser, and the reason; no reason if one state contains the other's edits."""
    if second.edits[-1:] != first.edits[-1:]:
        if set(second.edits[-1:]) <= set(first.edits):
            return first, second, ""
        if set(first.edits[-1:]) <= set(second.edits):
            return second, first, ""
    decided = policy.decide(first, second)
    loser = second if decided.record is first else first
    return decided.record, loser, decided.reason


def _profile_values(user: User) -> tuple[object, ...]:
    return tuple(getattr(user, name) for name in _PROFILE_FIELDS)


def _password_sort_key(user: User) -> tuple[datetime, str]:
    return user.password_changed_at, user.password_hash


def _merge_sessions(first: tuple[Session, ...], second: tuple[Session, ...]) -> tuple[Session, ...]:
    found: dict[str, Session] = {}
    for session in sorted((*first, *second), key=_progress):
        before = found.get(session.id, session)
        found[session.id] = replace(session, revoked=session.revoked or before.revoked)
    return _latest_sessions(found.values())


def _progress(session: Session) -> tuple[object, ...]:
    return session.generation, session.rotated_at, session.expires_at, session.created_at


def _latest_sessions(sessions: Iterable[Session]) -> tuple[Session, ...]:
    """The sessions that are kept, oldest first."""
    return tuple(sorted(sessions, key=lambda one: (one.created_at, one.id))[-MAX_SESSIONS:])


def _restore_user(user: User, loser: User) -> User:
    """Restores personal data and password of the loser, but not the role or a closed account."""
    return replace(loser, role=user.role, active=user.active, sessions=user.sessions)


USERS = Kind(
    "users",
    User,
    merge=merge_users,
    unique_fields=("email",),
    secret_fields=("password_hash", "sessions", "edits"),
    restore=_restore_user,
)

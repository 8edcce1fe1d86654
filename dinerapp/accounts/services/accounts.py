"""Use cases for accounts: registration, login, sessions, and changes by managers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from dinerapp.accounts.domain.permissions import PRIVILEGED_ROLES, Caller, Permission, Role
from dinerapp.accounts.domain.users import Session, User, normalise_email
from dinerapp.accounts.errors import NotAuthenticated, NotPermitted
from dinerapp.accounts.ports.users import UserFilter, Users
from dinerapp.accounts.services.passwords import Passwords
from dinerapp.accounts.services.tokens import INVALID_TOKEN, SessionTokens
from dinerapp.accounts.signals import user_changed, user_created
from dinerapp.replication import served_by
from dinerapp.replication.errors import AlreadyExists, DuplicateKey, InvalidRequest, NotFound
from dinerapp.replication.identity import Operation, new_id, new_op_id
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import WriteResult, save_idempotently, update_with_retry
from dinerapp.replication.signals import announce

WRONG_CREDENTIALS = "the e-mail address or the password is wrong"
FIRST_ADMIN_EMAIL = "admin@dinerapp.local"
_FIRST_ADMIN = Operation.from_key("first admin", "", b"")
_PASSWORD_BYTES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """What a new user enters."""

    email: str
    name: str
    password: str
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class LoginResult:
    """A user who has logged in, with the new tokens."""

    user: User
    access_token: str
    refresh_token: str
    expires_in: int


class AccountService:
    """Use cases for accounts."""

    def __init__(
        self, users: Users, passwords: Passwords, tokens: SessionTokens, session_lifetime: timedelta
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._tokens = tokens
        self._session_lifetime = session_lifetime

    def register(self, operation: Operation, new: NewAccount) -> WriteResult[User]:
        """Creates a customer's account. So as not to reveal who has an account, an address that is
        taken gets the response of a new one, and its account stays as it is."""
        user = self._new_user(operation, new, Role.CUSTOMER)
        try:
            return self._add(user)
        except DuplicateKey:
            return WriteResult(_as_if_saved(user), changed=False)

    def add(self, operation: Operation, new: NewAccount, role: Role) -> WriteResult[User]:
        """Creates an account in any role; the permission to do so is checked before."""
        return self._add(self._new_user(operation, new, role))

    def add_first_admin(self) -> tuple[User, str] | None:
        """Creates an admin with a random password, unless there has ever been one.

        Processes that try this at the same time create the same record, and only one of them
        succeeds. Raises NoStoreAvailable if the database that may have an admin cannot be reached.
        """
        if self._users.page(UserFilter(role=Role.ADMIN), None, 1).items:
            return None
        if self._ever_existed(_FIRST_ADMIN.record_id):
            return None
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        new = NewAccount(email=FIRST_ADMIN_EMAIL, name="Admin", password=password)
        try:
            result = self.add(_FIRST_ADMIN, new, Role.ADMIN)
        except (AlreadyExists, DuplicateKey):
            return None
        return (result.record, password) if result.changed else None

    def login(self, email: str, password: str) -> LoginResult:
        """Opens a session. The error is the same for an unknown address, a wrong password and a
        closed account."""
        user = self._find_by_email(normalise_email(email))
        fits = self._passwords.matches(password, user.password_hash if user else None)
        if user is None or not fits or not user.active:
            raise NotAuthenticated(WRONG_CREDENTIALS)
        return self._open_session(user, self._rehash(user, password))

    def refresh(self, token: str) -> LoginResult:
        """The next tokens of a session. A token that was used before ends it."""
        claim = self._tokens.read_refresh(token)
        now = utc_now()
        op_id = new_op_id()

        def change(user: User) -> User:
            session = _require_open_session(user, claim.session_id, now)
            until = now + self._session_lifetime
            return user.with_rotation(
                session, claim.generation, op_id=op_id, now=now, expires_at=until
            )

        user = self._update_sessions(claim.user_id, op_id, change)
        return self._login_result(user, _require_open_session(user, claim.session_id, now), now)

    def logout(self, caller: Caller) -> None:
        """Ends the caller's session."""
        op_id, session_id = new_op_id(), caller.session_id or ""
        self._update_sessions(
            caller.user_id or "",
            op_id,
            lambda user: user.without_session(session_id, op_id=op_id, now=utc_now()),
        )

    def caller(self, token: str) -> Caller:
        """The caller with this access token, according to the current record of the user."""
        claim = self._tokens.read_access(token)
        try:
            user = self._users.get(claim.user_id)
        except NotFound as exc:
            raise NotAuthenticated(INVALID_TOKEN) from exc
        session = _require_open_session(user, claim.session_id, utc_now())
        return Caller(user_id=user.id, role=user.role, session_id=session.id)

    def get(self, user_id: str) -> User:
        """One user."""
        return self._users.get(user_id)

    def page(self, filters: UserFilter, after: Cursor | None, limit: int) -> Page[User]:
        """Users, newest first."""
        return self._users.page(filters, after, limit)

    def change(
        self,
        caller: Caller,
        user_id: str,
        operation: Operation,
        fields: Mapping[str, Any],
        if_match: str | None = None,
    ) -> WriteResult[User]:
        """Changes an account. Closing it logs the user out everywhere."""

        def change(user: User) -> User:
            _require_privilege(caller, user, fields)
            ended = {} if fields.get("active", True) else {"sessions": user.revoke_sessions()}
            return user.with_edit(op_id=operation.op_id, now=utc_now(), **fields, **ended)

        return self._announce_change(
            update_with_retry(self._users, user_id, operation.op_id, change, if_match)
        )

    def change_password(self, caller: Caller, current: str, new_password: str) -> None:
        """Changes the caller's password, and logs them out everywhere else."""
        user = self._users.get(caller.user_id or "")
        if not self._passwords.matches(current, user.password_hash):
            raise InvalidRequest("is not your current password", field="current_password")
        self._set_password(user, new_password, keep_session_id=caller.session_id)

    def reset_password(self, email: str, new_password: str) -> User:
        """Resets a forgotten password, for operators; logs the user out everywhere."""
        return self._set_password(self._users.by_email(normalise_email(email)), new_password)

    def _add(self, user: User) -> WriteResult[User]:
        result = save_idempotently(self._users.save, user)
        if result.changed:
            announce(user_created, self, user=result.record)
        return result

    def _new_user(self, operation: Operation, new: NewAccount, role: Role) -> User:
        now = utc_now()
        return User(
            id=operation.record_id,
            op_id=operation.op_id,
            created_at=now,
            updated_at=now,
            email=normalise_email(new.email),
            name=new.name,
            phone=new.phone,
            role=role,
            password_hash=self._passwords.hash(new.password),
            password_changed_at=now,
            edits=(operation.op_id,),
        )

    def _ever_existed(self, user_id: str) -> bool:
        try:
            self._users.get(user_id)
        except NotFound as exc:
            return exc.tombstone is not None
        return True

    def _find_by_email(self, email: str) -> User | None:
        try:
            return self._users.by_email(email)
        except NotFound:
            return None

    def _rehash(self, user: User, password: str) -> dict[str, str]:
        """A new hash of the password, if the stored one has outdated parameters."""
        if not self._passwords.is_outdated(user.password_hash):
            return {}
        return {"password_hash": self._passwords.hash(password)}

    def _open_session(self, verified_user: User, fields: Mapping[str, str]) -> LoginResult:
        now, op_id = utc_now(), new_op_id()
        session = Session(
            id=new_id(), created_at=now, rotated_at=now, expires_at=now + self._session_lifetime
        )

        def change(user: User) -> User:
            if not user.active or user.password_changed_at != verified_user.password_changed_at:
                raise NotAuthenticated(WRONG_CREDENTIALS)
            return user.with_session(session, op_id=op_id, now=now, **fields)

        return self._login_result(
            self._update_sessions(verified_user.id, op_id, change), session, now
        )

    def _login_result(self, user: User, session: Session, now: datetime) -> LoginResult:
        return LoginResult(
            user,
            self._tokens.issue_access(user.id, session, now),
            self._tokens.issue_refresh(user.id, session),
            int(self._tokens.access_lifetime.total_seconds()),
        )

    def _set_password(
        self, user: User, new_password: str, keep_session_id: str | None = None
    ) -> User:
        password_hash, op_id, now = self._passwords.hash(new_password), new_op_id(), utc_now()

        def change(user: User) -> User:
            return user.with_edit(
                op_id=op_id,
                now=now,
                password_hash=password_hash,
                password_changed_at=now,
                sessions=user.revoke_sessions(keep_session_id=keep_session_id),
            )

        return self._announce_change(update_with_retry(self._users, user.id, op_id, change)).record

    def _update_sessions(self, user_id: str, op_id: str, change: Callable[[User], User]) -> User:
        """Updates sessions; NotAuthenticated if the user does not exist."""
        try:
            return update_with_retry(self._users, user_id, op_id, change).record
        except NotFound as exc:
            raise NotAuthenticated(INVALID_TOKEN) from exc

    def _announce_change(self, result: WriteResult[User]) -> WriteResult[User]:
        if result.changed:
            announce(user_changed, self, user=result.record)
        return result


def _as_if_saved(user: User) -> User:
    served = served_by.current()
    return replace(user, version=user.version.incremented(served.store_id)) if served else user


def _require_open_session(user: User, session_id: str, now: datetime) -> Session:
    session = user.session(session_id)
    if session is None or not user.active or not session.is_open(now):
        raise NotAuthenticated(INVALID_TOKEN)
    return session


def _require_privilege(caller: Caller, user: User, fields: Mapping[str, Any]) -> None:
    """NotPermitted for changes to the caller's own role, and for privileged roles unless the caller
    is an admin."""
    if caller.user_id == user.id and not {"role", "active"}.isdisjoint(fields):
        raise NotPermitted("you cannot change your own role or close your own account")
    if caller.may(Permission.GRANT_POWER):
        return
    roles = {user.role, fields.get("role", user.role)}
    if not PRIVILEGED_ROLES.isdisjoint(roles) and caller.user_id != user.id:
        raise NotPermitted("only admins may create or change accounts of managers and admins")

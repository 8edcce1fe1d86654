"""Use cases for profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog

from dinerapp.accounts.domain.permissions import Caller, Permission
from dinerapp.accounts.domain.profiles import PROFILES, Profile, default_profile
from dinerapp.accounts.domain.users import User
from dinerapp.accounts.errors import NotPermitted
from dinerapp.accounts.ports.profiles import Profiles
from dinerapp.accounts.ports.users import Users
from dinerapp.accounts.services.accounts import AccountService
from dinerapp.accounts.signals import user_created
from dinerapp.replication import served_by
from dinerapp.replication.errors import AlreadyExists, DinerError, NotFound
from dinerapp.replication.identity import Operation
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import (
    PreconditionFailed,
    WriteResult,
    save_idempotently,
    upsert_with_retry,
)

_log = structlog.get_logger(__name__)


class ProfileService:
    """Use cases for profiles. Each new user gets one; if that failed, or the user is older than
    profiles, the first change creates it."""

    def __init__(self, profiles: Profiles, users: Users, accounts: AccountService) -> None:
        self._profiles = profiles
        self._users = users
        user_created.connect(self._on_user_created, sender=accounts)

    def get(self, caller: Caller, user_id: str) -> Profile:
        """A user's profile; NotFound if the caller may not see it."""
        if caller.user_id != user_id and not caller.may(Permission.SEE_PROFILES):
            raise NotFound(PROFILES.name, user_id)
        try:
            return self._profiles.get(user_id)
        except NotFound:
            return default_profile(self._users.get(user_id))

    def change(
        self,
        caller: Caller,
        user_id: str,
        operation: Operation,
        fields: Mapping[str, Any],
        if_match: str | None = None,
    ) -> WriteResult[Profile]:
        """Changes the given fields of a profile and of its preferences."""
        if caller.user_id != user_id and not caller.may(Permission.CHANGE_PROFILES):
            self.get(caller, user_id)
            raise NotPermitted("only the user or an admin may change a profile")

        def change(profile: Profile) -> Profile:
            preferred = replace(profile.preferences, **fields.get("preferences", {}))
            given = {**fields, "preferences": preferred}
            return profile.with_changes(op_id=operation.op_id, now=utc_now(), **given)

        def create() -> Profile:
            first = default_profile(self._users.get(user_id))
            if if_match is not None and if_match != str(first.version):
                raise PreconditionFailed(first)
            return change(first)

        return upsert_with_retry(self._profiles, user_id, operation.op_id, change, create, if_match)

    def _on_user_created(self, _sender: object, user: User) -> None:
        try:
            with served_by.suspended():
                save_idempotently(self._profiles.save, default_profile(user))
        except AlreadyExists:
            return
        except DinerError as exc:
            _log.warning("profile_not_made", user_id=user.id, reason=str(exc))

"""The profile of a user, which they edit themselves."""

from __future__ import annotations

from dataclasses import dataclass, field

from dinerapp.accounts.domain.users import User
from dinerapp.replication.identity import derived_id
from dinerapp.replication.kind import Kind
from dinerapp.replication.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """A user's preferences. `dietary` and `allergens` use the menu's labels; `language` is a tag
    such as de or pt-BR."""

    dietary: tuple[str, ...] = ()
    allergens: tuple[str, ...] = ()
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(Record):
    """A user's profile; its id is the user's."""

    display_name: str
    avatar_url: str | None = None
    bio: str = ""
    phone: str | None = None
    preferences: Preferences = field(default_factory=Preferences)


def default_profile(user: User) -> Profile:
    """The profile of a user who has not edited it, the same wherever it is created."""
    return Profile(
        id=user.id,
        op_id=derived_id("profile", user.id),
        created_at=user.created_at,
        updated_at=user.created_at,
        display_name=user.name,
        phone=user.phone,
    )


PROFILES = Kind("profiles", Profile)

"""Accounts in requests and responses. Secret fields are in no response schema."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from blueprints.http.fields import Email, Phone, RequestSchema, StrictBool, Text
from blueprints.http.responses import PageQuery
from dinerapp.accounts.domain.permissions import Role
from dinerapp.accounts.domain.users import MAX_EMAIL_LENGTH
from dinerapp.accounts.services.accounts import NewAccount

MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH = 10, 200
MAX_TOKEN_LENGTH = 2000
_EMAIL_METADATA = {"format": "email", "example": "ada@example.org"}
_PASSWORD_METADATA = {"format": "password", "example": "correct horse battery"}


def _new_password(**options: Any) -> Text:
    return Text(
        MIN_PASSWORD_LENGTH,
        MAX_PASSWORD_LENGTH,
        required=True,
        metadata=_PASSWORD_METADATA,
        **options,
    )


def _current_password() -> Text:
    return Text(1, MAX_PASSWORD_LENGTH, required=True, metadata=_PASSWORD_METADATA)


class Registration(RequestSchema):
    """A new account for a customer."""

    email = Email(required=True)
    password = _new_password()
    name = Text(1, 200, required=True, metadata={"example": "Ada"})
    phone = Phone(1, 40, allow_none=True, metadata={"example": "+49 30 1234567"})

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> NewAccount:
        return NewAccount(**data)


class Login(RequestSchema):
    """An e-mail address and a password."""

    email = Text(1, MAX_EMAIL_LENGTH, required=True, metadata=_EMAIL_METADATA)
    password = _current_password()


class Refresh(RequestSchema):
    """The latest refresh token; it can be used once."""

    refresh_token = Text(1, MAX_TOKEN_LENGTH, required=True, metadata={"example": "eyJ0eXAiOi…"})


class PasswordChange(RequestSchema):
    """The current password and the new one."""

    current_password = _current_password()
    new_password = _new_password()


class UserChanges(RequestSchema):
    """The fields of an account that a manager can change; all are optional."""

    name = Text(1, 200, metadata={"example": "Ada"})
    phone = Phone(1, 40, allow_none=True)
    role = fields.Enum(Role, by_value=True, metadata={"example": Role.WAITER.value})
    active = StrictBool()


class UsersQuery(PageQuery):
    """Filters for users."""

    role = fields.Enum(Role, by_value=True, load_default=None)
    active = fields.Boolean(
        load_default=None, truthy={"true"}, falsy={"false"}, metadata={"example": True}
    )


class UserOut(ma.Schema):
    """A user account."""

    id = fields.UUID()
    revision = fields.Integer()
    email = fields.String(metadata=_EMAIL_METADATA)
    name = fields.String(metadata={"example": "Ada"})
    phone = fields.String(allow_none=True, metadata={"example": "+49301234567"})
    role = fields.Enum(Role, by_value=True)
    active = fields.Boolean()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class GrantedOut(ma.Schema):
    """Tokens: send the access token as `Authorization: Bearer …` from now on."""

    access_token = fields.String(metadata={"example": "eyJ0eXAiOi…"})
    refresh_token = fields.String(metadata={"example": "eyJ0eXAiOi…"})
    token_type = fields.String(metadata={"example": "Bearer"})
    expires_in = fields.Integer(
        metadata={"description": "seconds until the access token expires", "example": 900}
    )
    user = fields.Nested(UserOut)


class UserPage(ma.Schema):
    """One page, newest first."""

    items = fields.List(fields.Nested(UserOut))
    next_cursor = fields.String(allow_none=True)

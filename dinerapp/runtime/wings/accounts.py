"""The wing of accounts."""

from __future__ import annotations

from datetime import timedelta

from adapters.mongo.users import MongoUsers
from adapters.postgres.users import PostgresUsers
from blueprints.accounts.routes import auth
from blueprints.accounts.routes import blp as users
from blueprints.profiles.routes import blp as profiles
from dinerapp.accounts.container import AccountServices
from dinerapp.accounts.ports.profiles import Profiles
from dinerapp.accounts.ports.users import Users
from dinerapp.accounts.services.accounts import AccountService
from dinerapp.accounts.services.passwords import Passwords
from dinerapp.accounts.services.profiles import ProfileService
from dinerapp.accounts.services.tokens import SessionTokens
from dinerapp.runtime.wing import MONGO_FIRST, BuiltWing, KindRow, Wing, WingContext


def _build(context: WingContext) -> BuiltWing:
    settings, accounts_at = context.settings, context.repository(Users)
    hashes_at_once = max(1, settings.web_threads // 2)
    accounts = AccountService(
        accounts_at,
        Passwords(settings.password_memory_kib, settings.password_rounds, hashes_at_once),
        SessionTokens(context.secret, timedelta(seconds=settings.access_token_seconds)),
        timedelta(days=settings.session_days),
    )
    profiles = ProfileService(context.repository(Profiles), accounts_at, accounts)
    return BuiltWing(AccountServices(accounts, profiles))


ACCOUNTS = Wing(
    name="accounts",
    kinds=(
        KindRow(Users, PostgresUsers, MongoUsers),
        KindRow.documents(Profiles, MONGO_FIRST),
    ),
    blueprints=(auth, users, profiles),
    build=_build,
)

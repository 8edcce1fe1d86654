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
from dinerapp.runtime.kind_row import MONGO_FIRST, KindRow
from dinerapp.runtime.wing import BuiltWing, Wing, WingContext


def _build(context: WingContext) -> BuiltWing:
    settings, user_repository = context.settings, context.repository(Users)
    max_concurrent_hashes = max(1, settings.web_threads // 2)
    accounts = AccountService(
        user_repository,
        Passwords(settings.password_memory_kib, settings.password_rounds, max_concurrent_hashes),
        SessionTokens(context.secret, timedelta(seconds=settings.access_token_seconds)),
        timedelta(days=settings.session_days),
    )
    profiles = ProfileService(context.repository(Profiles), user_repository, accounts)
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

"""The services of this wing, as routes and commands use them."""

from __future__ import annotations

from dataclasses import dataclass

from dinerapp.accounts.services.accounts import AccountService
from dinerapp.accounts.services.profiles import ProfileService


@dataclass(frozen=True, slots=True)
class AccountServices:
    """Accounts and profiles."""

    accounts: AccountService
    profiles: ProfileService

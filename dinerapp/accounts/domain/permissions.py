"""Permissions: routes name a permission, and one table names the roles that have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The role of a user in the restaurant."""

    CUSTOMER = "customer"
    WAITER = "waiter"
    CHEF = "chef"
    CASHIER = "cashier"
    MANAGER = "manager"
    ADMIN = "admin"


class Permission(StrEnum):
    """Something that not everybody is permitted to do."""

    USE_ACCOUNT = "use_account"
    SEE_ORDERS = "see_orders"
    CANCEL_ORDERS = "cancel_orders"
    MOVE_ORDERS = "move_orders"
    CHANGE_ORDERS = "change_orders"
    SEAT_GUESTS = "seat_guests"
    TAKE_MONEY = "take_money"
    GIVE_MONEY_BACK = "give_money_back"
    RUN_TILLS = "run_tills"
    SEE_KITCHEN = "see_kitchen"
    COOK = "cook"
    SEE_CUSTOMERS = "see_customers"
    CHANGE_CUSTOMERS = "change_customers"
    ERASE_CUSTOMERS = "erase_customers"
    SEE_PROFILES = "see_profiles"
    CHANGE_PROFILES = "change_profiles"
    MANAGE_COUPONS = "manage_coupons"
    PLAN_SLOTS = "plan_slots"
    SEE_RESERVATIONS = "see_reservations"
    CHANGE_RESERVATIONS = "change_reservations"
    PLAN_TABLES = "plan_tables"
    MANAGE_WEBHOOKS = "manage_webhooks"
    RUN_OUT = "run_out"
    USE_ROOMS = "use_rooms"
    MAKE_SERVERS = "make_servers"
    EDIT_MENU = "edit_menu"
    MANAGE_USERS = "manage_users"
    GRANT_POWER = "grant_power"
    SETTLE_CONFLICTS = "settle_conflicts"
    CHECK_STORES = "check_stores"
    SEE_CONNECTIONS = "see_connections"


_FLOOR = frozenset({Role.WAITER, Role.CASHIER, Role.MANAGER, Role.ADMIN})
_STAFF = _FLOOR | {Role.CHEF}
_KITCHEN = frozenset({Role.CHEF, Role.MANAGER, Role.ADMIN})
_MONEY = frozenset({Role.CASHIER, Role.MANAGER, Role.ADMIN})
_OFFICE = frozenset({Role.MANAGER, Role.ADMIN})

ROLES_BY_PERMISSION: Mapping[Permission, frozenset[Role]] = {
    Permission.USE_ACCOUNT: frozenset(Role),
    Permission.SEE_ORDERS: _STAFF,
    Permission.CANCEL_ORDERS: _FLOOR,
    Permission.MOVE_ORDERS: _STAFF,
    Permission.CHANGE_ORDERS: _FLOOR,
    Permission.SEAT_GUESTS: frozenset({Role.WAITER, Role.MANAGER, Role.ADMIN}),
    Permission.TAKE_MONEY: _FLOOR,
    Permission.GIVE_MONEY_BACK: _MONEY,
    Permission.RUN_TILLS: _MONEY,
    Permission.SEE_KITCHEN: _STAFF,
    Permission.COOK: _KITCHEN,
    Permission.SEE_CUSTOMERS: _FLOOR,
    Permission.CHANGE_CUSTOMERS: _OFFICE,
    Permission.ERASE_CUSTOMERS: _OFFICE,
    Permission.SEE_PROFILES: _OFFICE,
    Permission.CHANGE_PROFILES: frozenset({Role.ADMIN}),
    Permission.MANAGE_COUPONS: _OFFICE,
    Permission.PLAN_SLOTS: _OFFICE,
    Permission.SEE_RESERVATIONS: _FLOOR,
    Permission.CHANGE_RESERVATIONS: _FLOOR,
    Permission.PLAN_TABLES: _OFFICE,
    Permission.MANAGE_WEBHOOKS: _OFFICE,
    Permission.RUN_OUT: _KITCHEN,
    Permission.USE_ROOMS: frozenset(Role),
    Permission.MAKE_SERVERS: _OFFICE,
    Permission.EDIT_MENU: _OFFICE,
    Permission.MANAGE_USERS: _OFFICE,
    Permission.GRANT_POWER: frozenset({Role.ADMIN}),
    Permission.SETTLE_CONFLICTS: _OFFICE,
    Permission.CHECK_STORES: _OFFICE,
    Permission.SEE_CONNECTIONS: _OFFICE,
}

PRIVILEGED_ROLES = _OFFICE
"""Roles that only an admin can grant, and whose users only an admin can change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a request: a user, or a guest, perhaps with the access token of one record."""

    user_id: str | None = None
    role: Role | None = None
    session_id: str | None = None
    record_token: str | None = None

    def may(self, permission: Permission) -> bool:
        """Whether the caller's role has the permission."""
        return self.role in ROLES_BY_PERMISSION[permission]

    @property
    def is_staff(self) -> bool:
        """Whether the caller is on the staff."""
        return self.role in _STAFF

    @property
    def actor(self) -> str:
        """The name of the caller in the history of a record."""
        return self.user_id or "guest"


GUEST = Caller()

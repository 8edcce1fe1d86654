"""The list of wings, and what is derived from their declarations.

A new domain adds its wing to WINGS, after the wings whose services it uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from dinerapp.replication.ports.repository import Repository
from dinerapp.replication.version import StoreId
from dinerapp.runtime.kind_row import KindRow, StoreFactories
from dinerapp.runtime.wings.accounts import ACCOUNTS
from dinerapp.runtime.wings.messaging import MESSAGING
from dinerapp.runtime.wings.ordering import ORDERING
from dinerapp.runtime.wings.replication import REPLICATION
from dinerapp.runtime.wings.reservations import RESERVATIONS
from dinerapp.runtime.wings.webhooks import WEBHOOKS

WINGS = (ACCOUNTS, ORDERING, RESERVATIONS, MESSAGING, WEBHOOKS, REPLICATION)

KINDS: tuple[KindRow, ...] = tuple(row for wing in WINGS for row in wing.kinds)
BLUEPRINTS = tuple(blueprint for wing in WINGS for blueprint in wing.blueprints)

PORTS: Mapping[str, type[Repository[Any]]] = {row.name: row.port for row in KINDS}
POSTGRES_STORES: StoreFactories = {row.name: row.postgres for row in KINDS}
MONGO_STORES: StoreFactories = {row.name: row.mongo for row in KINDS}
PLACEMENT: Mapping[str, tuple[StoreId, ...]] = MappingProxyType(
    {row.name: row.placement for row in KINDS}
)

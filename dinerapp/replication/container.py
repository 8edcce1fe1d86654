"""The services of replication for routes and commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dinerapp.replication.anti_entropy import AntiEntropy
from dinerapp.replication.conflict_service import ConflictService
from dinerapp.replication.ports.connections import Connections
from dinerapp.replication.store_pair import StorePair


@dataclass(frozen=True, slots=True)
class ReplicationServices:
    """Connections, conflicts, and the comparison of the stores."""

    connections: Connections
    conflicts: ConflictService
    anti_entropy: AntiEntropy
    pairs: Mapping[str, StorePair[Any]]

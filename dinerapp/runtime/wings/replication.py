"""The wing of replication itself: connections, conflicts, and comparison of the stores."""

from __future__ import annotations

from adapters.mongo.conflicts import MongoConflicts
from adapters.postgres.conflicts import PostgresConflicts
from blueprints.status.routes import blp as status
from blueprints.sync.routes import blp as sync
from dinerapp.live.forwarding import forward_signals
from dinerapp.replication.ports.conflicts import Conflicts
from dinerapp.runtime.wing import BuiltWing, KindRow, Wing

REPLICATION = Wing(
    name="replication",
    kinds=(KindRow(Conflicts, PostgresConflicts, MongoConflicts),),
    blueprints=(sync, status),
    build=lambda _context: BuiltWing(None),
    forward_signals=forward_signals,
)

"""The wing of replication itself: connections, conflicts, and comparison of the stores."""

from __future__ import annotations

from blueprints.status.routes import blp as status
from blueprints.sync.routes import blp as sync
from dinerapp.live.forwarding import forward_signals
from dinerapp.runtime.kind_row import CONFLICTS_ROW
from dinerapp.runtime.wing import BuiltWing, Wing

REPLICATION = Wing(
    name="replication",
    kinds=(CONFLICTS_ROW,),
    blueprints=(sync, status),
    build=lambda _context: BuiltWing(None),
    forward_signals=forward_signals,
)

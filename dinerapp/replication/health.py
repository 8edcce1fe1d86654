"""The health of the application in a word and a sentence, from the states of its connections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dinerapp.replication.ports.connections import ConnectionState, ConnectionStatus
from dinerapp.replication.version import StoreId

HEALTHY, DEGRADED, UNHEALTHY = "healthy", "degraded", "unhealthy"
STORE_TITLES = {StoreId.MONGODB: "MongoDB", StoreId.POSTGRESQL: "PostgreSQL"}


@dataclass(frozen=True, slots=True)
class HealthVerdict:
    """The content of `/health`."""

    status: str
    reachable: dict[str, bool]
    message: str

    @property
    def can_serve(self) -> bool:
        return self.status != UNHEALTHY


def assess(connections: Sequence[ConnectionStatus]) -> HealthVerdict:
    """A store that is catching up counts as present and degraded.

    A store that is not configured is absent, which is not a degradation. Connections without
    records affect only the sentence.
    """
    states = {
        store_id: one.state
        for store_id in STORE_TITLES
        for one in connections
        if one.name == store_id
    }
    reachable = {
        store_id.value: states.get(store_id, ConnectionState.DOWN) is not ConnectionState.DOWN
        for store_id in STORE_TITLES
    }
    others = [one.name for one in connections if one.name not in list(STORE_TITLES)]
    down = [
        one.name for one in connections if one.name in others and one.state is ConnectionState.DOWN
    ]
    sentences = [_sentence(states), *([f"Also down: {', '.join(down)}"] if down else [])]
    return HealthVerdict(_status(states), reachable, ". ".join(sentences))


def _status(states: dict[StoreId, ConnectionState]) -> str:
    if all(state is ConnectionState.DOWN for state in states.values()):
        return UNHEALTHY
    return HEALTHY if all(state is ConnectionState.UP for state in states.values()) else DEGRADED


def _sentence(states: dict[StoreId, ConnectionState]) -> str:
    up, down, behind = (
        [STORE_TITLES[store_id] for store_id, state in states.items() if state is wanted]
        for wanted in (ConnectionState.UP, ConnectionState.DOWN, ConnectionState.CATCHING_UP)
    )
    absent = [STORE_TITLES[store_id] for store_id in STORE_TITLES if store_id not in states]
    if len(up) == len(STORE_TITLES):
        return "All databases operational"
    parts = [f"{title} is down" for title in down]
    parts += [
        f"{title} serves requests but may lack writes that it missed" for title in behind if not up
    ]
    parts += [f"{title} is back and is catching up" for title in behind if up]
    parts += [f"{title} serves requests meanwhile" for title in up if down or behind]
    parts += [f"{title} is operational" for title in up if not (down or behind)]
    return "; ".join([*parts, *(f"{title} is not configured" for title in absent)])

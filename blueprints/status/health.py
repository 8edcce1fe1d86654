"""One word and one sentence about the databases, from what the process knows of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blueprints.status.schemas import DEGRADED, HEALTHY, UNHEALTHY
from dinerapp.replication.ports.connections import ConnectionStatus, State
from dinerapp.replication.version import Place

TITLES = {Place.MONGODB: "MongoDB", Place.POSTGRESQL: "PostgreSQL"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `/health` says."""

    status: str
    reachable: dict[str, bool]
    message: str

    @property
    def can_serve(self) -> bool:
        return self.status != UNHEALTHY


def judged(connections: Sequence[ConnectionStatus]) -> Verdict:
    """A store that is catching up counts as there, and as a degradation.

    A store that nobody configured is not there, and that is no degradation. Connections that hold
    no records change the sentence only.
    """
    states = {place: one.state for place in TITLES for one in connections if one.name == place}
    reachable = {place.value: states.get(place, State.DOWN) is not State.DOWN for place in TITLES}
    others = [one.name for one in connections if one.name not in list(TITLES)]
    down = [one.name for one in connections if one.name in others and one.state is State.DOWN]
    sentences = [_sentence(states), *([f"Also down: {', '.join(down)}"] if down else [])]
    return Verdict(_status(states), reachable, ". ".join(sentences))


def _status(states: dict[Place, State]) -> str:
    if all(state is State.DOWN for state in states.values()):
        return UNHEALTHY
    return HEALTHY if all(state is State.UP for state in states.values()) else DEGRADED


def _sentence(states: dict[Place, State]) -> str:
    up, down, behind = (
        [TITLES[place] for place, state in states.items() if state is wanted]
        for wanted in (State.UP, State.DOWN, State.CATCHING_UP)
    )
    absent = [TITLES[place] for place in TITLES if place not in states]
    if len(up) == len(TITLES):
        return "All databases operational"
    parts = [f"{title} is down" for title in down]
    parts += [f"{title} answers, and may lack what it missed" for title in behind if not up]
    parts += [f"{title} is back and receives what it missed" for title in behind if up]
    parts += [f"{title} answers meanwhile" for title in up if down or behind]
    parts += [f"{title} is operational" for title in up if not (down or behind)]
    return "; ".join([*parts, *(f"{title} is not configured" for title in absent)])

"""One word and one sentence about the databases, from what the process knows of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blueprints.status.schemas import DEGRADED, HEALTHY, UNHEALTHY
from dinerapp.domain.version import Place
from dinerapp.ports.connections import ConnectionStatus, State

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
    absent = [TITLES[place] for place in TITLES if place not in states]
    parts = [_about(place, state) for place, state in states.items() if state is not State.UP]
    up = [TITLES[place] for place, state in states.items() if state is State.UP]
    if not parts and not absent:
        return "All databases operational"
    if parts and up:
        parts.append(f"{up[0]} answers meanwhile")
    elif up:
        parts.append(f"{up[0]} is operational")
    return "; ".join([*parts, *(f"{title} is not configured" for title in absent)])


def _about(place: Place, state: State) -> str:
    if state is State.DOWN:
        return f"{TITLES[place]} is down"
    return f"{TITLES[place]} is back and receives what it missed"

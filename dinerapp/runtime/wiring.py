"""Builds the application of a process: stores, then wings, then background services."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters.bus.multi_transport import MultiTransportBus
from dinerapp.live.bus import Bus
from dinerapp.live.feed import StreamQuota
from dinerapp.live.signal_bridge import SignalBridge
from dinerapp.replication.conflict_service import ConflictService
from dinerapp.replication.container import ReplicationServices
from dinerapp.replication.erasure import PersonalData
from dinerapp.replication.ports.conflicts import Conflicts
from dinerapp.replication.ports.follower import Follower
from dinerapp.replication.ports.observer import Observer
from dinerapp.runtime.container import Application, Services
from dinerapp.runtime.databases import AuxConnection, Backend
from dinerapp.runtime.registry import KINDS, WINGS
from dinerapp.runtime.settings import BadSetting, Settings
from dinerapp.runtime.stores import ReplicatedStores, UnusablePlacement
from dinerapp.runtime.supervisor import Resource, Supervisor
from dinerapp.runtime.wing import BuiltWing, WingContext


def build(
    settings: Settings,
    backends: Sequence[Backend],
    aux_connections: Sequence[AuxConnection] = (),
    *,
    observer: Observer | None = None,
    bus: Bus | None = None,
    is_busy: Callable[[], bool] = lambda: False,
    must_end: Callable[[], bool] = lambda: False,
) -> Application:
    """The application, not yet connected. Without a bus, signals stay in this process.

    `is_busy` says whether requests are being served; the relay yields to them. `must_end` says
    whether the process is about to exit, which ends open streams.
    """
    bus = bus or MultiTransportBus([])
    try:
        stores = ReplicatedStores(
            KINDS,
            backends,
            settings.replication,
            aux_connections=aux_connections,
            observer=observer,
            is_busy=is_busy,
        )
    except UnusablePlacement as exc:
        value = f"{exc.kind}={exc.store_ids[0]}"
        raise BadSetting("PLACEMENT", value, "stores whose database is configured") from exc
    quota = StreamQuota(settings.web_streams, must_end)
    context = WingContext(
        settings,
        # Without a key, tokens are only valid in this process. Processes that serve users have one.
        secret=settings.secret_key or secrets.token_hex(),
        repositories=stores.repositories,
        stream_quota=quota,
        is_informed=lambda: bus.is_listening,
        event_sources=[source for wing in WINGS for source in wing.event_sources],
        personal_data=_personal_data,
    )
    built = _build_wings(context)
    dispatcher = stores.follower_dispatcher(_followers(built))
    replication = ReplicationServices(
        connections=stores.connections(dispatcher),
        conflicts=ConflictService(context.repository(Conflicts), stores.repositories),
        anti_entropy=stores.anti_entropy,
        pairs=stores.pairs,
    )
    containers = [replication, *(wing.container for wing in built if wing.container is not None)]
    bridge = SignalBridge(bus)
    for wing in WINGS:
        wing.forward_signals(bridge)
    background = [
        *stores.background(dispatcher),
        *(service for wing in built for service in wing.background),
        Resource(bus),
    ]
    if settings.relay_in_workers:
        background += [service for wing in built for service in wing.relay_background]
    return Application(
        settings=settings,
        services=Services({type(container): container for container in containers}),
        replication=replication,
        repositories=stores.repositories,
        bulk_loaders=stores.bulk_loaders,
        relay=stores.relay,
        follower_dispatcher=dispatcher,
        bus=bus,
        stream_quota=quota,
        bridge=bridge,
        supervisor=Supervisor(background, await_ready=stores.await_first_store),
    )


def _build_wings(context: WingContext) -> Sequence[BuiltWing]:
    built = []
    for wing in WINGS:
        built.append(wing.build(context))
        if built[-1].container is not None:
            context.add(built[-1].container)
    return built


def _followers(built: Sequence[BuiltWing]) -> Mapping[str, Sequence[Follower[Any]]]:
    by_kind: dict[str, list[Follower[Any]]] = defaultdict(list)
    for wing in built:
        for kind, followers in wing.followers.items():
            by_kind[kind] += followers
    return by_kind


def _personal_data(context: WingContext) -> Sequence[PersonalData[Any]]:
    return [data for wing in WINGS for data in wing.personal_data(context)]

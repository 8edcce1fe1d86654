"""What the scenarios share: two servers for each test worker, and a house for each module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.embedded import EmbeddedMongo, EmbeddedPostgres
from tests.faults.cluster import Cluster, RealServers
from tests.faults.repeating import SlowTestRepeater
from tests.servers.control import run_server


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(SlowTestRepeater())


@pytest.fixture(scope="session")
def servers() -> Iterator[RealServers]:
    """Theirs alone: scenarios hurt them, and heal them when they are done."""
    with run_server(EmbeddedPostgres) as postgresql, run_server(EmbeddedMongo) as mongodb:
        yield RealServers(postgresql, mongodb)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("house")


@pytest.fixture(scope="module")
def plain_house(servers: RealServers, folder: Path) -> Iterator[Cluster]:
    """Two diners, which reach both databases directly."""
    with Cluster(servers, folder).run() as house:
        yield house


@pytest.fixture(scope="module")
def proxied_house(servers: RealServers, folder: Path) -> Iterator[Cluster]:
    """Two diners, each of which reaches each database through a proxy of its own."""
    with Cluster(servers, folder, proxied=True).run() as house:
        yield house


@pytest.fixture
def house(plain_house: Cluster) -> Iterator[Cluster]:
    """In order before and after each scenario, whatever became of it."""
    yield from plain_house.ready()


@pytest.fixture
def wired_house(proxied_house: Cluster) -> Iterator[Cluster]:
    """The same, proxied."""
    yield from proxied_house.ready()

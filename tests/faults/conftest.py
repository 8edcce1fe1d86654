"""What the scenarios share: two servers for each test worker, and a cluster for each module."""

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
def plain_cluster(servers: RealServers, folder: Path) -> Iterator[Cluster]:
    """Two diners, which reach both databases directly."""
    with Cluster(servers, folder).run() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def proxied_cluster(servers: RealServers, folder: Path) -> Iterator[Cluster]:
    """Two diners, each of which reaches each database through a proxy of its own."""
    with Cluster(servers, folder, proxied=True).run() as cluster:
        yield cluster


@pytest.fixture
def cluster(plain_cluster: Cluster) -> Iterator[Cluster]:
    """In order before and after each scenario, whatever became of it."""
    yield from plain_cluster.ready()


@pytest.fixture
def wired_cluster(proxied_cluster: Cluster) -> Iterator[Cluster]:
    """The same, proxied."""
    yield from proxied_cluster.ready()

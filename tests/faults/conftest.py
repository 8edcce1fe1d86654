"""What the scenarios share: two servers for each test worker, and a house for each module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.embedded import EmbeddedMongo, EmbeddedPostgres
from tests.faults.house import House, Servers
from tests.faults.repeating import SlowTestRepeater
from tests.servers.control import running


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(SlowTestRepeater())


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Theirs alone: scenarios hurt them, and heal them when they are done."""
    with running(EmbeddedPostgres) as postgresql, running(EmbeddedMongo) as mongodb:
        yield Servers(postgresql, mongodb)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("house")


@pytest.fixture(scope="module")
def plain_house(servers: Servers, folder: Path) -> Iterator[House]:
    """Two diners, which reach both databases directly."""
    with House(servers, folder).opened() as house:
        yield house


@pytest.fixture(scope="module")
def proxied_house(servers: Servers, folder: Path) -> Iterator[House]:
    """Two diners, each of which reaches each database through a proxy of its own."""
    with House(servers, folder, proxied=True).opened() as house:
        yield house


@pytest.fixture
def house(plain_house: House) -> Iterator[House]:
    """In order before and after each scenario, whatever became of it."""
    yield from plain_house.in_order()


@pytest.fixture
def wired_house(proxied_house: House) -> Iterator[House]:
    """The same, proxied."""
    yield from proxied_house.in_order()

"""Fixtures of real servers. The session's are shared: hurt only `own_postgres` and `own_mongo`."""

import os
from collections.abc import Generator, Iterator

import pytest

from adapters.embedded import EmbeddedMongo, EmbeddedPostgres, EmbeddedServerUnavailable
from tests.servers.control import (
    RealServer,
    new_mongo_database,
    new_postgres_database,
    run_server,
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """One line says which tests a missing server left out. In CI they fail."""
    report = yield
    missing = None if call.excinfo is None else call.excinfo.value
    if isinstance(missing, EmbeddedServerUnavailable) and "CI" not in os.environ:
        report.outcome = "skipped"
        report.longrepr = ("tests that need it", None, str(missing))  # type: ignore[assignment]
    return report


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[RealServer]:
    with run_server(EmbeddedPostgres) as server:
        yield server


@pytest.fixture(scope="session")
def mongo_server() -> Iterator[RealServer]:
    with run_server(EmbeddedMongo) as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[RealServer]:
    """A server for this test alone, which may be hurt."""
    with run_server(EmbeddedPostgres) as server:
        yield server


@pytest.fixture
def own_mongo() -> Iterator[RealServer]:
    """A server for this test alone, which may be hurt."""
    with run_server(EmbeddedMongo) as server:
        yield server


@pytest.fixture
def fresh_postgres_url(postgres_server: RealServer) -> Iterator[str]:
    """A new, empty database in the session's server."""
    with new_postgres_database(postgres_server) as url:
        yield url


@pytest.fixture
def fresh_mongo_url(mongo_server: RealServer) -> Iterator[str]:
    """A new, empty database in the session's server."""
    with new_mongo_database(mongo_server) as url:
        yield url

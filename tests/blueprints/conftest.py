"""One application over stores in memory for all tests of this folder; each makes its own dishes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from tests.blueprints.asking import client_of
from tests.blueprints.grounds import SERVING, Ground, ground_of
from tests.servers.control import RealServer


@pytest.fixture(scope="package")
def client() -> Iterator[FlaskClient]:
    """An admin's."""
    with client_of() as client:
        yield client


@pytest.fixture(scope="package")
def guests() -> Iterator[FlaskClient]:
    """A guest's."""
    with client_of(role=None) as client:
        yield client


@pytest.fixture(scope="package", params=SERVING)
def ground(
    request: pytest.FixtureRequest, postgres_server: RealServer, mongo_server: RealServer
) -> Iterator[Ground]:
    """An application on both real databases, and on either one after the other is gone."""
    with ground_of(request.param, postgres_server, mongo_server) as ground:
        yield ground

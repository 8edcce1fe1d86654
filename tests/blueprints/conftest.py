"""One application over stores in memory for all tests of this folder; each makes its own dishes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest
from flask.testing import FlaskClient

from tests.blueprints.api_helpers import client_of
from tests.blueprints.two_store_apps import SERVING, TwoStoreApp, two_store_app
from tests.servers.control import RealServer

Grounds = Callable[[str], TwoStoreApp]


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


@pytest.fixture(scope="package")
def grounds(postgres_server: RealServer, mongo_server: RealServer) -> Iterator[Grounds]:
    """Each is laid when it is first asked for, and stays: to lay one takes a second."""
    with ExitStack() as stack:
        yield cache(
            lambda serving: stack.enter_context(
                two_store_app(serving, postgres_server, mongo_server)
            )
        )


@pytest.fixture(params=SERVING)
def ground(request: pytest.FixtureRequest, grounds: Grounds) -> TwoStoreApp:
    """An application on both real databases, and on either one after the other is gone."""
    return grounds(request.param)

"""A stranger's client: generated from /openapi.json as the docs say, and used as they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from adapters.embedded.tcp_ports import LOCALHOST
from tests.blueprints.api_helpers import add_dish, client_of, description_of

PAGE = Path(__file__).parents[2] / "docs" / "building-a-client.md"
WRITTEN_URL = "http://127.0.0.1:8000"
PACKAGE = "diner_client"


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The address at which the application answers real requests."""
    server = make_server(LOCALHOST, 0, app, threaded=True)
    with ThreadPoolExecutor(1) as serving:
        serving.submit(server.serve_forever, poll_interval=0.02)
        try:
            yield f"http://{LOCALHOST}:{server.port}"
        finally:
            server.shutdown()
            server.server_close()


@pytest.fixture(scope="module")
def admin() -> Iterator[FlaskClient]:
    with client_of() as client:
        yield client


@pytest.fixture(scope="module")
def url(admin: FlaskClient) -> Iterator[str]:
    with served(admin.application) as url:
        yield url


@pytest.fixture(scope="module")
def generated(
    url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[subprocess.CompletedProcess[str]]:
    """The generator's run; its package can be imported."""
    folder = tmp_path_factory.mktemp("client")
    command = _block("sh", url).splitlines()[1].split()
    run = subprocess.run(
        [str(Path(sys.executable).with_name(command[0])), *command[1:], "--fail-on-warning"],
        cwd=folder,
        env={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield run
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def test_a_client_is_generated_of_every_operation_without_a_warning(
    admin: FlaskClient, generated: subprocess.CompletedProcess[str]
) -> None:
    assert generated.returncode == 0, generated.stdout + generated.stderr
    assert "WARNING" not in generated.stdout + generated.stderr
    documented = {
        operation["operationId"]
        for path in description_of(admin.application)["paths"].values()
        for method, operation in path.items()
        if method != "parameters"
    }
    import diner_client

    modules = Path(diner_client.__file__).parent.glob("api/*/*.py")
    assert {module.stem for module in modules} - {"__init__"} == documented


@pytest.mark.usefixtures("generated")
def test_the_page_about_clients_works_as_it_is_written(admin: FlaskClient, url: str) -> None:
    item = add_dish(admin, name="Pelmeni", price=850)
    found: dict[str, Any] = {}
    exec(compile(_block("python", url), str(PAGE), "exec"), found)  # noqa: S102
    assert (str(found["dish"].id), found["placed"].total) == (item["id"], 1700)
    order = admin.get(f"/api/orders/{found['placed'].id}").json
    assert (order["status"], order["total"]) == ("cancelled", 1700)
    assert found["refused"].status == 403


@pytest.mark.usefixtures("generated")
def test_whoever_logs_in_with_the_client_sees_their_account(admin: FlaskClient, url: str) -> None:
    from diner_client import AuthenticatedClient, Client
    from diner_client.api.auth import login, read_me, register
    from diner_client.models import Login, Registration

    guest, password = Client(base_url=url), "correct horse battery"
    new = Registration(email="client@example.org", password=password, name="Ada")
    made = register.sync(client=guest, body=new)
    granted = login.sync(client=guest, body=Login(email=made.email, password=password))
    mine = AuthenticatedClient(base_url=url, token=granted.access_token)
    assert read_me.sync(client=mine) == granted.user
    assert read_me.sync_detailed(client=guest).status_code == 401


def _block(language: str, url: str) -> str:
    """The first block of that language on the page, for the application at hand."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    return found[1].replace(WRITTEN_URL, url)

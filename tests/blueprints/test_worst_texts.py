"""The worst text for each field is refused before anything normalises or matches it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import marshmallow as ma
import pytest
from flask.testing import FlaskClient

from blueprints.http.fields import RequestSchema, Text
from dinerapp.runtime.registry import BLUEPRINTS
from tests.blueprints.api_helpers import client_of
from tests.cases import every_case

LENGTH = 130_000
WORST = {
    "combining marks": "a" + "\u0300\u0301" * (LENGTH // 2),
    "marks out of order": "a" + "\u0315\u0300\u05ae" * (LENGTH // 3),
    "one word": "a" * LENGTH,
    "dots": "a@" + "a." * (LENGTH // 2),
    "digits": "1" * LENGTH,
    "brackets": "(" * LENGTH,
    "blanks": " " * LENGTH,
    "URL": "http://" + "a." * (LENGTH // 2),
}
CPU_SECONDS = 0.5
"""Each took milliseconds; the first one took 38 s where it was normalised."""


def request_schemas(kind: type[ma.Schema] = RequestSchema) -> Iterator[type[ma.Schema]]:
    for each in kind.__subclasses__():
        yield each
        yield from request_schemas(each)


def test_every_text_in_a_request_is_measured_first() -> None:
    assert BLUEPRINTS
    checked = 0
    with every_case() as case:
        for schema in {*request_schemas()}:
            for name, field in schema().load_fields.items():
                if not isinstance(field, Text):
                    continue
                checked += 1
                for kind, text in WORST.items():
                    with case(schema.__name__, name, kind):
                        begin = time.process_time()
                        errors = schema().validate({name: text}, partial=True)
                        assert time.process_time() - begin < CPU_SECONDS
                        assert "characters long" in str(errors[name])
    assert checked > 40


@pytest.fixture
def guest() -> Iterator[FlaskClient]:
    with client_of(None, account_limit="5 per minute") as client:
        yield client


@pytest.mark.parametrize("kind", WORST)
def test_a_login_with_it_is_refused_at_once(guest: FlaskClient, kind: str) -> None:
    begin = time.process_time()
    body = {"email": WORST[kind], "password": "correct horse battery"}
    answer = guest.post("/api/auth/login", json=body)
    assert time.process_time() - begin < 2 * CPU_SECONDS
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["email"])

"""A server that cannot run here: CI fails, and on a user's machine its tests are left out."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import pytest
from adapters.embedded import EmbeddedServerUnavailable

@pytest.fixture(scope="session")
def server():
    raise EmbeddedServerUnavailable("No PostgreSQL to run")

def test_one(server): pass
def test_two(request): request.getfixturevalue("server")
def test_of_something_else(): pass
"""


@pytest.fixture(autouse=True)
def _tests(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest("from tests.servers.fixtures import pytest_runtest_makereport")
    pytester.makepyfile(TESTS)


def test_ci_fails(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    found = pytester.runpytest_inprocess("-ra")

    assert found.ret == 1
    assert found.parseoutcomes() == {"passed": 1, "failed": 1, "errors": 1}


def test_a_user_reads_in_one_line_how_many_tests_were_left_out_and_why(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    found = pytester.runpytest_inprocess("-ra")

    assert found.ret == 0
    assert found.parseoutcomes() == {"passed": 1, "skipped": 2}
    found.stdout.fnmatch_lines(["SKIPPED [[]2[]] tests that need it: No PostgreSQL to run"])

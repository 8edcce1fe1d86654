"""Which failures of a fault test are given a second chance."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.faults.observations import Observations, RecordedCall
from tests.faults.promises import assert_fast
from tests.faults.repeating import MAX_REPEATS
from tests.timing import TooSlow, assert_within

pytest_plugins = ["pytester"]

BEGINNING = """
import pytest
from tests.timing import assert_within

pytestmark = pytest.mark.faults
attempts = []

def late(): assert_within(1, 1.34, "an answer")
def lost(): raise AssertionError("P1: an order is lost")
"""
ONCE = "if len(attempts) == 1:"
CALL = RecordedCall("diner0", "GET", "/orders/1", None, began=0, seconds=0.1, status=200)


@pytest.fixture(autouse=True)
def _plugin(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest("from tests.faults.conftest import pytest_configure")
    pytester.makeini("[pytest]\nmarkers = faults")


def run(pytester: pytest.Pytester, body: str, *, times: int = 1) -> pytest.RunResult:
    """The body, as that many tests of one run. Each attempt is noted in `attempts` first."""
    lines = "\n    ".join(["attempts.append(1)", *body.splitlines()])
    tests = (f"def test_{number}():\n    {lines}\n" for number in range(times))
    return run_file(pytester, "\n".join(tests))


def run_file(pytester: pytest.Pytester, tests: str) -> pytest.RunResult:
    pytester.makepyfile(f"{BEGINNING}\n{tests}")
    return pytester.runpytest_inprocess()


def answers(late: int) -> Observations:
    """A hundred of them."""
    calls = [replace(CALL, seconds=2.0 if number < late else 0.1) for number in range(100)]
    return Observations(calls=calls, checked=True)


def test_a_test_that_was_too_slow_is_repeated_once_and_counted(pytester: pytest.Pytester) -> None:
    found = run(pytester, f"{ONCE} late()")

    assert found.ret == 0
    assert found.parseoutcomes() == {"passed": 1, "repeated": 1}
    found.stdout.fnmatch_lines(
        [
            "repeated: *.py::test_0: an answer took 1.34 s, at most 1.00 s",
            f"fault tests that were repeated because of a time: 1 of at most {MAX_REPEATS}",
        ]
    )


@pytest.mark.parametrize(
    "body",
    [
        f"{ONCE} lost()",
        f"{ONCE} pytest.fail('Timeout (>120.0s) from pytest-timeout.')",
        f"{ONCE}\n  try: lost()\n  finally: late()",
        f"{ONCE}\n  try: late()\n  finally: lost()",
    ],
    ids=["a loss", "no end", "a time during a loss", "a loss during a time"],
)
def test_whatever_else_fails_is_red_at_once(pytester: pytest.Pytester, body: str) -> None:
    found = run(pytester, body)

    assert found.ret == 1
    assert found.parseoutcomes() == {"failed": 1}


@pytest.mark.parametrize("second", ["late()", "lost()"])
def test_a_repeated_test_that_fails_again_is_red(pytester: pytest.Pytester, second: str) -> None:
    found = run(pytester, f"{ONCE} late()\nelse: {second}")

    assert found.ret == 1
    assert found.parseoutcomes() == {"failed": 1, "repeated": 1}


def test_only_so_many_tests_of_a_run_are_repeated(pytester: pytest.Pytester) -> None:
    found = run(pytester, "if len(attempts) % 2: late()", times=MAX_REPEATS + 1)

    assert found.ret == 1
    assert found.parseoutcomes() == {
        "passed": MAX_REPEATS,
        "repeated": MAX_REPEATS,
        "failed": 1,
    }
    found.stdout.fnmatch_lines([f"{MAX_REPEATS} tests of this run already were"])


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_fixture_that_fails_is_no_reason_to_repeat(pytester: pytest.Pytester, where: str) -> None:
    before, after = ("late()", "pass") if where == "before" else ("pass", "late()")
    found = run_file(
        pytester,
        f"""
@pytest.fixture
def house():
    {before}
    yield
    {after}

def test_it(house):
    attempts.append(1)
    assert len(attempts) == 1
    {"late()" if where == "after" else "pass"}
""",
    )

    assert found.ret == 1
    assert "repeated" not in found.parseoutcomes()


def test_fixtures_are_made_anew_for_the_second_attempt(pytester: pytest.Pytester) -> None:
    found = run_file(
        pytester,
        """
@pytest.fixture
def house():
    attempts.append("made")
    yield
    attempts.append("gone")

def test_it(house):
    if len(attempts) == 1: late()
    assert attempts == ["made", "gone", "made"]
""",
    )

    assert found.parseoutcomes() == {"passed": 1, "repeated": 1}


def test_tests_that_are_no_fault_tests_are_not_repeated(pytester: pytest.Pytester) -> None:
    found = run_file(pytester, "pytestmark = []\ndef test_it(): late()")

    assert found.parseoutcomes() == {"failed": 1}


def test_a_limit_may_be_reached_and_not_passed() -> None:
    assert_within(1, 1.0, "an answer")
    with pytest.raises(TooSlow, match=r"^an answer took 1\.34 s, at most 1\.00 s$"):
        assert_within(1, 1.34, "an answer")


def test_two_answers_of_a_hundred_may_be_late() -> None:
    assert_fast(answers(late=2), since=0)
    with pytest.raises(TooSlow, match="of 100 tries the slowest but 2, GET /orders/1 at diner0"):
        assert_fast(answers(late=3), since=0)


def test_nothing_is_timed_before_it_is_known_whether_anything_was_lost() -> None:
    slow = Observations(calls=[replace(CALL, seconds=2.0)])
    with pytest.raises(AssertionError, match="must be known") as caught:
        assert_fast(slow, since=0)
    assert not isinstance(caught.value, TooSlow)

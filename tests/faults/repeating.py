"""A fault test is repeated once if it was too slow, and for no other reason.

A busy machine can stand still for a second, and P8 is about seconds. It cannot lose, double or
alter a record: any other failure is final.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

import pytest
from _pytest.runner import runtestprotocol

from tests.timing import TooSlow

MAX_REPEATS = 3
"""In one run. A machine that needs more of them cannot measure anything."""

REPEATED = "repeated"


class SlowTestRepeater:
    """A plugin of pytest. The first attempt is reported as `repeated`, the second one decides."""

    def __init__(self) -> None:
        self._repeats = 0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        report.too_slow = _reason_to_repeat(call)  # type: ignore[attr-defined]
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> object:
        if item.get_closest_marker("faults") is None:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        slow = _slow_attempt(reports)
        if slow is not None and self._repeats < MAX_REPEATS:
            self._repeats += 1
            slow.outcome = REPEATED  # type: ignore[assignment]
            item.ihook.pytest_runtest_logreport(report=slow)
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
        elif slow is not None:
            slow.sections.append(("not repeated", f"{MAX_REPEATS} tests of this run already were"))
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    @pytest.hookimpl
    def pytest_report_teststatus(self, report: pytest.TestReport) -> object:
        if report.outcome == REPEATED:
            return REPEATED, "R", ("REPEATED", {"yellow": True})
        return None

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        repeated = terminalreporter.getreports(REPEATED)
        if repeated:
            terminalreporter.section("repeated fault tests", yellow=True)
            for report in repeated:
                terminalreporter.line(f"repeated: {report.nodeid}: {report.too_slow}")
            count = f"{len(repeated)} of at most {MAX_REPEATS}"
            terminalreporter.line(f"fault tests that were repeated because of a time: {count}")


def _reason_to_repeat(call: pytest.CallInfo[None]) -> str | None:
    """What was too slow. Not if that came up while another failure was on its way out."""
    failure = None if call.excinfo is None else call.excinfo.value
    if call.when == "call" and isinstance(failure, TooSlow) and failure.__context__ is None:
        return str(failure)
    return None


def _slow_attempt(reports: Sequence[pytest.TestReport]) -> pytest.TestReport | None:
    """The one report that failed, if all that it found is a time."""
    failed = [report for report in reports if report.failed]
    if len(failed) == 1 and failed[0].too_slow is not None:
        return failed[0]
    return None

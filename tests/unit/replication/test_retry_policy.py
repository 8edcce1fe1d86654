"""Waits between tries."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dinerapp.replication.retry_policy import RetryPolicy


def test_waits_grow_until_the_last_try_and_then_it_is_given_up() -> None:
    policy = RetryPolicy(max_tries=4, first_delay=timedelta(seconds=1))
    waits = [policy.delay(tries) for tries in range(1, 6)]
    assert waits == [timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4), None, None]


def test_a_single_try_is_never_repeated() -> None:
    assert RetryPolicy(max_tries=1, first_delay=timedelta(seconds=1)).delay(1) is None


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, 90), (0.5, 101.25), (1.0, 112.5)])
def test_jitter_makes_a_wait_longer_and_never_shorter(jitter: float, seconds: float) -> None:
    policy = RetryPolicy(
        max_tries=8, first_delay=timedelta(seconds=30), growth=3.0, max_jitter=0.25
    )
    assert policy.delay(2, jitter) == timedelta(seconds=seconds)

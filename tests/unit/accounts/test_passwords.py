"""Hashing takes its time, and no more than its share of a process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from dinerapp.accounts.errors import TooBusy
from dinerapp.accounts.services.passwords import Passwords
from dinerapp.replication import deadline

PLACES = 2


class Slow:
    """An argon2 that hashes until it is let go, and tells how many did so at once."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.at_once = self.most = 0

    def hash(self, _password: bytes) -> str:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.go.wait(5)
        self.at_once -= 1
        return "hash"


@pytest.fixture
def slow() -> Iterator[Slow]:
    made = Slow()
    yield made
    made.go.set()


@pytest.fixture
def passwords(slow: Slow) -> Passwords:
    made = Passwords(8, 1, PLACES)
    made._argon2 = slow  # type: ignore[assignment]
    return made


def test_a_password_fits_its_own_hash_and_no_other() -> None:
    passwords = Passwords(8, 1, 1)
    kept = passwords.hash("correct horse")
    assert kept.startswith("$argon2id$")
    assert kept != passwords.hash("correct horse")
    assert passwords.matches("correct horse", kept)
    assert not passwords.matches("correct horse ", kept)
    assert not passwords.matches("correct horse", None)
    assert not passwords.matches("correct horse", "no hash at all")


def test_an_accent_is_one_however_it_is_typed() -> None:
    passwords = Passwords(8, 1, 1)
    assert passwords.matches("caf\u00e9 au lait", passwords.hash("cafe\u0301 au lait"))


def test_who_finds_no_place_is_told_so_at_once_and_one_hash_is_made_at_a_time(
    passwords: Passwords, slow: Slow
) -> None:
    with ThreadPoolExecutor(PLACES) as pool:
        taken = [pool.submit(passwords.hash, "x") for _ in range(PLACES)]
        _until_taken(passwords)
        began = time.monotonic()
        with pytest.raises(TooBusy):
            passwords.hash("x")
        assert time.monotonic() - began < 0.5
        slow.go.set()
        assert [one.result() for one in taken] == ["hash"] * PLACES
    assert slow.most == 1
    assert passwords.hash("x") == "hash"


def test_nobody_waits_for_their_turn_beyond_their_deadline(passwords: Passwords) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(passwords.hash, "x")
        while passwords._hashing_lock.acquire(blocking=False):
            passwords._hashing_lock.release()
        with deadline.within(0.05), pytest.raises(TooBusy):
            passwords.hash("x")
        passwords._argon2.go.set()  # type: ignore[attr-defined]


def _until_taken(passwords: Passwords) -> None:
    while passwords._waiting_slots.acquire(blocking=False):
        passwords._waiting_slots.release()
        time.sleep(0.01)

"""Display names of users."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from threading import Lock

from cachetools import LRUCache

from dinerapp.accounts.ports.profiles import Profiles
from dinerapp.accounts.ports.users import Users
from dinerapp.replication import deadline, served_by
from dinerapp.replication.errors import NoStoreAvailable

CACHE_SECONDS = 10.0
MAX_CACHED = 10_000
TIMEOUT_SECONDS = 1.0


class DisplayNames:
    """Names from profiles, or from accounts of users without a profile.

    Names are cached, because one message may be shown to hundreds. While the stores cannot be
    reached a name is the one last known, or empty: that does not hold up messages.
    """

    def __init__(
        self, profiles: Profiles, users: Users, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._profiles = profiles
        self._users = users
        self._clock = clock
        self._cache = LRUCache[str, tuple[float, str]](MAX_CACHED)
        self._lock = Lock()

    def of(self, user_ids: Collection[str]) -> Mapping[str, str]:
        """The names of these users; an unknown user's name is empty."""
        now = self._clock()
        with self._lock:
            kept = {each: self._cache.get(each, (0.0, "")) for each in set(user_ids)}
        names = {each: name for each, (_, name) in kept.items()}
        asked = [each for each, (until, _) in kept.items() if now >= until]
        if not asked:
            return names
        try:
            with deadline.within(TIMEOUT_SECONDS), served_by.suspended():
                found = self._load(asked)
        except NoStoreAvailable:
            return names
        self._remember(found, now + CACHE_SECONDS)
        return names | found

    def _load(self, user_ids: Collection[str]) -> dict[str, str]:
        profiles = self._profiles.get_many(user_ids)
        nameless = [each for each in user_ids if each not in profiles]
        users = self._users.get_many(nameless) if nameless else {}
        return {
            **dict.fromkeys(user_ids, ""),
            **{key: profile.display_name for key, profile in profiles.items()},
            **{key: user.name for key, user in users.items()},
        }

    def _remember(self, names: Mapping[str, str], expires_at: float) -> None:
        with self._lock:
            self._cache.update({key: (expires_at, name) for key, name in names.items()})

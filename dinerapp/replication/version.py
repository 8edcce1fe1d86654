"""Version vectors: one counter per store that accepts writes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum


class StoreId(StrEnum):
    """A database that accepts writes. Each increments its own counter and no other."""

    POSTGRESQL = "postgresql"
    MONGODB = "mongodb"
    NOCODB = "nocodb"


@dataclass(frozen=True, slots=True)
class Version:
    """A version vector. Of two versions one dominates the other, or they are concurrent."""

    postgresql: int = 0
    mongodb: int = 0
    nocodb: int = 0

    @property
    def revision(self) -> int:
        """How many writes the state contains; the number that clients see."""
        return self.postgresql + self.mongodb + self.nocodb

    def counter_of(self, store_id: StoreId) -> int:
        """The counter of one store."""
        counter: int = getattr(self, store_id.value)
        return counter

    def incremented(self, store_id: StoreId) -> Version:
        """This version after one more write accepted by the store."""
        return replace(self, **{store_id.value: self.counter_of(store_id) + 1})

    def dominates(self, other: Version) -> bool:
        """Whether this version counts every write that the other counts."""
        return (
            self.postgresql >= other.postgresql
            and self.mongodb >= other.mongodb
            and self.nocodb >= other.nocodb
        )

    def merged(self, other: Version) -> Version:
        """The smallest version that dominates both."""
        return Version(
            max(self.postgresql, other.postgresql),
            max(self.mongodb, other.mongodb),
            max(self.nocodb, other.nocodb),
        )

    def __str__(self) -> str:
        return f"p{self.postgresql}m{self.mongodb}n{self.nocodb}"

    @classmethod
    def parse(cls, text: str) -> Version:
        """The version from its string form; ValueError if the text is not one."""
        match = re.fullmatch(r"p(\d{1,18})m(\d{1,18})n(\d{1,18})", text, re.ASCII)
        if match is None:
            raise ValueError(f"not a version: {text[:40]!r}")
        return cls(*map(int, match.groups()))

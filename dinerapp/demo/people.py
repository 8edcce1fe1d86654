"""Guests and staff of the demo. Telephone numbers are from a range that is reserved for fiction."""

from __future__ import annotations

from random import Random

from dinerapp.ordering.domain.orders import OrderContact

MAX_GUESTS = 1000

_FIRST_NAMES = (
    "Ada",
    "Ben",
    "Chidi",
    "Elif",
    "Frida",
    "Giulia",
    "Hana",
    "Jonas",
    "Linh",
    "Marek",
    "Priya",
    "Theo",
    "Yuki",
    "Zoé",
)
_LAST_NAMES = (
    "Brandt",
    "Costa",
    "Diallo",
    "Fischer",
    "Haddad",
    "Ivanova",
    "Kaya",
    "Moreau",
    "Nguyen",
    "Okafor",
    "Rossi",
    "Tanaka",
    "Weber",
)
_STREETS = ("Lindenallee", "Am Alten Markt", "Gartenstraße", "Mühlenweg", "Bahnhofstraße")
TABLE_COUNT = 24

WAITERS = ("lena", "samir", "rosa")
CASHIERS = ("jonas", "olga")
CHEF = "amira"


def guest_contact(number: int) -> OrderContact:
    """The contact of one of MAX_GUESTS guests; every third one has an e-mail address."""
    first = _FIRST_NAMES[number % len(_FIRST_NAMES)]
    last = _LAST_NAMES[number % len(_LAST_NAMES)]
    email = f"guest-{number}@example.org" if number % 3 == 0 else None
    return OrderContact(
        name=f"{first} {last}", phone=f"+493023125{number % MAX_GUESTS:03}", email=email
    )


def table(rng: Random) -> str:
    """A random table."""
    return str(rng.randint(1, TABLE_COUNT))


def address(guest_number: int) -> str:
    """The address of a guest."""
    street = _STREETS[guest_number % len(_STREETS)]
    return f"{street} {guest_number // len(_STREETS) % 90 + 1}, 10115 Berlin"

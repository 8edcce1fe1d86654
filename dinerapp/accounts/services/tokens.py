"""What a client shows instead of a password: signed, and worth nothing without its session."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from dinerapp.accounts.domain.users import Session
from dinerapp.accounts.errors import NotAuthenticated

_HS256 = ["HS256"]
_HEADER = {"alg": "HS256"}
_LONGEST = 2000
REFUSED = "the token is not valid, or not any more"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a token says; whether it is still so the user's record knows."""

    user_id: str
    session_id: str
    generation: int


class Tokens:
    """Access and refresh tokens have keys of their own: one never passes for the other."""

    def __init__(self, secret: str, access_lifetime: timedelta) -> None:
        self.access_lifetime = access_lifetime
        self._access_key = _derived(secret, "access token")
        self._refresh_key = _derived(secret, "refresh token")

    def access(self, user_id: str, session: Session, now: datetime) -> str:
        """For requests, for a short while."""
        return _signed(self._access_key, user_id, session, now + self.access_lifetime)

    def refresh(self, user_id: str, session: Session) -> str:
        """For one more pair of tokens; always the same one for a generation."""
        return _signed(self._refresh_key, user_id, session, session.expires_at)

    def read_access(self, token: str) -> Claim:
        """What the token says. Raises NotAuthenticated unless it is ours and has not expired."""
        return _read(self._access_key, token)

    def read_refresh(self, token: str) -> Claim:
        """The same for a refresh token."""
        return _read(self._refresh_key, token)


def _derived(secret: str, purpose: str) -> OctKey:
    return OctKey.import_key(hmac.digest(secret.encode(), purpose.encode(), hashlib.sha256))


def _signed(key: OctKey, user_id: str, session: Session, until: datetime) -> str:
    claims: dict[str, Any] = {
        "sub": user_id,
        "sid": session.id,
        "gen": session.generation,
        "exp": int(until.timestamp()),
    }
    return jwt.encode(_HEADER, claims, key, algorithms=_HS256)


def _read(key: OctKey, token: str) -> Claim:
    try:
        claims = _verified(key, token)
        return Claim(str(claims["sub"]), str(claims["sid"]), int(claims["gen"]))
    except (JoseError, LookupError, TypeError, ValueError) as exc:
        raise NotAuthenticated(REFUSED) from exc


def _verified(key: OctKey, token: str) -> dict[str, Any]:
    if len(token) > _LONGEST:
        raise ValueError("longer than any token of ours")
    claims = jwt.decode(token, key, algorithms=_HS256).claims
    jwt.JWTClaimsRegistry(exp={"essential": True}).validate(claims)
    return claims

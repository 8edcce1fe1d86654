"""Signed access and refresh tokens, which are only valid together with their session."""

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
_MAX_TOKEN_LENGTH = 2000
INVALID_TOKEN = "the token is invalid, expired or revoked"  # noqa: S105


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """The claims of a token; whether they still hold is checked against the user's record."""

    user_id: str
    session_id: str
    generation: int


class SessionTokens:
    """Issues and reads tokens. Access and refresh tokens have different keys, so that neither
    passes for the other."""

    def __init__(self, secret: str, access_lifetime: timedelta) -> None:
        self.access_lifetime = access_lifetime
        self._access_key = _derive_key(secret, "access token")
        self._refresh_key = _derive_key(secret, "refresh token")

    def issue_access(self, user_id: str, session: Session, now: datetime) -> str:
        """A token for requests, valid for a short time."""
        return _sign(self._access_key, user_id, session, now + self.access_lifetime)

    def issue_refresh(self, user_id: str, session: Session) -> str:
        """A token for one more pair of tokens; always the same one for a generation."""
        return _sign(self._refresh_key, user_id, session, session.expires_at)

    def read_access(self, token: str) -> TokenClaims:
        """The claims of an access token; NotAuthenticated if it is invalid or has expired."""
        return _decode(self._access_key, token)

    def read_refresh(self, token: str) -> TokenClaims:
        """The claims of a refresh token, as above."""
        return _decode(self._refresh_key, token)


def _derive_key(secret: str, purpose: str) -> OctKey:
    return OctKey.import_key(hmac.digest(secret.encode(), purpose.encode(), hashlib.sha256))


def _sign(key: OctKey, user_id: str, session: Session, expires_at: datetime) -> str:
    claims: dict[str, Any] = {
        "sub": user_id,
        "sid": session.id,
        "gen": session.generation,
        "exp": int(expires_at.timestamp()),
    }
    return jwt.encode(_HEADER, claims, key, algorithms=_HS256)


def _decode(key: OctKey, token: str) -> TokenClaims:
    try:
        claims = _verify(key, token)
        return TokenClaims(str(claims["sub"]), str(claims["sid"]), int(claims["gen"]))
    except (JoseError, LookupError, TypeError, ValueError) as exc:
        raise NotAuthenticated(INVALID_TOKEN) from exc


def _verify(key: OctKey, token: str) -> dict[str, Any]:
    if len(token) > _MAX_TOKEN_LENGTH:
        raise ValueError("longer than any token of ours")
    claims = jwt.decode(token, key, algorithms=_HS256).claims
    jwt.JWTClaimsRegistry(exp={"essential": True}).validate(claims)
    return claims

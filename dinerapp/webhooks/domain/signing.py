"""How whatever is posted to others is signed, so that they know who sent it and when."""

from __future__ import annotations

import hashlib
import hmac


def signature(secret: str, moment: int, body: bytes) -> str:
    """HMAC-SHA256 of `<unix time>.<body>` in hexadecimal."""
    return hmac.new(secret.encode(), b"%d.%s" % (moment, body), hashlib.sha256).hexdigest()

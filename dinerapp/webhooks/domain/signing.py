"""Signs everything that is posted to others, so that receivers can verify the sender and the time.

The headers are those of Standard Webhooks 1.0 (https://www.standardwebhooks.com), for which there
are libraries.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping


def signed_headers(secret: str, message_id: str, moment: int, body: bytes) -> Mapping[str, str]:
    """The headers of one try: the id is the same in every try, the unix time is not.

    The key is the secret's bytes unchanged, including its prefix.
    """
    signed = b"%s.%d.%s" % (message_id.encode(), moment, body)
    mac = hmac.digest(secret.encode(), signed, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(moment),
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def legacy_signature(secret: str, moment: int, body: bytes) -> str:
    """HMAC-SHA256 of `<unix time>.<body>` in hexadecimal, for receivers older than the headers."""
    return hmac.new(secret.encode(), b"%d.%s" % (moment, body), hashlib.sha256).hexdigest()

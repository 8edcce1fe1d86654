"""What the guide for receivers tells them to do, done."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from dinerapp.webhooks.domain.signing import signed_headers

GUIDE = Path(__file__).parents[3] / "docs" / "webhooks.md"
SECRET, BODY = "whsec_0", b'{"type": "ping"}'


def is_genuine(*given: Any) -> bool:
    [example] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 it is ours
    verdict: bool = names["is_genuine"](*given)
    return verdict


def headers(moment: int, **other: str) -> dict[str, str]:
    return {**signed_headers(SECRET, "one", moment, BODY), **other}


def test_the_example_takes_what_is_genuine() -> None:
    assert is_genuine(SECRET, headers(int(time.time())), BODY)


def test_the_example_refuses_what_is_not() -> None:
    now = int(time.time())
    assert not is_genuine("whsec_1", headers(now), BODY)
    assert not is_genuine(SECRET, headers(now), BODY + b" ")
    assert not is_genuine(SECRET, headers(now - 3600), BODY)
    assert not is_genuine(SECRET, headers(now) | {"webhook-timestamp": str(now + 1)}, BODY)
    assert not is_genuine(SECRET, headers(now) | {"webhook-timestamp": "soon"}, BODY)
    assert not is_genuine(SECRET, headers(now) | {"webhook-id": "other"}, BODY)
    assert not is_genuine(SECRET, headers(now) | {"webhook-signature": "v1,\xe9"}, BODY)


def test_the_example_takes_one_genuine_signature_of_several() -> None:
    given = headers(int(time.time()))
    given["webhook-signature"] = f"v1,AAAA {given['webhook-signature']} v1a,BBBB"
    assert is_genuine(SECRET, given, BODY)

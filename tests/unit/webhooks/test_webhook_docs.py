"""What the guide for receivers tells them to do, done."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from dinerapp.webhooks.domain.signing import signature

GUIDE = Path(__file__).parents[3] / "docs" / "webhooks.md"
SECRET, BODY = "whsec_0", b'{"type": "ping"}'


def is_genuine(*given: Any) -> bool:
    [example] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 it is ours
    verdict: bool = names["is_genuine"](*given)
    return verdict


def headers(moment: int, **other: str) -> dict[str, str]:
    signed = f"sha256={signature(SECRET, moment, BODY)}"
    return {"X-Diner-Timestamp": str(moment), "X-Diner-Signature": signed, **other}


def test_the_example_takes_what_is_genuine() -> None:
    assert is_genuine(SECRET, headers(int(time.time())), BODY)


def test_the_example_refuses_what_is_not() -> None:
    now = int(time.time())
    assert not is_genuine("whsec_1", headers(now), BODY)
    assert not is_genuine(SECRET, headers(now), BODY + b" ")
    assert not is_genuine(SECRET, headers(now - 3600), BODY)
    assert not is_genuine(SECRET, headers(now) | {"X-Diner-Timestamp": str(now + 1)}, BODY)
    assert not is_genuine(SECRET, headers(now) | {"X-Diner-Timestamp": "soon"}, BODY)
    assert not is_genuine(SECRET, headers(now) | {"X-Diner-Signature": "sha256=\xe9"}, BODY)

"""Signatures that libraries for Standard Webhooks accept."""

from __future__ import annotations

from dinerapp.webhooks.domain.signing import signed_headers

SECRET, MESSAGE_ID, MOMENT = f"whsec_{'0' * 64}", "3b7cf8a9-3c1e-8c11-b9f4-2d1f6a5f0a11", 1674087231


def test_headers_are_those_that_the_reference_library_makes() -> None:
    """The signature is what standardwebhooks 1.1.0 makes with the base64 of this secret."""
    assert signed_headers(SECRET, MESSAGE_ID, MOMENT, b'{"type": "ping"}') == {
        "webhook-id": MESSAGE_ID,
        "webhook-timestamp": "1674087231",
        "webhook-signature": "v1,qyqe4W4ZdSZ6cvNX4iCa+Wj2LnhE5fVCA/xFSGuIxbc=",
    }


def test_id_time_and_body_are_signed() -> None:
    signatures = {
        signed_headers(secret, message_id, moment, body)["webhook-signature"]
        for secret, message_id, moment, body in [
            (SECRET, MESSAGE_ID, MOMENT, b"{}"),
            ("whsec_1", MESSAGE_ID, MOMENT, b"{}"),
            (SECRET, "another", MOMENT, b"{}"),
            (SECRET, MESSAGE_ID, MOMENT + 1, b"{}"),
            (SECRET, MESSAGE_ID, MOMENT, b"[]"),
        ]
    }
    assert len(signatures) == 5

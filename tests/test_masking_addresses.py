"""Signed addresses in texts: host and object name stay, whatever could open the document goes."""

from __future__ import annotations

import random
from urllib.parse import quote, unquote

import pytest

from atlas_core.api.masking import mask_text
from tests.invented_numbers import SCRIPTS, aadhaar, fours, in_script, numbers_left

SIGNED = {
    "Amazon": (
        "https://bucket.s3.ap-south-1.amazonaws.com/loans/7/invoice.pdf?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAINVENTED%2F20251121&X-Amz-Date=20251121T113228Z&X-Amz-Expires=900"
        "&X-Amz-Signature=0f1e2d3c4b5a",
        "https://bucket.s3.ap-south-1.amazonaws.com/loans/7/invoice.pdf",
    ),
    "Amazon, older": (
        "https://s3.example.com/b/x.png?AWSAccessKeyId=INVENTED&Expires=1763724748&Signature=vjbyPxybdZaNmGa%3D",
        "https://s3.example.com/b/x.png",
    ),
    "Google": (
        "https://storage.googleapis.com/b/x.png?X-Goog-Signature=0f1e2d&X-Goog-Expires=900",
        "https://storage.googleapis.com/b/x.png",
    ),
    "Azure": (
        "https://acc.blob.core.windows.net/c/x.png?sv=2024-11-04&se=2025-11-21&sig=abc%3D",
        "https://acc.blob.core.windows.net/c/x.png",
    ),
    "unknown signer": ("http://files.example:8080/x?token=secret", "http://files.example:8080/x"),
    "fragment": ("https://files.example/x#access_token=secret", "https://files.example/x"),
    "user and password": ("https://user:secret@files.example/x", "https://files.example/x"),
    "parameters of the path": ("https://files.example/x;jsessionid=secret", "https://files.example/x"),
    "capital letters": ("HTTPS://FILES.example/X?Sig=secret", "HTTPS://files.example/X"),
    "no http": ("s3://bucket/key?versionId=secret", "s3://bucket/key"),
}


@pytest.mark.parametrize(("signed", "kept"), SIGNED.values(), ids=SIGNED.keys())
def test_a_signed_address_keeps_host_and_object_name(signed: str, kept: str) -> None:
    assert mask_text(signed) == (kept, 1)
    assert mask_text(f"could not open {signed}, sorry")[0].startswith(f"could not open {kept}")
    assert mask_text(f'<a href="{signed}">')[0] == f'<a href="{kept}">'


@pytest.mark.parametrize(
    "text",
    [
        "bucket/key?X-Amz-Signature=secret&X-Amz-Security-Token=secret&X-Amz-Credential=secret",
        "&X-Goog-Signature=secret&X-Goog-Credential=secret",
        "Expires=1763724748&Signature=secret",
        "//host/x?se=2025-11-21&sig=secret",
        "https:\\/\\/host\\/x?X-Amz-Signature=secret",
    ],
)
def test_a_signature_without_its_address_is_cut_too(text: str) -> None:
    masked, cuts = mask_text(text)
    assert cuts
    assert "secret" not in masked


@pytest.mark.parametrize(
    "text", ["https://files.example/x.png", "a = b", "https://", "x://y", "?sig", "mail@example.com"]
)
def test_an_address_without_a_secret_stays_as_it_is(text: str) -> None:
    assert mask_text(text) == (text, 0)


@pytest.mark.parametrize(
    "text", ["https://[broken?sig=secret", "https://host:port/x?sig=secret", "https://?sig=secret"]
)
def test_an_address_that_cannot_be_taken_apart_loses_its_secret_too(text: str) -> None:
    masked, cuts = mask_text(text)
    assert cuts
    assert "secret" not in masked


def test_a_number_in_an_address_is_masked_even_behind_percent_signs() -> None:
    number = aadhaar(random.Random("addresses"))
    for text in (
        f"https://files.example/{number}.pdf",
        f"https://files.example/{number}.pdf?sig=secret",
        f"https://files.example/{fours(number, '%20')}.pdf",
        "https://files.example/" + "".join(f"%3{digit}" for digit in number),
        f"https://files.example/x?aadhaar={number}",
        f"https://files.example/{quote(in_script(number, SCRIPTS[1]))}.pdf",
        f"https://files.example/{quote(fours(number, chr(0x200B)))}.pdf?sig=secret",
    ):
        masked, cuts = mask_text(text)
        assert cuts
        assert number not in masked
        assert not numbers_left(unquote(masked).replace("\u200b", ""))
        assert mask_text(masked) == (masked, 0)


def test_only_the_signature_changed_then_nothing_changed() -> None:
    base = "https://files.example/loans/7.png?X-Amz-Expires=900&X-Amz-Signature="
    assert mask_text(base + "abc") == mask_text(base + "def")

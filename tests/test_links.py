"""What a document's address tells without being opened."""

from __future__ import annotations

import pytest

from atlas_core.links import showing_problem, signature_ends_at, split_url

NOON = 1_767_268_800_000  # 2026-01-01T12:00:00Z


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://files.example/scans/a.pdf?X-Amz-Signature=s", ("files.example", "scans/a.pdf")),
        ("https://user:word@Files.Example:8443/a.pdf#part", ("files.example:8443", "a.pdf")),
        ("http://[::1]:8700/files/1.png", ("[::1]:8700", "files/1.png")),
        ("https://files.example/a%20b.pdf;jsessionid=s?x", ("files.example", "a b.pdf")),
        ("  https://files.example  ", ("files.example", "")),
        ("https://[broken/a.pdf?sig=s", ("unreadable address", "")),
        ("https://files.example:port/a.pdf?sig=s", ("unreadable address", "")),
        ("not an address", ("unreadable address", "")),
    ],
)
def test_only_host_and_object_name_of_an_address_are_kept(url: str, kept: tuple[str, str]) -> None:
    assert split_url(url) == kept


@pytest.mark.parametrize(
    ("query", "seconds_after_noon"),
    [
        ("X-Amz-Date=20260101T120000Z&X-Amz-Expires=900&X-Amz-Signature=s", 900),
        ("X-Goog-Date=20260101T120000Z&X-Goog-Expires=604800&X-Goog-Signature=s", 604_800),
        ("x-amz-date=20260101T120000Z&x-amz-expires=0", 0),
        ("AWSAccessKeyId=a&Expires=1767268860&Signature=s", 60),
        ("sv=2024&se=2026-01-01T12%3A30%3A00Z&sig=s", 1_800),
        ("sv=2024&se=2026-01-01T18%3A00%3A00%2B05%3A30&sig=s", 1_800),
        ("sv=2024&se=2026-01-02&sig=s", 43_200),
    ],
)
def test_the_end_of_a_signature_is_read_in_each_stores_spelling(query: str, seconds_after_noon: int) -> None:
    assert signature_ends_at(f"https://files.example/a.pdf?{query}") == NOON + seconds_after_noon * 1000


@pytest.mark.parametrize(
    "url",
    [
        "https://files.example/a.pdf",
        "https://files.example/a.pdf?se=2026-01-01",
        "https://files.example/a.pdf?X-Amz-Date=20260101T120000Z",
        "https://files.example/a.pdf?X-Amz-Date=yesterday&X-Amz-Expires=900",
        "https://files.example/a.pdf?X-Amz-Date=20260101T120000Z&X-Amz-Expires=-5",
        "https://files.example/a.pdf?Expires=soon",
        "https://files.example/a.pdf?Expires=999999999999999999999",
        "https://files.example/a.pdf?Expires=%D9%A1%D9%A2",
        "https://files.example/a.pdf?sig=s&se=%00",
        "https://[broken?Expires=1767268860",
    ],
)
def test_an_address_that_does_not_say_when_it_ends_is_not_guessed_at(url: str) -> None:
    assert signature_ends_at(url) is None


@pytest.mark.parametrize(
    ("url", "is_shown"),
    [
        ("https://files.bank.example/a.png?sig=s", True),
        ("https://FILES.bank.example:443/a.png", True),
        ("https://x.papers.example/a.png", True),
        ("http://127.0.0.1:8700/a.png", True),
        ("https://papers.example/a.png", False),
        ("https://files.bank.example.evil.example/a.png", False),
        ("https://evilpapers.example/a.png", False),
        ("https://files.bank.example:8443/a.png", False),
        ("https://files.bank.example@evil.example/a.png", False),
        ("http://files.bank.example/a.png", False),
        ("http://127.0.0.1:8701/a.png", False),
        ("javascript:alert(1)", False),
        ("data:image/svg+xml,<svg/>", False),
    ],
)
def test_a_browser_loads_documents_from_the_named_hosts_alone(url: str, is_shown: bool) -> None:
    problem = showing_problem(
        url, hosts=("files.bank.example", ".papers.example"), local_atlas="http://127.0.0.1:8700"
    )
    assert (problem is None) == is_shown
    assert showing_problem("https://files.bank.example/a.png", hosts=()) is not None

"""What is secret in an address is in no message, in whatever form a library repeats it."""

from __future__ import annotations

import time

import pytest

from bench.redact import address, redacted

URI = "http://user:secret@127.0.0.1:9/?token=abc"


@pytest.mark.parametrize(
    "said",
    [
        f"cannot reach {URI}",
        f"API request to {URI} failed",
        "HTTPConnectionPool(host='127.0.0.1', port=9): Max retries exceeded with url: /?token=abc/api/2.0/mlflow (x)",
        "Authorization: Basic dXNlcjpzZWNyZXQ=",
        "login of user:secret failed: the password 'secret' is wrong",
        f"request {{'uri': '{URI}'}}",
    ],
)
def test_no_form_of_a_given_address_shows_its_secrets(said: str) -> None:
    shown = redacted(said, URI)
    assert not any(secret in shown for secret in ("secret", "abc", "dXNlcjpz"))
    assert "***" in shown or "127.0.0.1:9" in shown


def test_addresses_that_nobody_names_lose_user_and_query() -> None:
    assert redacted(f"run --tracking-uri {URI} -q") == "run --tracking-uri http://127.0.0.1:9/?*** -q"
    assert redacted("https://host/path/page.html, and x@y.org") == "https://host/path/page.html, and x@y.org"


@pytest.mark.parametrize("password", ["p%40ss%2Fword", "p@ss/word", "a'b\"c", "p?q#r"])
def test_passwords_with_special_characters_are_hidden(password: str) -> None:
    uri = f"postgresql+psycopg2://bench:{password}@host/db"
    shown = redacted(f"cannot open {uri} with {password}", uri)
    assert password not in shown
    assert password not in address(uri)


def test_a_user_that_is_a_token_is_hidden_and_words_that_contain_it_are_kept() -> None:
    assert redacted("key abc1 in abc12", "https://abc1@host/") == "key *** in abc12"
    assert address("http://host:5000") == "http://host:5000"


@pytest.mark.parametrize("part", ["://", "a://b@", "://x?:", "x?#"])
def test_a_long_text_of_parts_of_addresses_takes_moments(part: str) -> None:
    begin = time.process_time()
    redacted(part * 100_000 + " a")
    assert time.process_time() - begin < 10


def test_what_ends_a_sentence_is_kept() -> None:
    assert redacted("(see http://h/a?b=c). 'https://h#d': x, s3://h/? <ftp://h?e>") == (
        "(see http://h/a?***). 'https://h#***': x, s3://h/?*** <ftp://h?***>"
    )

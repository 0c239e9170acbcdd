"""Addresses and messages without what is secret in an address: its user, its password and its query."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

HIDDEN = "***"
_ADDRESS = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*://)(?P<place>[^/?#\s'\"<>]*)(?P<path>[^?#\s'\"<>]*)(?P<rest>[?#][^\s'\"<>]*)?"
)


def redacted(text: str, *addresses: str | None) -> str:
    """Return a text without the secrets of the addresses in it, and without those of `addresses` anywhere.

    User and password are removed from every address, and its query and fragment become `?***`. What is secret in
    `addresses` is hidden also where a library repeats only a part of it, in any encoding.

    >>> redacted("cannot reach http://user:secret@host:9/api?token=abc: no")
    'cannot reach http://host:9/api?***: no'
    >>> redacted("Max retries exceeded with url: /?token=abc/api (secret)", "http://user:secret@host:9/?token=abc")
    'Max retries exceeded with url: /?*** (***)'
    """
    for secret in sorted({one for address in addresses if address for one in _secrets(address)}, key=len, reverse=True):
        text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(secret)}(?![A-Za-z0-9])", HIDDEN, text)
    return _ADDRESS.sub(_without, text)


def address(uri: str) -> str:
    """Return an address as it may be shown.

    >>> address("http://user:secret@host:9/?token=abc"), address("sqlite:////data/mlflow.db")
    ('http://host:9/', 'sqlite:////data/mlflow.db')
    """
    return redacted(uri, uri).removesuffix("?" + HIDDEN).removesuffix("#" + HIDDEN)


def _without(found: re.Match[str]) -> str:
    rest = found["rest"]
    end = ":" if rest and rest.endswith(":") else ""
    hidden = "" if rest is None else rest[0] + HIDDEN + end
    return found["scheme"] + found["place"].rpartition("@")[2] + found["path"] + hidden


def _secrets(uri: str) -> Iterator[str]:
    """Yield the parts of an address that must not be shown, as they are written and as they are meant."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        yield uri
        return
    userinfo = parts.netloc.rpartition("@")[0]
    user, _, password = userinfo.partition(":")
    found = [userinfo, password or user, parts.query, parts.fragment]
    found += [value for _, value in parse_qsl(parts.query)]
    for secret in found:
        yield from (one for one in (secret, unquote(secret)) if one)
    if userinfo:
        yield base64.b64encode(unquote(userinfo).encode()).decode()

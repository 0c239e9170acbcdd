"""Addresses and messages without what is secret in an address: its user, its password and its query."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, unquote, urlsplit

HIDDEN = "***"
_USER = re.compile(r"(?<=://)[^/\s]*@")
_WORD = re.compile(r"[^\s'\"<>]+")
_ENDS = ":;,.)]"
"""Characters that end a sentence or a bracket, and not an address."""


def redacted(text: str, *addresses: str | None) -> str:
    """Return a text without the secrets of the addresses in it, and without those of `addresses` anywhere.

    User and password are removed from every address, and its query and fragment become `***`. What is secret in
    `addresses` is hidden also where a library repeats only a part of it, in any encoding.

    >>> redacted("cannot reach http://user:secret@host:9/api?token=abc: no")
    'cannot reach http://host:9/api?***: no'
    >>> redacted("Max retries exceeded with url: /?token=abc/api (secret)", "http://user:secret@host:9/?token=abc")
    'Max retries exceeded with url: /?***/api (***)'
    """
    secrets = {secret for address in addresses if address for secret in _secrets(address)}
    for secret in sorted(secrets, key=len, reverse=True):
        text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(secret)}(?![A-Za-z0-9])", HIDDEN, text)
    return _WORD.sub(_without_query, _USER.sub("", text))


def _without_query(word: re.Match[str]) -> str:
    """Return a word with the query or fragment of an address in it hidden, in time in proportion to its length."""
    before, found, rest = word[0].partition("://")
    begin = re.search(r"[?#]", rest) if found else None
    if begin is None:
        return word[0]
    query = rest[begin.end() :]
    return before + found + rest[: begin.end()] + HIDDEN + query[len(query.rstrip(_ENDS)) :]


def address(uri: str) -> str:
    """Return an address as it may be shown.

    >>> address("http://user:secret@host:9/?token=abc"), address("sqlite:////data/mlflow.db")
    ('http://host:9/', 'sqlite:////data/mlflow.db')
    """
    return re.sub(rf"[?#].*{re.escape(HIDDEN)}.*", "", redacted(uri, uri))


def _secrets(uri: str) -> Iterator[str]:
    """Yield the parts of an address that must not be shown, as they are written and as they are meant."""
    _, found, rest = uri.partition("://")
    if not found:
        return
    userinfo = rest.rpartition("@")[0]  # a password that is not encoded may hold any character
    user, _, password = userinfo.partition(":")
    parts = [userinfo, password or user]
    try:
        split = urlsplit(uri)
        parts += [split.netloc.rpartition("@")[0], split.query, split.fragment]
        parts += [value for _, value in parse_qsl(split.query)]
    except ValueError:  # not an address: nothing of it is shown
        parts.append(rest)
    for secret in filter(None, parts):
        yield from {secret, unquote(secret), quote(unquote(secret), safe="")}
    if userinfo:
        yield base64.b64encode(unquote(userinfo).encode()).decode()

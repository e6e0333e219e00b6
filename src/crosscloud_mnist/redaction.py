"""Text without secrets: passwords in URIs, and known secrets in the encodings they appear in."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
_MAX_CHARACTERS = 300
_MIN_SECRET_CHARACTERS = 8  # what is shorter would mask ordinary words
_ELLIPSIS = "..."
_SECRET_NAMES = ("TOKEN", "PASSWORD", "SECRET", "KEY")  # how a secret variable's name ends
_PATH_NAMES = ("VERIFYING_KEY", "SIGNING_KEY")  # mostly paths, which belong in messages
_USERINFO = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)"
    r"(?:[^\s/?#'\"@]*:(?!\d+[/?#])[^\s'\"]*|[^\s/?#'\"]+)@",  # :8080/ is a port, not a password
    re.IGNORECASE,
)
_QUERY_SECRET = re.compile(
    r"(?P<name>[?&](?:access_|api_|client_)?(?:password|pwd|token|secret|key|sig|signature)=)[^&\s'\"]+",
    re.IGNORECASE,
)
_added_secrets: deque[str] = deque(maxlen=64)  # tokens that expire are many; the last ones count


def add_secret(secret: str) -> None:
    """Mask the secret in every text from now on, in this process."""
    if len(secret) >= _MIN_SECRET_CHARACTERS and secret not in _added_secrets:
        _added_secrets.append(secret)


def mask_uris(text: str) -> str:
    """Return the text with the user and password of every URI masked, and secrets in its query."""
    masked = _USERINFO.sub(rf"\g<scheme>{MASK}@", text)
    return _QUERY_SECRET.sub(rf"\g<name>{MASK}", masked)


def mask_uris_in(value: Any) -> Any:
    """Return the value of a configuration with the URIs in its strings masked, at any depth."""
    if isinstance(value, str):
        return mask_uris(value)
    if isinstance(value, Mapping):
        return {key: mask_uris_in(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [mask_uris_in(each) for each in value]
    return value


def select_secrets(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of the variables whose names say that they are secret."""
    return tuple(
        value
        for name, value in variables.items()
        if value and name.upper().endswith(_SECRET_NAMES) and not name.endswith(_PATH_NAMES)
    )


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return the text with URIs and secrets masked.

    A secret is masked as it is, percent-encoded, and in Base64, also within a longer Base64 text
    such as ``user:password``.

    Args:
        text: Any text.
        secrets: Passwords and tokens, besides those of ``add_secret``.
    """
    for secret in (*secrets, *_added_secrets):
        for pattern in _secret_patterns(secret):
            text = re.sub(pattern, MASK, text)
    return mask_uris(text)


def summarize(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text redacted, as one line of at most 300 characters.

    It is cut last: a cut secret would not be recognized. Control characters, among them those that
    start a terminal's escape sequences, become blanks.
    """
    printable = "".join(
        character if character.isprintable() else " " for character in redact(text, secrets)
    )
    line = " ".join(printable.split())
    if len(line) <= _MAX_CHARACTERS:
        return line
    return line[: _MAX_CHARACTERS - len(_ELLIPSIS)] + _ELLIPSIS


def _secret_patterns(secret: str) -> Iterator[str]:
    for base64 in _base64_forms(secret.encode()):
        yield rf"[A-Za-z0-9+/_-]*{re.escape(base64)}[A-Za-z0-9+/_-]*=*"
    encoded = {quote(secret, safe=""), quote(secret), quote_plus(secret)} - {secret}
    for form in sorted(encoded, key=len, reverse=True):
        yield f"(?i:{re.escape(form)})"
    yield re.escape(secret)


def _base64_forms(secret: bytes) -> Iterator[str]:
    """Yield what the secret's Base64 has in common with that of any text that holds the secret.

    Three bytes are four characters, so there is a form for each of the three positions at which
    the secret can start; characters that also depend on the bytes around it are left out.
    """
    for offset in range(3):
        encoded = b64encode(bytes(offset) + secret).decode()
        start = (0, 2, 3)[offset]
        end = (len(secret) + offset) * 8 // 6
        form = encoded[start:end]
        if len(form) >= 4:
            yield form
            yield form.translate(str.maketrans("+/", "-_"))

"""Text from outside, made safe for a message: one printable line without secrets."""

from __future__ import annotations

import re

_MAX_CHARACTERS = 300
_USERINFO = re.compile(r"//[^\s?#]*@")


def mask_userinfo(text: str) -> str:
    """Replace the user and the password of every URL in the text."""
    return _USERINFO.sub("//***@", text)


def to_plain_text(text: str, secret: str | None = None) -> str:
    """Return the text as one line of at most 300 characters.

    Control characters, among them those that start a terminal's escape sequences, become blanks.

    Args:
        text: As a server sent it.
        secret: Masked wherever it occurs, before the text is cut.
    """
    if secret:
        text = text.replace(secret, "***")
    printable = "".join(character if character.isprintable() else " " for character in text)
    return mask_userinfo(" ".join(printable.split()))[:_MAX_CHARACTERS]

"""Text of strangers: cleaned before it is kept, folded before it is compared, cut into slugs for keys."""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

MAX_TEXT = 4_000  # characters; the longest group description seen is below 2,000

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn"}
_SPACE = re.compile(r"\s+")
_NOT_SLUG = re.compile(r"[^a-z0-9.]+")


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Text as it may be kept in a cell: entities resolved, one line, no invisible characters, not a formula.

    HTML marks stay as characters (pages escape them); a leading sign that a spreadsheet would take for a
    formula gets an apostrophe in front.
    """
    if "&" in text:
        text = html.unescape(text[: 8 * limit])
    text = text[: 8 * limit]
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if "  " in text or not text.isprintable():
        text = _SPACE.sub(" ", text)
        if not text.isprintable():
            seen = (c for c in text if c == " " or unicodedata.category(c) not in _INVISIBLE)
            text = _SPACE.sub(" ", "".join(seen))
    text = text.strip()
    if len(text) > limit:
        text = text[: limit - 4].rstrip() + " ..."
    return "'" + text if is_formula(text) else text


def is_formula(text: str) -> bool:
    """Would a spreadsheet run this text? (The same rule as the evidence check has.)"""
    return len(text) > 1 and (text[0] in "=@\t\r" or (text[0] in "+-" and text[1].isalpha()))


@lru_cache(maxsize=50_000)
def fold(text: str) -> str:
    """Text for comparison: lower case, unaccented, marks such as ``|`` and ``(increased)`` gone.

    >>> fold("HERPES ZOSTER |"), fold("Chilaiditi's syndrome")
    ('herpes zoster', 'chilaiditis syndrome')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    plain = plain.replace("'", "").replace("(increased)", " ")
    return re.sub(r"[^a-z0-9]+", " ", plain).strip()


@lru_cache(maxsize=50_000)
def slug(text: str, limit: int = 80) -> str:
    """A key from text: lower-case words joined by ``-``; ``"unnamed"`` when nothing is left.

    >>> slug("Finerenone (BAY94-8862) 1.25 mg")
    'finerenone-bay94-8862-1.25-mg'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower().replace("'", "")
    parts = (part.strip(".") for part in _NOT_SLUG.split(plain[: 4 * limit]))
    # a point is allowed inside a number only, and never in the first part
    words = [re.sub(r"(?<!\d)\.|\.(?!\d)", "", part) for part in parts if part]
    if words:
        words[0] = words[0].replace(".", "")
    return "-".join(w for w in words if w)[:limit].rstrip("-.") or "unnamed"

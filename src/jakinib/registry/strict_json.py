"""JSON of strangers: size, encoding, depth and duplicate keys are checked; then values are read by type."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from jakinib.evidence.errors import EvidenceError
from jakinib.evidence.finding import Finding, shown

MAX_COUNT = 100_000_000  # persons or events; more is not a number of a study
MAX_BYTES = 50_000_000  # the largest record with results on ClinicalTrials.gov is below 20 MB


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class RecordError(EvidenceError):
    """A record that cannot be read at all: names the file, what is wrong, and the remedy."""


def loads(raw: bytes, name: str) -> Any:
    """Parse JSON bytes.

    Raises RecordError for an encoding other than UTF-8, malformed or truncated text, a duplicate key, nesting
    that the parser will not follow (about 1,000 levels; a study record has 14), more than ``MAX_BYTES``
    bytes.
    """
    if len(raw) > MAX_BYTES:
        raise RecordError(f"{name}: {len(raw):,} bytes, more than a record has ({MAX_BYTES:,}); not read")
    if raw[:3] == b"\xef\xbb\xbf":
        raw = raw[3:]
    found = _plain(raw)
    return _slow(raw, name) if found is None else found


def _plain(raw: bytes) -> Any:
    """A document without fault, as nearly all are; None when it has to be looked at more closely.

    A key that stands twice is dropped by the parser: what it made then has fewer keys than the bytes. Colons
    after a quotation mark are counted, which blanks or escapes could hide: blanks are taken out, and a
    document that escapes characters below 256 is left to the slow way.
    """
    try:
        found = orjson.loads(raw)
        keys = orjson.dumps(found).count(b'":')
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    same = b"\\u00" not in raw and raw.translate(None, b" \t\r\n").count(b'":') == keys
    return found if same else None


def _slow(raw: bytes, name: str) -> Any:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecordError(f"{name}: byte {error.start} is not UTF-8; download the record again") from None
    try:
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        if _SURROGATE.search(text):  # half a pair cannot be written again: it becomes a question mark
            found = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
        return found
    except _DuplicateKeyError as error:
        raise RecordError(
            f"{name}: key {shown(error.key)} stands twice in one object; which is right?"
        ) from None
    except json.JSONDecodeError as error:
        where = "is cut off" if error.pos >= len(text.rstrip()) - 1 else "is not JSON"
        raise RecordError(
            f"{name}: {where} at line {error.lineno}, column {error.colno} ({error.msg}); download it again"
        ) from None
    except RecursionError:
        raise RecordError(f"{name}: nested too deeply; not a study record") from None
    except ValueError as error:  # an integer with thousands of digits, NaN
        raise RecordError(f"{name}: {error}; not a study record") from None


class _DuplicateKeyError(Exception):
    def __init__(self, key: str) -> None:
        self.key = key


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKeyError(key)
            seen.add(key)
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


_OBJECT = {dict}


class Reader:
    """Reads values by the type they must have; anything else is absent and a finding.

    Attributes: ``findings`` (list of :class:`Finding`), ``record`` (its id, the row named in findings).
    """

    def __init__(self, record: str) -> None:
        self.record = record
        self.findings: list[Finding] = []

    def report(self, code: str, path: str, found: str, expected: str) -> None:
        """Note a finding (no more than 200 of a record are kept: a broken file says so soon enough)."""
        if len(self.findings) < 200:
            self.findings.append(Finding(code, "record", self.record, path, found, expected))

    def mapping(self, parent: dict[str, Any], key: str, path: str) -> dict[str, Any]:
        """``parent[key]`` when it is an object; an empty one when absent."""
        value = parent.get(key)
        if value is None:
            return {}
        if isinstance(value, dict):
            return value
        self.report("wrong-type", f"{path}.{key}", shown(value), "an object")
        return {}

    def objects(self, parent: dict[str, Any], key: str, path: str) -> list[dict[str, Any]]:
        """``parent[key]`` when it is a list of objects; others in the list become empty objects."""
        value = parent.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.report("wrong-type", f"{path}.{key}", shown(value), "a list")
            return []
        if {type(v) for v in value} <= _OBJECT:
            return value
        self.report("wrong-type", f"{path}.{key}", "a list of other things", "a list of objects")
        return [v if isinstance(v, dict) else {} for v in value]

    def texts(self, parent: dict[str, Any], key: str, path: str) -> list[str]:
        """``parent[key]`` when it is a list of texts."""
        value = parent.get(key)
        if value is None:
            return []
        if isinstance(value, list) and all(isinstance(v, str) for v in value):
            return value
        self.report("wrong-type", f"{path}.{key}", shown(value), "a list of texts")
        return []

    def text(self, parent: dict[str, Any], key: str, path: str) -> str:
        """``parent[key]`` when it is text (or a number, as text); "" when absent."""
        value = parent.get(key)
        if isinstance(value, str):
            return value
        if value is None:
            return ""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
        self.report("wrong-type", f"{path}.{key}", shown(value), "text")
        return ""

    def count(self, parent: dict[str, Any], key: str, path: str) -> int | None:
        """``parent[key]`` when it is a whole number of persons or events, also as text; None when absent."""
        value = parent.get(key)
        if type(value) is int and 0 <= value < MAX_COUNT:
            return value
        if value is None:
            return None
        if isinstance(value, str):
            digits = value.strip().replace(",", "")
            if digits.isascii() and digits.isdigit() and len(digits) < 9:
                return int(digits)
            if digits.upper() in ("", "NA", "N/A"):
                return None
        self.report("not-a-count", f"{path}.{key}", shown(value), "a whole number, 0 or more")
        return None

    def number(self, value: Any, path: str) -> float | None:
        """A finite number, also as text; None for ``NA`` and when absent."""
        if value is None:
            return None
        if isinstance(value, str) and value.strip().upper() in ("", "NA", "N/A"):
            return None
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            try:
                found = float(value.replace(",", "") if isinstance(value, str) else value)
            except (ValueError, OverflowError):
                found = float("nan")
            if abs(found) < 1e12:
                return found
        self.report("not-a-number", path, shown(value), "a number")
        return None

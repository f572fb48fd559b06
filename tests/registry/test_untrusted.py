"""Records come from strangers: whatever they hold, there is a clear finding, no traceback, no partial
output."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jakinib.evidence.evidence import load
from jakinib.evidence.package import primary_key
from jakinib.registry import import_label, pubmed, spl, strict_json, strict_xml
from jakinib.registry.accept import accept
from jakinib.registry.ctgov.record import parse
from jakinib.registry.ctgov.rows import convert
from jakinib.registry.files import Document, documents
from jakinib.registry.import_ctgov import import_files
from jakinib.registry.outcome_terms import shipped
from jakinib.registry.strict_json import RecordError, loads
from jakinib.registry.text import clean, is_formula, slug
from registry.staged import FILES, RECORDS, converted, names, raw, read, rows, study

GOOD = b'{"protocolSection": {"identificationModule": {"nctId": "NCT00000001"}}}'


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"", "cut off"),
        (b"{", "cut off"),
        (raw("NCT02210780")[:9000], "cut off|not JSON"),
        (b"<html>502 Bad Gateway</html>", "not JSON"),
        (b"[1, 2]", "not a study record"),
        (b'"text"', "not a study record"),
        (b"{}", "no id such as NCT"),
        (b'{"protocolSection": []}', "no id such as NCT"),
        (GOOD.replace(b"NCT00000001", b"NCT1"), "no id such as NCT"),
        (GOOD.replace(b"NCT00000001", "NCT٠٠٠٠٠٠٠١".encode()), "no id such as NCT"),
        (GOOD.replace(b"NCT00000001", b"../../etc"), "no id such as NCT"),
        (b'{"a": 1, "a": 2}', "stands twice"),
        (b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "too deeply"),
        (b'{"a": ' + b'{"a":' * 200_000 + b"1" + b"}" * 200_001, "too deeply"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "digits"),
        (GOOD.decode().encode("utf-16"), "not UTF-8"),
        (GOOD.replace(b"NCT00000001", b"NCT\xff\xfe"), "not UTF-8"),
        (b"\x00" * 100, "not JSON"),
    ],
)
def test_documents_that_are_no_record(document: bytes, words: str) -> None:
    with pytest.raises(RecordError, match=words) as found:
        parse(document, "upload.json")
    assert str(found.value).startswith("upload.json: ")
    assert len(str(found.value)) < 400


_TEXT = st.text(alphabet=st.sampled_from('":, \\\nae\u00e9{}'), max_size=6)
_TREE = st.recursive(
    st.none() | st.integers(-(10**18), 10**18) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
_STYLE = st.fixed_dictionaries(
    {
        "ensure_ascii": st.booleans(),
        "indent": st.sampled_from([None, 1, "\t"]),
        "separators": st.sampled_from([None, (",", ":"), (" , ", " : "), (",", "\n:\r\n")]),
    }
)


@given(_TREE, _STYLE)
def test_json_in_any_style_is_what_the_standard_parser_reads(tree: object, style: dict[str, Any]) -> None:
    text = json.dumps(tree, **style)
    assert loads(text.encode(), "x") == json.loads(text)


@given(_TREE, _TREE, _TREE, _TEXT, _STYLE, st.booleans())
def test_a_key_that_stands_twice_is_found_in_any_style(
    one: object, two: object, beside: object, key: str, style: dict[str, Any], escaped: bool
) -> None:
    parts = [json.dumps(v, **style) for v in (one, two, beside)]
    name = json.dumps(key, **style)
    again = '"' + "".join(f"\\u{ord(c):04x}" for c in key) + '"' if escaped else name
    colon = (style["separators"] or (", ", ": "))[1]
    text = f'{{{name}{colon}{parts[0]}, {again} :{parts[1]}, "other":{parts[2]}}}'
    with pytest.raises(RecordError, match="stands twice"):
        loads(text.encode(), "x")


def test_a_record_with_a_byte_order_mark_is_read() -> None:
    assert parse(b"\xef\xbb\xbf" + GOOD, "x").id == "NCT00000001"


def test_half_a_character_in_an_id_is_written_as_a_question_mark(tmp_path: Path) -> None:
    """A lone surrogate is legal in JSON and cannot be written as UTF-8; a whole pair is one character."""
    (tmp_path / "a.json").write_bytes(raw("NCT02210780").replace(b'"EG000"', b'"\\ud800"'))
    staged = import_files([tmp_path / "a.json"], tmp_path / "staged", load())
    assert (staged.records, staged.skipped) == (1, [])
    rows = (tmp_path / "staged" / "registry_events.csv").read_text(encoding="utf-8")
    assert "NCT02210780:serious:total:?" in rows
    assert loads(b'{"a": "\\ud83d\\ude00"}', "x") == {"a": "\U0001f600"}


def test_a_gigabyte_is_refused_before_it_is_read(tmp_path: Path) -> None:
    big = tmp_path / "big.json"
    with big.open("wb") as file:
        file.truncate(1_000_000_000)  # sparse: takes no room
    staged = import_files([big, RECORDS / FILES["NCT02210780"]], tmp_path / "staged", load())
    assert staged.records == 1
    assert [f.found for f in staged.skipped] == ["1,000,000,000 bytes"]


def test_one_bad_file_is_skipped_and_named(tmp_path: Path) -> None:
    source = tmp_path / "files"
    source.mkdir()
    (source / "a.json").write_bytes(raw("NCT02210780"))
    (source / "b.json").write_bytes(raw("NCT02552212")[:-500])
    (source / "c.json").write_bytes(raw("NCT02210780"))
    (source / "d.json").write_bytes(raw("NCT02552212"))
    (source / "link.json").symlink_to("/etc/hostname")
    staged = import_files([source, tmp_path / "missing.json"], tmp_path / "staged", load())
    assert staged.records == 2
    assert [(f.code, f.row) for f in staged.skipped] == [
        ("not-read", "b.json"),
        ("record-twice", "NCT02210780"),
        ("not-read", "link.json"),
        ("not-read", "missing.json"),
    ]
    assert json.loads((tmp_path / "staged" / "provenance.json").read_text())["records"]


def test_an_error_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_files([RECORDS / FILES["NCT02210780"]], tmp_path / "staged", load(), stop)
    assert list(tmp_path.iterdir()) == []


def _zip(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_archives(tmp_path: Path) -> None:
    content = {
        "good.json": raw("NCT02210780"),
        "../../slip.json": GOOD,
        "/abs.json": GOOD,
        "a\\..\\..\\slip.json": GOOD,
        "bomb.json": b" " * 40_000_000,
        "readme.txt": b"x",
    }
    (tmp_path / "records.zip").write_bytes(_zip(**content))
    (tmp_path / "broken.zip").write_bytes(_zip(**content)[:-300])
    damaged = bytearray(_zip(**{"good.json": raw("NCT02210780")}))
    damaged[200:260] = b"\x55" * 60
    (tmp_path / "damaged.zip").write_bytes(bytes(damaged))
    staged = import_files([tmp_path], tmp_path / "out" / "staged", load())
    assert staged.records == 1
    reasons = {f.row: f.found for f in staged.skipped}
    assert sum("leads out of the archive" in r for r in reasons.values()) == 3
    assert "40,000,000 bytes" in reasons["records.zip/bomb.json"]
    assert any(row.startswith("broken.zip") for row in reasons)
    assert any(row.startswith("damaged.zip") for row in reasons)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken.zip", "damaged.zip", "out", "records.zip"]


BOMB = b"""<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><document xmlns="urn:hl7-org:v3"><title>&c;</title></document>"""
EXTERNAL = b"""<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<document xmlns="urn:hl7-org:v3"><title>&x;</title></document>"""
PARAMETER = (
    b"""<?xml version="1.0"?><!DOCTYPE d [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x.dtd"> %x;]><document/>"""
)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (BOMB, "declares entities"),
        (EXTERNAL, "declares entities"),
        (PARAMETER, "declares entities"),
        (BOMB.decode().encode("utf-16"), "not UTF-8|not well-formed|declares"),
        (b"<document", "not well-formed"),
        (b"", "not well-formed"),
        (b"<a>" * 5_000 + b"</a>" * 5_000, "not well-formed"),
        (b"<?xml version='1.0' encoding='ebcdic-nonsense'?><a/>", "not well-formed|encoding"),
        (b"<?xml version='1.0' encoding='utf-8'?><a>\xff</a>", "not well-formed"),
        (b"<html><body>Service unavailable</body></html>", "no label"),
    ],
)
def test_xml_that_is_refused(document: bytes, words: str) -> None:
    with pytest.raises(RecordError, match=words):
        spl.parse(document, "label.xml")
    with pytest.raises(RecordError):
        pubmed.parse(document, "answer.xml")


def test_external_document_type_is_named_but_never_loaded() -> None:
    root = strict_xml.parse(b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/none.dtd"><a>text</a>', "x")
    assert root.text == "text"


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=cmd|' /C calc'!A0",
    "+SUM(1)",
    "@import",
    "-x",
    "a\u202egnp.exe",
    "zero\u200bwidth",
    "nul\x00byte",
    "bell\x07",
    "line\nbreak\rand\ttab",
    "&lt;script&gt;x",
    "x" * 100_000,
    "\ud83d",
    "﷽" * 50,
    "../../../etc/passwd",
    "'; DROP TABLE events; --",
    "{{7*7}}",
    "%s%n",
]


def test_hostile_text_is_kept_harmless(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    for i, text in enumerate(HOSTILE):
        document = study("NCT02210780")
        head = {"nctId": f"NCT{i:08}", "briefTitle": text, "acronym": text}
        document["protocolSection"]["identificationModule"] |= head
        ae = document["resultsSection"]["adverseEventsModule"]
        ae["eventGroups"][0]["title"] = text
        ae["seriousEvents"][0]["term"] = text
        document["protocolSection"]["conditionsModule"]["conditions"] = [text]
        document["protocolSection"]["armsInterventionsModule"]["interventions"][0]["name"] = text
        (tmp_path / "files" / f"{i}.json").write_text(json.dumps(document))
    staged = import_files([tmp_path / "files"], tmp_path / "staged", load())
    assert staged.records == len(HOSTILE)
    for path in (tmp_path / "staged").glob("*.csv"):
        for row in read(tmp_path / "staged", path.stem):
            for cell in row.values():
                assert len(cell) <= 20_000
                assert cell.isprintable()
                assert not is_formula(cell)
    accept(tmp_path / "staged", tmp_path / "mine")  # passes the evidence check


@given(st.text(max_size=200))
def test_cleaned_text_is_clean(text: str) -> None:
    once = clean(text)
    assert once.isprintable()
    assert not is_formula(once)
    assert slug(text) == "unnamed" or slug(text)[0].isalnum()
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9.]+)*", slug(text))


_JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["-1", "1e400", "NA", "EG000", "100000000000000", "0", "NaN", "½", "٣"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        found += _places(child, (*path, key))
    return found


_BASE = study("NCT02210780")
_PLACES = _places(_BASE)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(_PLACES), _JUNK | st.just("__delete__")), min_size=1, max_size=6))
def test_mutated_real_records(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    """Any value of a real record may turn into anything: a refusal, or rows that hold together."""
    document = study("NCT02210780")
    for path, value in changes:
        node: Any = document
        try:
            for key in path[:-1]:
                node = node[key]
            if value == "__delete__":
                del node[path[-1]]
            else:
                node[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    _read_or_refused(json.dumps(document).encode("utf-8", "surrogatepass"))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 26_000), st.integers(0, 40), st.binary(max_size=20))
def test_damaged_bytes_of_a_real_record(at: int, cut: int, put: bytes) -> None:
    good = raw("NCT02210780")
    _read_or_refused(good[:at] + put + good[at + cut :])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | _JUNK.map(lambda v: json.dumps(v).encode("utf-8", "surrogatepass")))
def test_arbitrary_bytes(document: bytes) -> None:
    _read_or_refused(document)


def _read_or_refused(document: bytes) -> None:
    try:
        found = convert(parse(document, "fuzz.json"), names(), shipped())
    except RecordError as error:
        assert str(error).startswith("fuzz.json: ")
        return
    seen = set()
    for row in found.rows:
        key = (row.table, *(str(row.values.get(k)) for k in primary_key(row.table)))
        assert key not in seen or row.table == "arm_characteristics"
        seen.add(key)
    treatments = {r["treatment"] for r in rows(found, "treatments")} | names().treatment_keys
    for table in ("events", "registry_events", "arms"):
        for values in rows(found, table):
            assert values["treatment"] in treatments
            affected = values.get("events", values.get("affected"))
            n = values.get("n", values.get("at_risk"))
            if affected is not None and n is not None and values.get("counts", "persons") == "persons":
                assert 0 <= affected <= n or table == "arms"


_LABEL = (RECORDS / "humira_spl.xml").read_bytes()
_ARTICLE = (RECORDS / "efetch_pubmed_article.xml").read_bytes()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 48_000), st.integers(0, 200), st.binary(max_size=20))
def test_damaged_labels_and_articles(at: int, cut: int, put: bytes) -> None:
    for good, read_ in ((_LABEL, spl.parse), (_ARTICLE, pubmed.parse)):
        where = at % len(good)
        try:
            found = read_(good[:where] + put + good[where + cut :], "x")
        except RecordError:
            continue
        if isinstance(found, tuple):
            [pubmed.row(a) for a in found]
        else:
            import_label.convert(found, names())


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["results", "meta", "error"]), _JUNK, max_size=3))
def test_arbitrary_openfda_answers(document: dict[str, Any]) -> None:
    try:
        found = import_label.labels_in(
            Document("x.json", json.dumps(document).encode("utf-8", "surrogatepass"))
        )
    except RecordError:
        return
    for label in found:
        import_label.convert(label, names())


def test_documents_of_a_folder_come_in_order_of_name(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", "c.txt"):
        (tmp_path / name).write_bytes(GOOD)
    assert [d.name for d in documents([tmp_path], (".json",)) if isinstance(d, Document)] == [
        "a.json",
        "b.json",
    ]


def test_limits_are_as_documented() -> None:
    assert strict_json.MAX_BYTES == 50_000_000
    assert converted("NCT02210780").rows

"""The network client against a real server on this machine: cache, pace, patience, resume, offline."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from jakinib.evidence.errors import EvidenceError
from jakinib.evidence.evidence import load
from jakinib.evidence.finding import Finding
from jakinib.registry import download, import_ctgov, import_label, pubmed
from jakinib.registry.client import Client, UnreachableError
from jakinib.registry.files import Document
from jakinib.registry.strict_json import RecordError
from registry.staged import RECORDS, raw


class Service:
    """A small registry: ``answers`` by path, ``troubles`` (status codes given first), ``hits`` with their
    times."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {}
        self.troubles: dict[str, list[tuple[int, dict[str, str]]]] = {}
        self.hits: list[tuple[str, float, dict[str, list[str]]]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                address = urlsplit(self.path)
                service.hits.append((address.path, time.monotonic(), parse_qs(address.query)))
                status, headers = (
                    (service.troubles.get(address.path) or [(0, {})]).pop(0)
                    if service.troubles.get(address.path)
                    else (0, {})
                )
                body = service.answers.get(address.path)
                status = status or (200 if body is not None else 404)
                body = body if status == 200 and body is not None else b'{"error": {"code": "NOT_FOUND"}}'
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"

    def count(self) -> Counter[str]:
        return Counter(path for path, _, _ in self.hits)


@pytest.fixture
def service() -> Iterator[Service]:
    found = Service()
    thread = threading.Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


def client(folder: Path, every: float = 0.0) -> Client:
    return Client(folder / "cache", every=every, wait=0.02, attempts=4)


def test_records_are_fetched_staged_and_kept(service: Service, tmp_path: Path) -> None:
    service.answers = {
        "/studies/NCT02210780": raw("NCT02210780"),
        "/studies/NCT02552212": raw("NCT02552212"),
        "/version": b'{"apiVersion": "2.0.5", "dataTimestamp": "2026-11-20T09:00:05"}',
    }
    ids = ["NCT02210780", "NCT02552212", "NCT99999999"]
    for _ in range(2):
        with client(tmp_path) as c:
            staged = import_ctgov.stage(download.trials(c, ids, service.base), tmp_path / "staged", load())
        assert staged.records == 2
        assert [f.row for f in staged.skipped] == ["NCT99999999"]
    # the second run asked only for what it did not have
    assert service.count() == {
        "/version": 1,
        "/studies/NCT02210780": 1,
        "/studies/NCT02552212": 1,
        "/studies/NCT99999999": 2,
    }
    text = (tmp_path / "staged" / "provenance.json").read_text()
    assert f"{service.base}/studies/NCT02210780" in text
    assert "2026-11-20T09:00:05" in text
    assert '"retrieved": "20' in text


def test_raw_bytes_come_back_from_the_cache_unchanged(service: Service, tmp_path: Path) -> None:
    service.answers["/x"] = bytes(range(256)) * 1000
    with client(tmp_path) as c:
        first, second = c.get(f"{service.base}/x"), c.get(f"{service.base}/x")
    assert first == second
    assert first.raw == service.answers["/x"]
    assert len(service.hits) == 1


def test_requests_keep_their_distance(service: Service, tmp_path: Path) -> None:
    service.answers = {f"/{i}": b"x" for i in range(4)}
    with client(tmp_path, every=0.15) as c:
        start = time.monotonic()
        for i in range(4):
            c.get(f"{service.base}/{i}")
        c.get(f"{service.base}/0")  # from the cache: not asked again
    times = [t - start for _, t, _ in service.hits]
    assert len(times) == 4
    # a busy machine may note a request late, never early
    assert all(t >= 0.15 * i for i, t in enumerate(times))


def test_busy_service_is_asked_again(service: Service, tmp_path: Path) -> None:
    service.answers["/x"] = b"fine"
    service.troubles["/x"] = [(500, {}), (429, {"Retry-After": "1"}), (503, {})]
    with client(tmp_path) as c:
        assert c.get(f"{service.base}/x").raw == b"fine"
    times = [t for _, t, _ in service.hits]
    assert len(times) == 4
    assert times[2] - times[1] >= 1  # the service said so


def test_service_that_stays_busy_says_what_to_download(service: Service, tmp_path: Path) -> None:
    service.answers["/x"] = b"fine"
    service.troubles["/x"] = [(503, {})] * 9
    with (
        client(tmp_path) as c,
        pytest.raises(UnreachableError, match=r"/x: the service answers 503 after 4 tries"),
    ):
        c.get(f"{service.base}/x")
    assert len(service.hits) == 4


def test_wrong_address_is_not_asked_again(service: Service, tmp_path: Path) -> None:
    with client(tmp_path) as c, pytest.raises(RecordError, match="answers 404; is the id right"):
        c.get(f"{service.base}/none")
    assert len(service.hits) == 1


def test_redirects_are_not_followed(service: Service, tmp_path: Path) -> None:
    service.troubles["/x"] = [(302, {"Location": "http://127.0.0.1:1/elsewhere"})]
    with client(tmp_path) as c, pytest.raises(RecordError, match="302"):
        c.get(f"{service.base}/x")


def test_offline_says_what_to_download_and_resumes_later(service: Service, tmp_path: Path) -> None:
    service.answers["/studies/NCT02210780"] = raw("NCT02210780")
    service.answers["/studies/NCT02552212"] = raw("NCT02552212")
    ids = ["NCT02210780", "NCT02552212"]
    service.troubles["/studies/NCT02552212"] = [(500, {})] * 4
    with client(tmp_path) as c, pytest.raises(UnreachableError, match="NCT02552212"):
        import_ctgov.stage(download.trials(c, ids, service.base), tmp_path / "staged", load())
    assert not (tmp_path / "staged").exists()
    with client(tmp_path) as c:
        assert (
            import_ctgov.stage(download.trials(c, ids, service.base), tmp_path / "staged", load()).records
            == 2
        )
    assert service.count()["/studies/NCT02210780"] == 1
    with client(tmp_path) as c, pytest.raises(UnreachableError) as found:
        list(download.trials(c, ["NCT00000001", "NCT00000002"], "http://127.0.0.1:9"))
    message = str(found.value)
    assert "http://127.0.0.1:9/studies/NCT00000001" in message
    assert "http://127.0.0.1:9/studies/NCT00000002" in message
    assert "--folder" in message


def test_ids_that_cannot_be_one_are_refused_before_any_request(service: Service, tmp_path: Path) -> None:
    with client(tmp_path) as c:
        for wrong in ("NCT123", "../version", "NCT00000001?x=1"):
            with pytest.raises(EvidenceError, match="not an id such as"):
                list(download.trials(c, [wrong], service.base))
        with pytest.raises(EvidenceError, match="not a PMID"):
            list(download.articles(c, ["12; drop"], service.base))
    assert service.hits == []


def test_labels_by_name_take_the_newest_original(service: Service, tmp_path: Path) -> None:
    service.answers["/label.json"] = b"""{"meta": {}, "results": [
      {"set_id": "aaaaaaaa-1111", "effective_time": "20260101", "openfda": {"is_original_packager": [false]}},
      {"set_id": "bbbbbbbb-2222", "effective_time": "20250101", "openfda": {"is_original_packager": [true],
       "brand_name": ["XELJANZ"], "generic_name": ["TOFACITINIB"]}},
      {"set_id": "cccccccc-3333", "effective_time": "20240101", "openfda": {}}]}"""
    set_id = "608d4f0d-b19f-46d3-749a-7159aa5f933d"
    service.answers[f"/spls/{set_id}.xml"] = (RECORDS / "humira_spl.xml").read_bytes()
    with client(tmp_path) as c:
        found = list(
            download.labels(c, ["tofacitinib", set_id], f"{service.base}/label.json", f"{service.base}/spls")
        )
    assert all(isinstance(d, Document) for d in found)
    staged = import_label.stage(found, tmp_path / "staged", load())
    assert staged.records == 2
    assert "bbbbbbbb-2222" in (tmp_path / "staged" / "sources.csv").read_text()
    [query] = [q for path, _, q in service.hits if path == "/label.json"]
    assert query["search"] == [
        'openfda.generic_name:"tofacitinib" AND openfda.product_type:"HUMAN PRESCRIPTION DRUG"'
    ]


def test_label_that_the_service_does_not_have_is_an_answer(service: Service, tmp_path: Path) -> None:
    with client(tmp_path) as c:
        found = list(download.labels(c, ["nosuchdrug"], f"{service.base}/label.json", service.base))
        staged = import_label.stage(found, tmp_path / "staged", load())
    assert staged.records == 0
    assert [f.code for f in staged.skipped] == ["no-label"]


def test_articles_are_asked_for_together(service: Service, tmp_path: Path) -> None:
    service.answers["/efetch.fcgi"] = (RECORDS / "efetch_pubmed_article.xml").read_bytes()
    with client(tmp_path) as c:
        found = list(download.articles(c, [str(i) for i in range(1, 251)], service.base))
    assert not any(isinstance(d, Finding) for d in found)
    assert [len(q["id"][0].split(",")) for _, _, q in service.hits] == [200, 50]
    assert pubmed.stage(found[:1], tmp_path / "staged", load()).records == 1

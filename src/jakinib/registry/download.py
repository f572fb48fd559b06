"""Which addresses a record, a label or an article has, and the documents behind them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from jakinib.evidence.errors import EvidenceError
from jakinib.evidence.finding import Finding
from jakinib.registry.client import Client, UnreachableError
from jakinib.registry.files import Document
from jakinib.registry.strict_json import RecordError, loads

CTGOV = "https://clinicaltrials.gov/api/v2"
OPENFDA = "https://api.fda.gov/drug/label.json"
DAILYMED = "https://dailymed.nlm.nih.gov/dailymed/services/v2/spls"
EUTILS = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
_BATCH = 200  # NCBI asks for POST above that


def trials(client: Client, ids: Sequence[str], base: str = CTGOV) -> Iterator[Document | Finding]:
    """Study records by NCT id. An id the registry does not have is a finding; the others go on.

    Raises EvidenceError for an id that cannot be one, UnreachableError when the service cannot be reached:
    its message lists every address that is still missing.
    """
    wrong = [i for i in ids if not re.fullmatch(r"NCT\d{8}", i, re.ASCII)]
    if wrong:
        raise EvidenceError(f"{wrong[0]!r} is not an id such as NCT03349060")
    version = _version(client, base)
    for at, nct in enumerate(ids):
        try:
            answer = client.get(f"{base}/studies/{nct}")
        except UnreachableError as error:
            rest = ", ".join(f"{base}/studies/{i}" for i in ids[at + 1 :])
            if rest:
                raise UnreachableError(error.address, "no answer", f" (--folder); also: {rest}") from None
            raise
        except RecordError as error:
            yield Finding("not-read", "record", nct, "", str(error), "an id of the registry")
            continue
        yield Document(
            f"{nct}.json", answer.raw, {"url": answer.url, "retrieved": answer.retrieved, **version}
        )


def _version(client: Client, base: str) -> dict[str, str]:
    """The service's own stamp; kept with every import. Its absence is no reason to stop."""
    try:
        found = loads(client.get(f"{base}/version").raw, "version")
    except (RecordError, UnreachableError):
        return {}
    keys = {"apiVersion": "api", "dataTimestamp": "data_timestamp"}
    return {name: str(found[k])[:60] for k, name in keys.items() if isinstance(found, dict) and k in found}


def labels(
    client: Client, names: Sequence[str], openfda: str = OPENFDA, dailymed: str = DAILYMED
) -> Iterator[Document | Finding]:
    """Labels by set id (SPL from DailyMed) or generic name (newest original label of openFDA)."""
    for name in names:
        try:
            if re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", name):
                answer = client.get(f"{dailymed}/{name.lower()}.xml")
                file = f"{name.lower()}.xml"
                raw = answer.raw
            else:
                query = f'openfda.generic_name:"{re.sub(r"[^A-Za-z0-9 -]", " ", name)}"'
                query += ' AND openfda.product_type:"HUMAN PRESCRIPTION DRUG"'
                params = {"search": query, "sort": "effective_time:desc", "limit": "100"}
                answer = client.get(openfda, params, missing=True)
                file, raw = f"{name}.json", newest_original(answer.raw, name)
        except RecordError as error:
            yield Finding("not-read", "label", name, "", str(error), "a set id or a generic name")
            continue
        yield Document(file, raw, {"url": answer.url, "retrieved": answer.retrieved})


def newest_original(raw: bytes, name: str) -> bytes:
    """Of an openFDA answer the newest label by its original packager (repackagers repeat it)."""
    document = loads(raw, name)
    results = document.get("results") if isinstance(document, dict) else None
    if not isinstance(results, list) or not all(isinstance(r, dict) for r in results) or not results:
        return raw

    def rank(r: dict[str, object]) -> tuple[bool, str]:
        about = r.get("openfda")
        flag = about.get("is_original_packager") if isinstance(about, dict) else None
        original = flag is True or (isinstance(flag, list) and True in flag)
        return original, str(r.get("effective_time", ""))

    return json.dumps({"meta": document.get("meta"), "results": [max(results, key=rank)]}).encode()


def articles(client: Client, pmids: Sequence[str], base: str = EUTILS) -> Iterator[Document | Finding]:
    """PubMed records by PMID, up to 200 a request."""
    wrong = [i for i in pmids if not re.fullmatch(r"\d{1,9}", i, re.ASCII)]
    if wrong:
        raise EvidenceError(f"{wrong[0]!r} is not a PMID such as 35081280")
    for at in range(0, len(pmids), _BATCH):
        some = pmids[at : at + _BATCH]
        params = {"db": "pubmed", "id": ",".join(some), "retmode": "xml", "tool": "jakinib"}
        try:
            answer = client.get(f"{base}/efetch.fcgi", params)
        except RecordError as error:
            yield Finding("not-read", "articles", some[0], "", str(error), "PMIDs")
            continue
        yield Document(
            f"pubmed-{at // _BATCH + 1}.xml", answer.raw, {"url": answer.url, "retrieved": answer.retrieved}
        )

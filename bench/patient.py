"""How long `/patient` takes for 6 treatments and 8 outcomes: profiles it has not seen, after a warm-up.

The application is called in this process, through its whole stack, without a network between.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from urllib.parse import urlencode

import httpx

from jakinib.web.app import create_app

TREATMENTS = (
    "upadacitinib-15-mg-qd", "upadacitinib-30-mg-qd", "abrocitinib-100-mg-qd", "abrocitinib-200-mg-qd",
    "baricitinib-2-mg-qd", "baricitinib-4-mg-qd",
)  # fmt: skip
INDICATIONS = ("atopic-dermatitis", "rheumatoid-arthritis", "alopecia-areata", "psoriasis")
LIMIT_MS = 250


def address(age: int, indication: str) -> str:
    query = [("age", str(age)), ("sex", "female"), ("smoking", "past"), ("prior_vte", "yes")]
    query += [("indication", indication), *(("treatment", t) for t in TREATMENTS)]
    return f"/patient?{urlencode(query)}"


async def main() -> None:
    transport = httpx.ASGITransport(app=create_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://here", timeout=60) as client:
        start = time.perf_counter()
        for indication in INDICATIONS:
            (await client.get(address(40, indication))).raise_for_status()
        cold = time.perf_counter() - start
        taken, size = [], 0
        for age in range(20, 80):
            for indication in INDICATIONS:
                start = time.perf_counter()
                answer = await client.get(address(age, indication))
                taken.append(1000 * (time.perf_counter() - start))
                size = max(size, len(answer.content))
    taken.sort()
    p95 = taken[int(0.95 * len(taken))]
    print(f"first page of each of {len(INDICATIONS)} diseases, together: {cold:.2f} s")
    median = statistics.median(taken)
    print(f"{len(taken)} profiles: median {median:.0f} ms, p95 {p95:.0f} ms, at most {size:,} bytes")
    print(f"p95 / limit of {LIMIT_MS} ms: {p95 / LIMIT_MS:.2f}")


if __name__ == "__main__":
    asyncio.run(main())

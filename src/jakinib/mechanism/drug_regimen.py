"""A drug and its regimen written as one text, as the page's address and the command line have it."""

from __future__ import annotations

import re

from jakinib.mechanism.errors import MechanismError


def drug_and_regimen(text: str) -> tuple[str, str]:
    """``"tofacitinib:5 mg bid"`` or ``"tofacitinib 5 mg bid"`` -> ``("tofacitinib", "5 mg bid")``.

    The regimen is not read yet (see :func:`jakinib.mechanism.regimen.parse_regimen`). MechanismError if the
    text holds no drug or no regimen.
    """
    drug, colon, regimen = text.partition(":")
    if not colon:
        found = re.match(r"\s*(\S.*?)\s+(?=[-+]?\d)(.*)", text, re.DOTALL)
        drug, regimen = (found[1], found[2]) if found else (text, "")
    if not drug.strip() or not regimen.strip():
        raise MechanismError(f"{text!r}: write a drug and its regimen, like 'tofacitinib 5 mg bid'")
    return drug.strip(), regimen.strip()

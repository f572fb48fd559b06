"""What the studies without any event contribute, by each method that can use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jakinib.synthesis.analysis import analyse, choose
from jakinib.synthesis.arms import read_arms
from jakinib.synthesis.pairwise import result
from jakinib.synthesis.select_pairs import select_pairs

if TYPE_CHECKING:
    import pandas as pd

_USERS = (("RD", "mh"), ("OR", "um.rs"), ("OR", "beta-binomial"))


def double_zero(arms: Any, reference: str | None = None, *, treatment: str | None = None) -> pd.DataFrame:
    """One row a method, with and without the double-zero studies.

    Columns: ``measure, method, studies`` (double-zero ones), ``persons`` (in them), and ``estimate, ci_low,
    ci_high`` with all studies and (``_without``) without them.
    """
    import pandas as pd

    selected = select_pairs(read_arms(arms), "OR", treatment, reference)
    zero = selected.pairs.double_zero
    rest = selected.keep([i for i in range(len(selected.studies)) if not zero[i]])
    persons = int((selected.pairs.d1 + selected.pairs.d2)[zero].sum())
    rows = []
    for measure, method in _USERS:
        choices = choose(measure, method)
        every, without = (result(s, choices, analyse(s.pairs, choices)) for s in (selected, rest))
        row: dict[str, Any] = {
            "measure": measure,
            "method": method,
            "studies": int(zero.sum()),
            "persons": persons,
        }
        for name in ("estimate", "ci_low", "ci_high"):
            row[name], row[f"{name}_without"] = getattr(every, name), getattr(without, name)
        rows.append(row)
    return pd.DataFrame(rows)

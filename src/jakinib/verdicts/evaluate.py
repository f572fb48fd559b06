"""``jk.claims``: every claim with the verdict that the evidence gives it now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jakinib.evidence.claims import Claim, read
from jakinib.evidence.evidence import Evidence, load
from jakinib.verdicts.answer import AGAINST, HOLDS, OPEN, SILENT, Answer, answer
from jakinib.verdicts.facts import Facts

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

SUPPORTED = "supported"
QUALIFIED = "supported with qualification"
NOT_SUPPORTED = "not supported"
CONTRADICTED = "contradicted"
UNCHECKED = "cannot be checked here"
VERDICTS = (SUPPORTED, QUALIFIED, NOT_SUPPORTED, CONTRADICTED, UNCHECKED)


@dataclass(frozen=True)
class Verdict:
    """A claim and what became of it.

    ``verdict`` is one of :data:`VERDICTS`; ``reason`` says why; ``answers`` holds every test with what it
    found; ``rows`` are the (table, key) of the rows it rests on, none of them the page's own.
    """

    claim: Claim
    verdict: str
    reason: str
    answers: tuple[Answer, ...]

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        return tuple(dict.fromkeys(row for a in self.answers for row in a.rows))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        c = self.claim
        return {
            "claim": c.claim, "verdict": self.verdict, "reason": self.reason, "statement": c.statement,
            "section": c.section, "positions": list(c.positions), "factual": c.factual,
            "scope": {"drug": c.drug or None, "dose": c.dose, "outcome": c.outcome or None,
                      "population": c.population or None, "comparator": c.comparator or None},
            "tests": [
                {"test": a.test.number, "weight": a.test.weight, "asks": a.test.says, "status": a.status,
                 "found": a.found, "basis": a.basis or None,
                 "rows": [{"table": t, "key": k} for t, k in a.rows]}
                for a in self.answers
            ],
            "rows": [{"table": t, "key": k} for t, k in self.rows],
        }  # fmt: skip

    def __str__(self) -> str:
        place = f" (position {', '.join(map(str, self.claim.positions))})" if self.claim.positions else ""
        held = [f"{table} {key}" for table, key in self.rows]
        more = f" and {len(held) - 8} more" if len(held) > 8 else ""
        lines = [f"{self.claim.claim} {self.verdict}: {self.claim.statement}{place}", f"     {self.reason}"]
        return "\n".join(lines + ([f"     rows: {', '.join(held[:8])}{more}"] if held else []))


@dataclass(frozen=True)
class Claims:
    """All claims with their verdicts. ``evidence`` names the folders they were tested against."""

    verdicts: tuple[Verdict, ...]
    evidence: str

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __len__(self) -> int:
        return len(self.verdicts)

    def __getitem__(self, claim: str) -> Verdict:
        """The verdict of a claim by its key; raises KeyError."""
        for verdict in self.verdicts:
            if verdict.claim.claim == claim:
                return verdict
        raise KeyError(claim)

    @property
    def counts(self) -> dict[str, int]:
        """How many claims have each verdict; every verdict is there, also with 0."""
        found = Counter(v.verdict for v in self.verdicts)
        return {verdict: found[verdict] for verdict in VERDICTS}

    @property
    def sections(self) -> tuple[str, ...]:
        """Sections of the page, in its order."""
        return tuple(dict.fromkeys(v.claim.section for v in self.verdicts))

    def of(self, verdict: str | None = None, section: str | None = None) -> Claims:
        """The claims of one verdict or section. Raises ValueError for a name that does not exist."""
        if verdict is not None and verdict not in VERDICTS:
            raise ValueError(f"no verdict {verdict!r}; it is one of {', '.join(VERDICTS)}")
        if section is not None and section not in self.sections:
            raise ValueError(f"no section {section!r}; it is one of {', '.join(self.sections)}")
        kept = tuple(
            v for v in self.verdicts
            if verdict in (None, v.verdict) and section in (None, v.claim.section)
        )  # fmt: skip
        return Claims(kept, self.evidence)

    def at(self, position: int) -> tuple[Verdict, ...]:
        """The verdicts on a statement of the page."""
        return tuple(v for v in self.verdicts if position in v.claim.positions)

    def table(self) -> pd.DataFrame:
        """One row a claim: ``claim, verdict, reason, statement, section, positions, rows``."""
        import pandas as pd

        rows = [
            {
                "claim": v.claim.claim, "verdict": v.verdict, "reason": v.reason,
                "statement": v.claim.statement, "section": v.claim.section,
                "positions": "; ".join(map(str, v.claim.positions)),
                "rows": "; ".join(f"{table}: {key}" for table, key in v.rows),
            }
            for v in self.verdicts
        ]  # fmt: skip
        columns = ["claim", "verdict", "reason", "statement", "section", "positions", "rows"]
        return pd.DataFrame(rows, columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "evidence": self.evidence,
            "counts": self.counts,
            "claims": [v.to_dict() for v in self.verdicts],
        }

    def figure(self) -> alt.Chart:
        """A stacked bar of verdicts for each section of the page."""
        import altair as alt

        counts = self.table().groupby(["section", "verdict"], as_index=False).size()
        counts["order"] = [VERDICTS.index(v) for v in counts["verdict"]]
        bars: alt.Chart = alt.Chart(counts).mark_bar()
        colours = ["#1b7837", "#a6dba0", "#fdae61", "#b2182b", "#bababa"]
        chart: alt.Chart = bars.encode(
            y=alt.Y("section:N", sort=list(self.sections), title=None, axis=alt.Axis(labelLimit=320)),
            x=alt.X("size:Q", title="claims"),
            color=alt.Color("verdict:N", scale=alt.Scale(domain=list(VERDICTS), range=colours), title=None),
            order="order:Q",
            tooltip=["section", "verdict", "size"],
        )
        return chart

    def __str__(self) -> str:
        head = f"{len(self)} claims against {self.evidence}: " + ", ".join(
            f"{n} {verdict}" for verdict, n in self.counts.items() if n
        )
        return "\n\n".join([head, *map(str, self.verdicts)])


def claims(evidence: Evidence | None = None) -> Claims:
    """Test every claim against the evidence.

    Parameters
    ----------
    evidence
        The evidence; the shipped corpus by default. The page's own rows never count as evidence for it.

    Returns
    -------
    Claims
        A verdict a claim, with the reason and the rows it rests on. Verdicts are kept with the evidence
        object, whose tables must not be changed.

    Raises
    ------
    EvidenceError
        A claim or test that the language refuses: the message names claim, column and remedy.
    """
    ev = load() if evidence is None else evidence
    kept: Claims | None = vars(ev).get("_claims")
    if kept is None:
        facts = Facts(ev)
        kept = Claims(tuple(_judge(claim, facts) for claim in read(ev)), _named(ev))
        vars(ev)["_claims"] = kept  # as cached_property does; the object itself is frozen
    return kept


def _named(ev: Evidence) -> str:
    return " + ".join(folder.name for folder in ev.folders)


def _judge(claim: Claim, facts: Facts) -> Verdict:
    if not claim.tests:
        kind = "" if claim.factual else "not a factual claim: "
        return Verdict(claim, UNCHECKED, f"{kind}{claim.not_tested}", ())
    answers = tuple(answer(test, facts) for test in claim.tests)
    core = [a for a in answers if a.test.weight == "core"]
    detail = [a for a in answers if a.test.weight == "detail"]
    against, open_, silent, holds = (
        [a for a in core if a.status == status] for status in (AGAINST, OPEN, SILENT, HOLDS)
    )
    limits = [a for a in detail if a.status in (AGAINST, OPEN)]
    kept = [a for a in detail if a.status == HOLDS]
    unheard = [a for a in detail if a.status == SILENT]  # says nothing of the verdict, but is not hidden
    besides = f". Besides, {_because(unheard)}" if unheard else ""
    if against:
        return Verdict(claim, CONTRADICTED, _because(against) + besides, answers)
    if open_:
        yet = f". Yet {_because(holds + kept)}" if holds or kept else ""
        return Verdict(claim, NOT_SUPPORTED, _because(open_ + limits) + yet + besides, answers)
    if not holds:
        return Verdict(claim, UNCHECKED, _because(silent), answers)
    if silent or limits:
        why = f"{_because(holds)}. But {_because(limits + silent)}{besides}"
        return Verdict(claim, QUALIFIED, why, answers)
    return Verdict(claim, SUPPORTED, _because(holds + kept) + besides, answers)


_SAID = {HOLDS: "", OPEN: "not shown: ", AGAINST: "this does not hold: ", SILENT: "not held: "}


def _because(answers: list[Answer]) -> str:
    """The answers as one sentence; what several of them rest on is said once."""
    told: set[str] = set()
    parts = []
    for a in answers:
        basis = f"; {a.basis}" if a.basis and a.basis not in told else ""
        told.add(a.basis)
        parts.append(f"{_SAID[a.status]}{a.test.says} ({a.found}{basis})")
    return "; ".join(parts)

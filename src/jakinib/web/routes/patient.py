"""The evidence for one person.

The address holds the profile and nothing else does: no answer of this page is kept here, logged, or left in a
browser's cache.
"""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from jakinib.patient.compare import MAIN_OUTCOMES
from jakinib.patient.for_patient import HORIZON, LEVEL, MOST_YEARS, ForPatient, for_patient
from jakinib.patient.profile import ITEMS, Patient, PatientError, said
from jakinib.patient.risk import STATUS, Calculation
from jakinib.report.export import to_csv, to_json
from jakinib.report.icons import icon_array, icon_text
from jakinib.report.numbers import at_most
from jakinib.report.person import approval_words, grouped_statements
from jakinib.report.sheet import sheet
from jakinib.report.studied import VERDICTS, studied_figure
from jakinib.report.svg import svg
from jakinib.web.answer import page
from jakinib.web.errors import BadQueryError
from jakinib.web.routes.compare import choices
from jakinib.web.site import Site

router = APIRouter()
MOST_TREATMENTS = 6
MOST_OUTCOMES = 12
ON_A_SHEET = {"treatment": 3, "outcome": 8}
HEADERS = {"Cache-Control": "no-store"}
SECTIONS = {
    "The person": ("age", "sex", "indication", "severity", "smoking"),
    "History": ("prior_vte", "ascvd", "cv_risk_factors", "hypertension", "diabetes", "prior_malignancy"),
    "Other": (
        "estrogen",
        "immobilisation",
        "coagulation_disorder",
        "lung_disease",
        "methotrexate",
        "steroids",
        "tnf_failure",
        "depression",
    ),
    "Measurements for the PREVENT equations (major cardiovascular events)": (
        "sbp",
        "bp_treatment",
        "total_cholesterol",
        "hdl_cholesterol",
        "statin",
        "egfr",
        "bmi",
    ),
}
EXAMPLES = (
    (
        "38, alopecia areata, no risk factor",
        "age=38&sex=female&indication=alopecia-areata&smoking=never&prior_vte=no&ascvd=no&cv_risk_factors=0"
        "&prior_malignancy=no&estrogen=no&treatment=baricitinib-4-mg-qd&treatment=ritlecitinib-50-mg-qd",
    ),
    (
        "67, atopic dermatitis, past smoker, earlier clot",
        "age=67&sex=female&indication=atopic-dermatitis&smoking=past&prior_vte=yes"
        "&treatment=upadacitinib-15-mg-qd&treatment=abrocitinib-200-mg-qd&treatment=baricitinib-4-mg-qd",
    ),
    (
        "61, rheumatoid arthritis with cardiovascular risk on methotrexate",
        "age=61&sex=female&indication=rheumatoid-arthritis&cv_risk_factors=2&ascvd=no&methotrexate=yes"
        "&treatment=tofacitinib-5-mg-bid&treatment=upadacitinib-15-mg-qd",
    ),
)


class Question:
    """What an address asks: the profile, treatments, outcomes, horizon, level and own baselines."""

    def __init__(self, request: Request, site: Site, more: tuple[str, ...] = ()) -> None:
        given = [(k, v.strip()) for k, v in request.query_params.multi_items()]
        known = {*ITEMS, "treatment", "outcome", "horizon", "level", *more}
        known |= {f"baseline_{o}" for o in site.outcomes}
        seen: set[str] = set()
        for name, value in given:
            if name not in known:
                raise BadQueryError(name, value, "the items of the form, treatment, outcome, horizon, level")
            if name in seen and name not in ("treatment", "outcome"):
                raise BadQueryError(name, value, "one value")
            seen.add(name)
        self.told = told = {k: v for k, v in given if v}
        self.problems: dict[str, BadQueryError] = {}
        self.patient = self._profile({k: v for k, v in told.items() if k in ITEMS})
        self.indication = (
            site.ev.name("population", self.patient.indication) if self.patient.indication else ""
        )
        self.treatments = _keys(site, "treatment", given, MOST_TREATMENTS)
        self.outcomes = _keys(site, "outcome", given, MOST_OUTCOMES)
        self.horizon = self._number("horizon", HORIZON, 0.1, MOST_YEARS, "years")
        self.level = self._number("level", LEVEL, 0.1, 999, "people per 1,000 over the horizon")
        self.own = {
            name.removeprefix("baseline_"): self._number(name, 0.0, 0.001, 9999, "people per 1,000 a year")
            for name in told
            if name.startswith("baseline_")
        }

    def _profile(self, given: dict[str, str]) -> Patient:
        """The profile of the items that can be read; the others become problems."""
        good = {}
        for name, value in given.items():
            try:
                Patient.from_query({name: value})
                good[name] = value
            except PatientError as error:
                self._wrong(error, value)
        try:
            return Patient.from_query(good)
        except PatientError as error:  # two items that contradict each other
            self._wrong(error, given.get(str(error).partition(":")[0], ""))
            return Patient()

    def _wrong(self, error: PatientError, value: str) -> None:
        name, _, allowed = str(error).partition(": ")
        self.problems[name] = BadQueryError(name, value, allowed)

    def _number(self, name: str, default: float, low: float, high: float, unit: str) -> float:
        text = self.told.get(name, "")
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            self.problems[name] = BadQueryError(name, text, f"a number from {low:g} to {high:g} {unit}")
            return default
        return value

    def right(self) -> Question:
        """This question, or the first of its problems raised."""
        for problem in self.problems.values():
            raise problem
        return self

    def made(self, site: Site) -> ForPatient:
        return for_patient(
            self.patient,
            self.treatments,
            list(self.outcomes) or None,
            evidence=site.ev,
            horizon=self.horizon,
            level=self.level,
            baseline=self.own,
        )


def _keys(site: Site, kind: str, given: list[tuple[str, str]], most: int) -> tuple[str, ...]:
    keys = tuple(dict.fromkeys(site.ev.name(kind, value) for name, value in given if name == kind and value))
    if len(keys) > most:
        raise BadQueryError(kind, f"{len(keys)} of them", f"at most {most} at once")
    return keys


@router.api_route("/patient", methods=["GET", "HEAD"], response_model=None)
def patient_page(request: Request) -> Response:
    site: Site = request.app.state.site
    asked = Question(request, site)
    made = asked.made(site) if asked.treatments and not asked.problems else None
    return _page(request, site, asked, made, "patient.html")


@router.api_route("/patient/print", methods=["GET", "HEAD"], response_model=None)
def patient_print(request: Request) -> Response:
    site: Site = request.app.state.site
    asked = Question(request, site).right()
    if not asked.treatments:
        raise BadQueryError("treatment", "", "at least one treatment")
    for kind, names in (("treatment", asked.treatments), ("outcome", asked.outcomes)):
        if len(names) > ON_A_SHEET[kind]:
            allowed = f"at most {ON_A_SHEET[kind]} on one page of paper"
            raise BadQueryError(kind, f"{len(names)} of them", allowed)
    made = asked.made(site)
    return _page(request, site, asked, made, "patient_print.html", sheet=sheet(made))


@router.api_route("/patient.csv", methods=["GET", "HEAD"], response_model=None)
def patient_csv(request: Request) -> Response:
    made = _asked(request)
    headers = {"Content-Disposition": 'attachment; filename="patient.csv"', **HEADERS}
    return Response(to_csv(made.table()), media_type="text/csv; charset=utf-8", headers=headers)


@router.api_route("/patient.json", methods=["GET", "HEAD"], response_model=None)
def patient_json(request: Request) -> Response:
    return Response(to_json(_asked(request).to_dict()), media_type="application/json", headers=HEADERS)


@router.get("/patient.svg", response_model=None)
def patient_figure(
    request: Request, look: Literal["light", "dark"] = "light", size: Literal["wide", "narrow"] = "wide"
) -> Response:
    made = _asked(request, ("look", "size"))
    chart = studied_figure(made, width=460 if size == "wide" else 150)
    return Response(svg(chart, dark=look == "dark"), media_type="image/svg+xml", headers=HEADERS)


@router.get("/patient/icons.svg", response_model=None)
def patient_icons(request: Request, look: Literal["light", "dark"] = "light") -> Response:
    made = _asked(request, ("look",))
    if len(made.risks) != 1 or made.risks[0].main is None:
        raise BadQueryError("outcome", "", "one treatment and one outcome for which a difference is shown")
    main = made.risks[0].main
    drawn = icon_array(main.horizon, _beside(request.app.state.site, main), dark=look == "dark")
    return Response(drawn, media_type="image/svg+xml", headers=HEADERS)


def _asked(request: Request, more: tuple[str, ...] = ()) -> ForPatient:
    site: Site = request.app.state.site
    asked = Question(request, site, more).right()
    if not asked.treatments:
        raise BadQueryError("treatment", "", "at least one treatment")
    return asked.made(site)


def _page(
    request: Request, site: Site, asked: Question, made: ForPatient | None, template: str, **more: Any
) -> Response:
    context: dict[str, Any] = {
        "asked": asked,
        "made": made,
        "items": ITEMS,
        "sections": SECTIONS,
        "kind": {k: type(v).__name__ for k, v in ITEMS.items()},
        "given": asked.patient.query()
        | ({"indication": asked.indication} if asked.indication else {})
        | ({k: v for k, v in asked.told.items() if k != "indication"} if asked.problems else {}),
        "problems": {name: _problem(site, name, p) for name, p in asked.problems.items()},
        "main_outcomes": [o for o in MAIN_OUTCOMES if o in site.outcomes],
        "offered": choices(site)["offered"],
        "diseases": [p for p, g in _groups(site).items() if g not in ("mixed", "general")],
        "examples": EXAMPLES,
        "most": MOST_TREATMENTS,
        "url": lambda path, **change: _url(asked, path, **change),
        **more,
    }
    if made is not None:
        context |= {
            "person": [said(k, v) for k, v in asked.patient.known().items() if k != "indication"],
            "unknown": [ITEMS[k].label for k in asked.patient.unknown()],
            "table": [
                (
                    o,
                    [
                        next(r for r in made.risks if (r.treatment, r.outcome) == (t, o))
                        for t in made.treatments
                    ],
                )
                for o in made.outcomes
            ],
            "statements": grouped_statements(made),
            "at_most": at_most,
            "approval_words": approval_words,
            "sheets": _sheets(made),
            "side_by_side": f"/compare?{urlencode([('treatment', t) for t in made.treatments])}",
            "distance": made.distance_rows,
            "missing": made.missing_rows,
            "verdicts": {k: v[0] for k, v in VERDICTS.items()},
            "status_words": STATUS,
            "icon_text": icon_text,
            "beside": lambda c: _beside(site, c),
        }
    status = 422 if asked.problems else 200
    return page(request, template, status=status, headers=HEADERS, **context)


def _problem(site: Site, name: str, problem: BadQueryError) -> dict[str, str]:
    """What is wrong with a field of the form, in words, and where it is."""
    outcome = name.removeprefix("baseline_")
    if name in ITEMS:
        return {"label": ITEMS[name].label, "words": problem.allowed, "at": f"p-{name}"}
    words = f"{problem.given!r} cannot be used; give {problem.allowed}"
    if outcome != name:
        return {
            "label": f"your own rate, {site.outcomes[outcome]}",
            "words": words,
            "at": f"p-baseline-{outcome}",
        }
    return {
        "label": {"horizon": "years ahead", "level": "tipping point"}[name],
        "words": words,
        "at": f"p-{name}",
    }


def _sheets(made: ForPatient) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Treatments and outcomes of each print sheet."""
    t, o = ON_A_SHEET["treatment"], ON_A_SHEET["outcome"]
    return [
        (made.treatments[i : i + t], made.outcomes[k : k + o])
        for i in range(0, len(made.treatments), t)
        for k in range(0, len(made.outcomes), o)
    ]


def _groups(site: Site) -> dict[str, str]:
    frame = site.ev["populations"]
    return dict(zip(frame["population"], frame["group"], strict=True))


def _url(asked: Question, path: str, **change: Any) -> str:
    """The address of the same question at another path, with something changed."""
    query: list[tuple[str, str]] = list(asked.patient.query().items())
    treatments, outcomes = change.pop("treatments", asked.treatments), change.pop("outcomes", asked.outcomes)
    query += [("treatment", t) for t in treatments] + [("outcome", o) for o in outcomes]
    query += [("horizon", f"{asked.horizon:g}")] if asked.horizon != HORIZON else []
    query += [("level", f"{asked.level:g}")] if asked.level != LEVEL else []
    query += [(f"baseline_{o}", f"{rate:g}") for o, rate in asked.own.items()]
    query += [(k, str(v)) for k, v in change.items()]
    return f"{path}?{urlencode(query)}"


def _beside(site: Site, c: Calculation) -> str:
    """What the treatment is held against, in words; blank is nothing."""
    drug = c.stands_for.lstrip("?")
    if not drug:
        return ""
    name = site.treatments[drug]
    return f"on {name}" if drug == c.stands_for else f"at the rate that stands for {name}"

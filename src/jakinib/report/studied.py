"""The person's age against every population whose numbers are used: who was like this, and who was not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from jakinib.plain import records

if TYPE_CHECKING:
    import altair as alt

    from jakinib.patient.for_patient import ForPatient

#: would the person have been in it -> words, and a mark that does not rest on colour alone
VERDICTS = {
    "yes": ("could have entered", "circle"),
    "might": ("might have entered", "diamond"),
    "not read": ("entry not read", "square"),
    "no trial": ("general population", "square"),
    "no": ("could not have entered", "cross"),
}


def studied_figure(made: ForPatient, width: int = 460) -> alt.LayerChart | alt.FacetChart:
    """One row a study: its mean (or median) age, its age range at entry where read, and the person's age."""
    import altair as alt

    table = studied_rows(made)
    row = alt.Y("label:N", sort=list(table["label"]), title=None, axis=alt.Axis(labelLimit=260))
    ages = alt.Scale(domain=[0, 100], nice=False)
    words = [w for w, _ in VERDICTS.values()]
    shown = {
        "color": alt.Color("verdict:N", title="this person", scale=alt.Scale(domain=words)),
        "shape": alt.Shape(
            "verdict:N",
            title="this person",
            scale=alt.Scale(domain=words, range=[shape for _, shape in VERDICTS.values()]),
        ),
    }
    data = alt.InlineData(values=records(table))
    layers: list[alt.Chart] = [
        alt.Chart(data)
        .mark_rule(strokeWidth=3, opacity=0.5)
        .encode(x=alt.X("from:Q", scale=ages, title="age, years"), x2="to:Q", y=row, color=shown["color"])
        .transform_filter("isValid(datum.from)"),
        alt.Chart(data)
        .mark_point(filled=True, size=90, opacity=1)
        .encode(x=alt.X("age:Q", scale=ages), y=row, **shown)
        .transform_filter("isValid(datum.age)"),
        alt.Chart(data)
        .mark_text(align="left", dx=4)
        .encode(x=alt.value(0), y=row, text=alt.value("age not read"))
        .transform_filter("!isValid(datum.age) && !isValid(datum.from)"),
    ]
    if made.patient.age is not None:
        person = alt.InlineData(
            values=[{"age": made.patient.age, "words": f"this person, {made.patient.age:g}"}]
        )
        layers.append(alt.Chart(person).mark_rule(strokeDash=[5, 3], strokeWidth=2).encode(x="age:Q"))
        layers.append(
            alt.Chart(person)
            .mark_text(dy=-8, baseline="bottom")
            .encode(x="age:Q", y=alt.value(0), text="words:N")
        )
    return alt.layer(*layers).properties(width=width, height=alt.Step(22))


def studied_rows(made: ForPatient) -> pd.DataFrame:
    """What the figure draws: ``label``, ``verdict`` in words, ``age``, and ``from``, ``to`` at entry (an open
    end is drawn to 100 years)."""
    rows = []
    for r in made.distance_rows:
        low, high = r["age_from"], r["age_to"]
        ranged = low is not None or high is not None
        rows.append(
            {
                "label": str(r["name"]),
                "verdict": VERDICTS[r["would_have_entered"]][0],
                "age": r["age"],
                "from": (0.0 if low is None else low) if ranged else None,
                "to": (100.0 if high is None else high) if ranged else None,
            }
        )
    return pd.DataFrame(rows, columns=["label", "verdict", "age", "from", "to"]).astype(
        {"age": object, "from": object, "to": object}
    )

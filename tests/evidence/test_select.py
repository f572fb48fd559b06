"""Selection: one row a study, arm, outcome and period; nobody counted twice; nothing dropped in silence."""

import shutil

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.folders import DRUG, SOURCE, STUDY, TREATMENT, event, write
from jakinib.evidence.errors import EvidenceError, UnknownNameError
from jakinib.evidence.evidence import Evidence, load
from jakinib.evidence.package import corpus_folder
from jakinib.evidence.trials import trials

OLDINIB = TREATMENT | {"treatment": "oldinib-1-mg-qd", "drug": "oldinib", "label": "oldinib 1 mg once daily"}
HIGH = TREATMENT | {"treatment": "newinib-10-mg-qd", "label": "newinib 10 mg once daily", "dose": 10}
NONE = TREATMENT | {"treatment": "nothing", "drug": "nothing", "label": "nothing", "kind": "comparator"} | {
    "dose": "", "dose_unit": "", "regimen": "", "route": "",
}  # fmt: skip
PBO = {"treatment": "nothing", "role": "placebo"}


def base(folder, events, links=()):
    """Evidence with trials a and b, a pool of both, and a pool of another drug."""
    write(folder, "sources", [SOURCE])
    old = {"drug": "oldinib", "name": "oldinib", "brands": "Oldo; Veto"}
    none = {"drug": "nothing", "name": "nothing", "drug_class": "placebo"}
    write(folder, "drugs", [DRUG, DRUG | old, DRUG | none])
    write(folder, "treatments", [TREATMENT, HIGH, OLDINIB, NONE])
    studies = [{"study": s, "name": s.upper()} for s in ("trial-a", "trial-b", "pool", "other")]
    write(folder, "studies", [STUDY | s for s in studies])
    link = {
        "relation": "pools",
        "certainty": "stated",
        "source_id": "PMID:1",
        "locator": "x",
        "status": "reported",
    }
    write(folder, "overlaps", [link | {"whole": whole, "part": part} for whole, part in links])
    for table in ("populations", "outcomes"):
        shutil.copy(corpus_folder() / f"{table}.csv", folder)
    return load(write(folder, "events", events), corpus=False)


def taken(arms):
    return set(arms["event"])


def test_one_row_an_arm_and_the_rest_is_accounted_for(tmp_path):
    ev = base(tmp_path / "mine", [
        event(1), event(2, **PBO),
        event(3, period="52 weeks", period_weeks=52, period_kind="extension"),
        event(4, use="alternative", use_reason="review of the same table", n=99),
        event(5, use="excluded", use_reason="not the outcome", n=98),
        event(6, subgroup="adults", n=60),
        event(7, counts="events", events=4),
    ])  # fmt: skip
    arms = ev.select("mace", study="trial-a")
    assert taken(arms) == {"X00001", "X00002"}
    reasons = dict(zip(arms.left_out["event"], arms.left_out["reason"], strict=True))
    assert set(reasons) == {f"X{i:05d}" for i in range(3, 8)}
    assert reasons["X00004"] == "review of the same table"
    assert "stratum" in reasons["X00006"]
    assert "not count persons" in reasons["X00007"]
    assert "extension" in reasons["X00003"]


def test_arms_of_a_study_are_taken_over_the_same_period(tmp_path):
    weeks = {"period_weeks": 52, "period": "52 weeks"}
    ev = base(tmp_path / "mine", [event(1), event(2, **PBO), event(3, **weeks)])
    assert taken(ev.select("mace", study="trial-a")) == {"X00001", "X00002"}
    longer = base(tmp_path / "more", [event(1), event(2, **PBO), event(3, **weeks), event(4, **weeks, **PBO)])
    assert taken(longer.select("mace", study="trial-a")) == {"X00003", "X00004"}


def test_long_term_takes_the_longest_exposure(tmp_path):
    ev = base(tmp_path / "mine", [event(1), event(2, period_kind="extension", period_weeks=100)])
    assert taken(ev.select("mace", study="trial-a", period="long-term")) == {"X00002"}


POOL = {"study": "pool", "period_kind": "controlled", "n": 900}
LINKS = [("pool", "trial-a"), ("pool", "trial-b")]


def test_a_pool_and_its_trials_never_meet(tmp_path):
    ev = base(tmp_path / "mine", [event(1), event(2, study="trial-b"), event(3, **POOL)], LINKS)
    trials = ev.select("mace", drug="newinib")
    assert taken(trials) == {"X00001", "X00002"}
    assert "counts the persons of trial-a, trial-b" in set(trials.left_out["reason"])
    pooled = ev.select("mace", drug="newinib", pools=True)
    assert taken(pooled) == {"X00003"}
    assert set(pooled.left_out["reason"]) == {"its persons are counted in pool"}


def test_a_pool_stands_when_none_of_its_trials_has_the_outcome(tmp_path):
    ev = base(tmp_path / "mine", [event(1, outcome="vte"), event(3, **POOL)], LINKS)
    assert taken(ev.select("mace", drug="newinib")) == {"X00003"}


def test_overlap_is_followed_through_chains(tmp_path):
    links = [("other", "pool"), ("pool", "trial-a")]
    ev = base(tmp_path / "mine", [event(1), event(2, study="other", n=5000)], links)
    assert taken(ev.select("mace", drug="newinib", pools=True)) == {"X00002"}
    assert taken(ev.select("mace", drug="newinib")) == {"X00001"}


def test_comparators_stay_with_their_drug(tmp_path):
    ev = base(tmp_path / "mine", [
        event(1), event(2, **PBO), event(3, treatment="newinib-10-mg-qd"),
        event(4, study="trial-b", treatment="oldinib-1-mg-qd"), event(5, study="trial-b", **PBO),
    ])  # fmt: skip
    assert taken(ev.select("mace", drug="newinib")) == {"X00001", "X00002", "X00003"}
    assert taken(ev.select("mace", dose=10)) == {"X00002", "X00003"}
    assert taken(ev.select("mace", treatment="oldinib 1 mg once daily")) == {"X00004", "X00005"}
    assert taken(ev.select("mace", drug="Veto")) == {"X00004", "X00005"}


def test_persons_and_events_never_meet(tmp_path):
    ev = base(tmp_path / "mine", [event(1), event(2, counts="events", study="trial-b", events=7)])
    assert taken(ev.select("mace", drug="newinib")) == {"X00001"}
    assert taken(ev.select("mace", drug="newinib", counts="events")) == {"X00002"}


def test_rows_without_a_count_are_not_arms(tmp_path):
    ev = base(tmp_path / "mine", [
        event(1), event(2, study="trial-b", events="", n="", rate=0.4),
        event(3, study="other", below_threshold="true"),
    ])  # fmt: skip
    arms = ev.select("mace", drug="newinib")
    assert taken(arms) == {"X00001"}
    reasons = dict(zip(arms.left_out["event"], arms.left_out["reason"], strict=True))
    assert "no count" in reasons["X00002"] and "threshold" in reasons["X00003"]


def test_nothing_reported_is_an_empty_arm_table(tmp_path):
    ev = base(tmp_path / "mine", [event(1)])
    arms = ev.select("lymphoma", drug="newinib")
    assert arms.empty and {"study", "treatment", "events", "n", "person_years"} <= set(arms.columns)


def test_unknown_names_are_refused_with_near_ones(tmp_path):
    ev = base(tmp_path / "mine", [event(1)])
    with pytest.raises(UnknownNameError, match="newinib") as error:
        ev.select("mace", drug="newnib")
    assert "newinib" in error.value.near
    with pytest.raises(UnknownNameError, match="atopic"):
        ev.select("mace", population="atopic dermatits")
    with pytest.raises(UnknownNameError):
        ev.select("heart attack of the stomach")
    with pytest.raises(EvidenceError, match="controlled"):
        ev.select("mace", period="forever")
    with pytest.raises(EvidenceError, match="persons"):
        ev.select("mace", counts="both")


rows = st.lists(
    st.fixed_dictionaries({
        "study": st.sampled_from(["trial-a", "trial-b", "pool", "other"]),
        "treatment": st.sampled_from(["newinib-5-mg-qd", "newinib-10-mg-qd", "oldinib-1-mg-qd", "nothing"]),
        "period_kind": st.sampled_from(["controlled", "randomised", "extension", "long-term"]),
        "period_weeks": st.sampled_from([12, 16, 52]),
        "counts": st.sampled_from(["persons", "events"]),
        "use": st.sampled_from(["default", "alternative", "excluded"]),
        "events": st.integers(0, 9),
    }),
    min_size=1, max_size=14,
)  # fmt: skip


def evidence_of(ev: Evidence, events: list[dict]) -> Evidence:
    """``ev`` with other event rows (typed as its own)."""
    like = ev.tables["events"]
    changed = [event(i, **row) for i, row in enumerate(events)]
    frame = pd.DataFrame(changed).reindex(columns=like.columns)
    frame["use_reason"] = pd.NA
    return Evidence({**ev.tables, "events": frame.astype(like.dtypes)}, ev.folders)


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return base(tmp_path_factory.mktemp("base") / "mine", [event(1)], LINKS)


@settings(max_examples=60, deadline=None)
@given(events=rows, pools=st.booleans(), seed=st.randoms(use_true_random=False))
def test_selection_does_not_depend_on_row_order(empty, events, pools, seed):
    shuffled = list(enumerate(events))
    seed.shuffle(shuffled)
    one = evidence_of(empty, events)
    frame = one.tables["events"].iloc[[i for i, _ in shuffled]].reset_index(drop=True)
    other = Evidence({**one.tables, "events": frame}, one.folders)
    a, b = (e.select("mace", period="long-term", pools=pools) for e in (one, other))
    assert taken(a) == taken(b)
    assert set(a.left_out["event"]) == set(b.left_out["event"])


@settings(max_examples=60, deadline=None)
@given(events=rows, pools=st.booleans(), period=st.sampled_from(["controlled", "long-term"]))
def test_selection_invariants(empty, events, pools, period):
    ev = evidence_of(empty, events)
    arms = ev.select("mace", period=period, pools=pools)
    every = {f"X{i:05d}" for i in range(len(events))}
    # nothing is dropped in silence, nothing is both taken and left out
    assert taken(arms) | set(arms.left_out["event"]) == every
    assert not taken(arms) & set(arms.left_out["event"])
    # one row a study and arm; one counting; default rows only
    assert not arms.duplicated(["study", "treatment"]).any()
    assert set(arms["counts"]) <= {"persons"}
    # a pool and its parts never meet in one drug
    drug = dict(zip(ev.treatments["treatment"], ev.treatments["drug"], strict=True))
    pooled = {drug[t] for t in arms.loc[arms["study"] == "pool", "treatment"]}
    parts = {drug[t] for t in arms.loc[arms["study"].isin(["trial-a", "trial-b"]), "treatment"]}
    assert not pooled & parts
    # one period a study
    assert (arms.groupby("study")[["period_kind", "period_weeks"]].nunique() <= 1).all(axis=None)


def test_randomised_withdrawal_is_not_a_controlled_period():
    ev = load()
    for period in ("controlled", "randomised"):
        arms = ev.select("sae", period=period)
        assert not {"jade-regimen", "octave-sustain"} & set(arms["study"])
        why = arms.left_out.groupby("study")["reason"].agg(set)
        assert any("took the drug before" in r for r in why["jade-regimen"])
    assert "jade-regimen" in set(ev.select("sae", study="jade-regimen", period="long-term")["study"])


def test_trials_are_randomised_and_have_two_arms():
    ev = load()
    arms = trials(ev, "vte")
    assert arms.groupby("study")["treatment"].nunique().min() >= 2
    designs = ev.studies.set_index("study")["design"]
    assert set(designs[arms["study"]]) <= {"rct", "rct-open-label", "integrated"}
    selected = ev.select("vte")
    why = dict(zip(arms.left_out["event"], arms.left_out["reason"], strict=True))
    assert set(arms["event"]) | set(why) >= set(selected["event"])
    assert not set(arms["event"]) & set(why)
    pooled = selected.loc[selected["study"] == "chen-2022", "event"]
    assert all("meta-analysis" in why[e] for e in pooled)

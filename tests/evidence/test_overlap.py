"""Overlap: two sources that count the same people never meet in one pooled estimate, by any way in."""

import itertools

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jakinib as jk
from evidence.folders import event
from evidence.test_select import LINKS, POOL, base, evidence_of
from jakinib.evidence.evidence import Evidence
from jakinib.evidence.overlap import Overlap

PLACEBO = {"treatment": "nothing", "role": "placebo"}


@pytest.fixture(scope="module")
def corpus():
    return jk.evidence()


def graph(*rows):
    return Overlap(pd.DataFrame(rows, columns=["whole", "part", "relation"]))


def test_parts_follow_chains_but_people_in_common_do_not():
    found = graph(("c", "b", "later-cutoff"), ("b", "a", "pools"), ("b", "x", "same-trial"))
    assert found.parts("c") == {"a", "b"} and found.wholes("a") == {"b", "c"}
    assert found.parts("x") == set()
    new = frozenset({"new"})
    persons = {s: found.persons(s, new) for s in "abcx"}
    # c contains b, which has people in common with x; the other part of b does not
    assert persons["x"] & persons["b"] and persons["x"] & persons["c"]
    assert not persons["x"] & persons["a"]


def test_a_part_that_lacks_the_drug_gives_no_persons_with_it():
    frame = pd.DataFrame([("pool", "a", "pools")], columns=["whole", "part", "relation"])
    known = Overlap(frame, {"a": frozenset({"old", "nothing"})}, frozenset({"a"}), frozenset({"old", "new"}))
    assert known.persons("pool", frozenset({"new"})) == {"pool/new"}
    assert known.persons("pool", frozenset({"old"})) == {"pool/old", "a/old"}
    # of a part of which no arm is known, any drug may be in it
    assert "a/any" in Overlap(frame).persons("pool", frozenset({"new"}))


def test_two_pools_that_share_a_trial_are_not_taken_together(tmp_path):
    links = [("pool", "trial-a"), ("other", "trial-a")]
    ev = base(tmp_path / "mine", [event(1, **POOL), event(2, **POOL | {"study": "other", "n": 400})], links)
    arms = ev.select("mace", drug="newinib")
    assert list(arms["study"]) == ["pool"]
    assert "counts some of the persons of pool" in set(arms.left_out["reason"])


def test_a_registry_id_in_common_is_an_overlap(tmp_path):
    ev = base(tmp_path / "mine", [event(1), event(2, study="trial-b"), event(3, study="pool")])
    studies = ev.studies.copy()
    studies.loc[studies["study"] == "trial-a", "registry_id"] = "NCT00000001"
    studies.loc[studies["study"] == "trial-b", "registry_id"] = "NCT00000001"
    studies.loc[studies["study"] == "pool", "registry_id"] = "NCT00000001; NCT00000002"
    changed = Evidence({**ev.tables, "studies": studies}, ev.folders)
    assert changed.overlap.wholes("trial-a") == {"pool"}
    assert len(changed.select("mace")["study"].unique()) == 1
    # two keys for one trial: neither contains the other, and only one is taken
    only = changed.tables["events"].query("study != 'pool'")
    assert len(Evidence({**changed.tables, "events": only}, ev.folders).select("mace")) == 1


def test_an_added_trial_of_a_programme_is_taken_to_be_in_its_integrated_analysis(tmp_path):
    ev = base(tmp_path / "mine", [event(1), event(2, **POOL)])
    studies = ev.studies.copy()
    studies.loc[studies["study"] == "pool", "design"] = "integrated"
    changed = Evidence({**ev.tables, "studies": studies}, ev.folders)
    relation = changed.overlap.relations.iloc[0]
    assert (relation["whole"], relation["part"], relation["certainty"]) == ("pool", "trial-a", "inferred")
    assert list(changed.select("mace")["study"]) == ["trial-a"]
    assert list(changed.select("mace", pools=True)["study"]) == ["pool"]


def concatenated(ev: Evidence) -> pd.DataFrame:
    """What no selection gives: the trials and the pool that counts them, put together by hand."""
    return pd.concat([ev.select("mace", drug="newinib", pools=pools) for pools in (False, True)])


@pytest.mark.parametrize("analysis", [
    lambda arms: jk.pairwise(arms, measure="OR", method="mh", reference="nothing"),
    lambda arms: jk.pairwise(arms, measure="OR", method="mh", reference="nothing", merge_arms=True),
    lambda arms: jk.network(arms, measure="OR", method="mh", reference="nothing"),
    lambda arms: jk.multiverse(arms, measure="OR", treatment="newinib-5-mg-qd", reference="nothing"),
    lambda arms: jk.pairwise_many([arms], measure="OR", method="mh", reference="nothing"),
    lambda arms: jk.rates(arms, pool=True),
])  # fmt: skip
def test_every_analysis_refuses_selections_put_together_by_hand(tmp_path, analysis):
    events = [event(1, events=3), event(2, **PLACEBO), event(3, events=9, **POOL), event(4, **POOL | PLACEBO)]
    ev = base(tmp_path / "mine", events, LINKS)
    with pytest.raises(ValueError, match=r"'persons_of'.*'pool' counts people whom study 'trial-a'"):
        analysis(concatenated(ev))
    # written to a file and read again, it is refused as well
    path = tmp_path / "arms.csv"
    concatenated(ev).to_csv(path, index=False)
    with pytest.raises(ValueError, match="persons_of"):
        analysis(pd.read_csv(path))
    analysis(ev.select("mace", drug="newinib"))


def test_rates_side_by_side_are_not_pooled_and_may_stand(tmp_path):
    ev = base(tmp_path / "mine", [event(1), event(3, **POOL)], LINKS)
    assert len(jk.rates(concatenated(ev)).rows) == 2


def test_an_estimate_only_row_is_refused_too():
    arms = {
        "study": ["a", "a", "b"], "treatment": ["x", "y", "x"], "reference": ["", "", "y"],
        "events": [1, 2, None], "n": [50, 50, None], "measure": ["", "", "OR"],
        "estimate": [None, None, 0.8], "se": [None, None, 0.3], "persons_of": ["a/x", "a/y", "b/x; a/x"],
    }  # fmt: skip
    with pytest.raises(ValueError, match="row 3, column 'persons_of'"):
        jk.network(arms, measure="OR", method="iv", reference="y")


def test_no_selection_of_the_corpus_counts_anyone_twice(corpus):
    """Brute force over the relations as they stand in the table, not over the groups that selection makes."""
    drug = dict(zip(corpus.treatments["treatment"], corpus.treatments["drug"], strict=True))
    direct = corpus.overlaps
    for pools, period in itertools.product((False, True), ("controlled", "long-term")):
        for outcome in corpus.outcomes["outcome"]:
            arms = corpus.select(outcome, period=period, pools=pools)
            held = {(study, drug[t]) for study, t in zip(arms["study"], arms["treatment"], strict=True)}
            both = [
                (whole, part, d)
                for whole, part in zip(direct["whole"], direct["part"], strict=True)
                for d in {d for s, d in held if s == whole} & {d for s, d in held if s == part}
            ]
            assert not both
            if len(arms) and not arms.duplicated(["study", "treatment"]).any():
                jk.rates(arms, pool=True)  # accepts it


links = st.lists(
    st.tuples(
        st.sampled_from(["pool", "other"]),
        st.sampled_from(["trial-a", "trial-b", "pool"]),
        st.sampled_from(["pools", "same-trial"]),
    ).filter(lambda x: x[0] != x[1]),
    max_size=5, unique_by=lambda x: x[:2],
)  # fmt: skip
arm_rows = st.lists(
    st.fixed_dictionaries({
        "study": st.sampled_from(["trial-a", "trial-b", "pool", "other"]),
        "treatment": st.sampled_from(["newinib-5-mg-qd", "newinib-10-mg-qd", "oldinib-1-mg-qd", "nothing"]),
        "n": st.integers(10, 20),
    }),
    min_size=1, max_size=10, unique_by=lambda r: (r["study"], r["treatment"]),
)  # fmt: skip


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return base(tmp_path_factory.mktemp("base") / "mine", [event(1)])


@settings(max_examples=80, deadline=None)
@given(events=arm_rows, links=links, pools=st.booleans())
def test_a_selection_can_always_be_analysed_and_two_of_them_only_when_they_are_apart(
    plain, events, links, pools
):
    ev = evidence_of(plain, events)
    like = plain.tables["overlaps"]
    rows = [{"whole": w, "part": p, "relation": r, "certainty": "stated"} for w, p, r in links]
    table = pd.DataFrame(rows).reindex(columns=like.columns).astype(like.dtypes) if rows else like
    ev = Evidence({**ev.tables, "overlaps": table}, ev.folders)
    arms, other = ev.select("mace", pools=pools), ev.select("mace", pools=not pools)
    jk.rates(arms, pool=True)
    drug = dict(zip(ev.treatments["treatment"], ev.treatments["drug"], strict=True))
    # brute force: walk every path of containment, then the people in common, on plain pairs
    inside = {(w, p) for w, p, r in links if r == "pools"}
    for _ in range(4):
        inside |= {(a, d) for a, b in inside for c, d in inside if b == c}
    had = {(r["study"], drug[r["treatment"]]) for r in events}

    def apart(one, two, d):
        counts = [{s} | {p for w, p in inside if w == s} for s in (one, two)]
        known = {s for s, _ in had}
        shared = {s for s in counts[0] & counts[1] if (s, d) in had or s not in known or d == "nothing"}
        common = any(
            (w in counts[0] and p in counts[1]) or (p in counts[0] and w in counts[1])
            for w, p, r in links if r == "same-trial"
        )  # fmt: skip
        return not shared and not common

    for (s1, t1), (s2, t2) in itertools.combinations(zip(arms["study"], arms["treatment"], strict=True), 2):
        if s1 != s2 and drug[t1] == drug[t2]:
            assert apart(s1, s2, drug[t1])
    both = pd.concat([arms, other]).drop_duplicates(["study", "treatment"])
    crossed = [
        (s1, s2)
        for (s1, t1), (s2, t2) in itertools.combinations(
            zip(both["study"], both["treatment"], strict=True), 2
        )
        if s1 != s2 and t1 == t2 and not apart(s1, s2, drug[t1])
    ]
    if crossed:
        with pytest.raises(ValueError, match="persons_of"):
            jk.rates(both, pool=True)

"""pairwise, multiverse and network as a user runs them: on the corpus and on an arm table of one's own."""

import csv
import io
import json

import pytest

import jakinib as jk
from jakinib.evidence.arm_file import read_arm_file
from jakinib.evidence.errors import EvidenceError
from test_cli import jakinib

TABLE = "study,treatment,events,n\nA,x,1,100\nA,y,3,100\nB,x,0,50\nB,y,2,50\nC,y,4,60\nC,z,1,60\n"


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "arms.csv"
    path.write_text(TABLE)
    return path


def test_a_table_of_ones_own_gives_what_the_library_gives(table):
    arms = read_arm_file(table)
    shown = json.loads(jakinib("pairwise", "--arms", str(table), "-t", "y", "-r", "x", "--json").stdout)
    made = jk.pairwise(arms[arms["treatment"] != "z"], treatment="y", reference="x")
    assert (shown["estimate"], shown["k"]) == (pytest.approx(made.estimate, rel=1e-12), 2)
    assert [left["study"] for left in shown["left_out"]] == ["C"]  # one arm only: told, not dropped
    net = rows(jakinib("network", "--arms", str(table), "-r", "x", "--method", "iv", "--csv").stdout)
    want = jk.network(arms, method="iv", reference="x").effects()
    assert [float(r["estimate"]) for r in net] == pytest.approx(list(want["estimate"]), rel=1e-12)
    every = rows(jakinib("multiverse", "-a", str(table), "-t", "y", "-r", "x", "--csv").stdout)
    assert len(every) >= 12
    for command in ("pairwise", "multiverse"):
        drawn = jakinib(command, "-a", str(table), "-t", "y", "-r", "x", "--svg").stdout
        assert drawn.startswith("<svg")
    assert jakinib("network", "-a", str(table), "-r", "x", "--method", "iv", "--svg").stdout.startswith(
        "<svg"
    )


def test_doses_and_classes_at_the_prompt(table):
    asked = ("network", "-a", str(table), "-r", "x")
    network = jk.network(read_arm_file(table), method="exact", reference="x")
    curve = json.loads(jakinib(*asked, "--dose", "y=d:1", "--dose", "z=d:2.5", "--json").stdout)
    want = network.doses({"y": ("d", 1), "z": ("d", 2.5)}).groups()
    assert curve["groups"][0]["value"] == pytest.approx(want.value[0], rel=1e-9)
    members = rows(jakinib(*asked, "--class", "y=c", "--class", "z=c", "--csv").stdout)
    want = network.classes({"y": "c", "z": "c"}).table()
    assert [float(r["estimate"]) for r in members] == pytest.approx(list(want["estimate"]), rel=1e-9)
    assert "Emax dose" in jakinib(*asked, "--dose", "y=d:1", "--dose", "z=d:2", "--curve", "emax").stdout


def test_withdrawal_is_not_in_the_corpus_analyses_and_said_so():
    shown = jakinib("network", "sae", "-p", "atopic dermatitis", "--method", "iv")
    assert "randomised withdrawal" in shown.stdout
    fewer = json.loads(
        jakinib(
            "network", "sae", "-p", "atopic dermatitis", "--method", "iv", "-w", "Heads Up", "--json"
        ).stdout
    )
    assert fewer["k"] == 8 and "dupilumab-300-mg-q2w" in fewer["treatments"]


def test_several_populations_are_named():
    shown = jakinib("pairwise", "sae", "-t", "upadacitinib 30 mg qd").stdout
    assert "populations are analysed together: atopic dermatitis (" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("pairwise", "saee", "-t", "placebo"), "Did you mean 'sae'"),
        (("pairwise", "sae", "-p", "vitiligo"), "give --treatment, one of upadacitinib-11-mg-qd"),
        (("pairwise", "mace", "-t", "tofacitinib-5-mg-bid", "-p", "vitiligo"), "it has upadacitinib"),
        (("network", "sae", "-p", "covid-19"), "populations with such studies: "),
        (("network", "sae", "--period", "long-term"), "controlled or randomised"),
        (("network", "sae", "--method", "guess"), "'guess' is not one of iv"),
        (("network", "sae", "--dose", "placebo"), "'TREATMENT=DRUG:DOSE'"),
        (("pairwise",), "give an outcome"),
        (("pairwise", "sae", "--arms", "x.csv"), "leave out an outcome"),
        (("pairwise", "--arms", "no-such.csv"), "cannot be read"),
    ],
)
def test_what_cannot_be_answered_says_what_can(words, said):
    done = jakinib(*words, code=2)
    assert said in done.stderr and len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_any_spreadsheets_csv_is_read(tmp_path, mark, bom):
    path = tmp_path / "mine.csv"
    text = bom + "\n".join(
        ["Study,Treatment,Events,N", *TABLE.splitlines()[1:3], "", *TABLE.splitlines()[3:]]
    )
    path.write_text(text.replace(",", mark), encoding="utf-8")
    arms = read_arm_file(path)
    assert list(arms["events"]) == [1, 3, 0, 2, 4, 1] and list(arms.columns[:2]) == ["study", "treatment"]


def test_a_decimal_comma_stands_only_beside_semicolons(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("study;treatment;events;person_years\nA;x;1;10,5\nA;y;2;11,5\n")
    assert list(read_arm_file(path)["person_years"]) == [10.5, 11.5]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\xff\xfes\x00t\x00", "zero bytes"),
        (b"study,treatment,events,n\nA,caf\xe9,1,2\n", "not UTF-8 at byte"),
        (b"trial,treatment,events,n\nA,x,1,2\n", "line 1: no column 'study'"),
        (b"study,treatment,events,events\nA,x,1,2\n", "two columns are named 'events'"),
        (b"study,treatment,,n\nA,x,1,2\n", "column 3 has no name"),
        (b"study,treatment,events,n\nA,x,1\n", "line 2: 3 cells under 4 columns"),
        (b"study,treatment,events,n\n\nA,x,=1+1,2\n", "line 3, column 'events': '=1+1' is a spreadsheet"),
        (b"study,treatment,events,n\n=cmd(),x,1,2\n", "line 2, column 'study': '=cmd()' is a spreadsheet"),
        (b"study,treatment,events,n\nA,@x,1,2\n", "column 'treatment'"),
        (b'study,treatment,events,n\nA,x,"1,000",2000\n', "without thousands separators"),
        (b"study,treatment,events,n\nA,x,nan,2\n", "'nan' is not a number"),
        (b"study,treatment,events,n\nA,x,5,3\n", "line 2, column 'events': 5 persons"),
        (b"study,treatment,events,n\nA,x,,3\n", "line 2, column 'events'"),
        (b"study,treatment,events,n\n\nA,x,1,9\nA,x,2,9\n", "line 4, column 'treatment'"),
        (b"study,treatment,events,n\n", "no rows"),
        (b'study,treatment,events,n\n"A,x,1,2\n', "not a CSV table"),
    ],
)
def test_a_bad_file_is_refused_with_its_place_and_the_remedy(tmp_path, content, said):
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    with pytest.raises(EvidenceError) as caught:
        read_arm_file(path)
    assert said in str(caught.value) and str(caught.value).startswith("mine.csv")

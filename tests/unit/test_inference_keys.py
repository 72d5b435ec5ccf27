"""A key is taken without a question only where the name or the values say that it identifies something."""

from collections.abc import Callable
from pathlib import Path

import pytest

from logistics_pipeline.inference.answers import answered
from logistics_pipeline.inference.keys import NO_KEY
from logistics_pipeline.inference.proposal import Proposal
from logistics_pipeline.inference.propose import propose

ROWS = 60


def proposed(folder: Path, header: str, row: Callable[[int], str], rows: int = ROWS) -> Proposal:
    path = folder / "table.csv"
    path.write_text("\n".join([header, *map(row, range(rows))]) + "\n")
    return propose(path)


def candidates(proposal: Proposal) -> tuple[str, ...]:
    """The answers to the question about the key; none if there is no such question."""
    asked = [question for question in proposal.questions if question.kind == "key"]
    return asked[0].answers if asked else ()


def date(number: int) -> str:
    return f"2024-{1 + number // 28:02}-{1 + number % 28:02}"


# -- without a question ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [3, ROWS])
@pytest.mark.parametrize(
    ("header", "row", "key"),
    [
        ("payment,paid_on,litres,station", lambda i: f"P-{i + 1},{date(i)},{40 + i}.5,Ulm", ("payment",)),
        ("id,name", lambda i: f"{i + 1},depot {i % 7}", ("id",)),
        ("Beleg;Liter", lambda i: f"{i:04};{i % 9},5", ("beleg",)),
        ("amount,invoice_number", lambda i: f"{i % 9}.5,{i + 1}", ("invoice_number",)),
        ("Belegnr;Betrag", lambda i: f"{4711 + i};{i % 9},5", ("belegnr",)),
        ("tracking_code,weight", lambda i: f"{chr(65 + i % 26)}{i:03},{i % 9}", ("tracking_code",)),
        ("station,order_id,customer_id", lambda i: f"Ulm,{7000 + 3 * i},C{i}", ("order_id",)),
        ("id,uuid,name", lambda i: f"{i + 1},{i:08x}-1b,depot {i % 5}", ("id",)),
        ("reference,made", lambda i: f"{i * 37 % 1009:04},{date(0)}", ("reference",)),
    ],
)
def test_what_is_named_or_written_as_an_id(
    rows: int, header: str, row: Callable[[int], str], key: tuple[str, ...], tmp_path: Path
) -> None:
    proposal = proposed(tmp_path, header, row, rows)

    assert (proposal.key, candidates(proposal)) == (key, ())
    assert proposal.contract()["keyConfirmed"] is False


@pytest.mark.parametrize(
    ("header", "row", "key"),
    [
        (
            "trip_id,arrival_time,departure_time,stop_id,stop_sequence",
            lambda i: f"T{i // 6},{8 + i % 6:02}:00:00,{8 + i % 6:02}:01:00,S{(i // 6 + i % 6) % 11},{i % 6}",
            ("trip_id", "stop_sequence"),
        ),
        ("order_no,line_no,sku", lambda i: f"{9000 + i // 4},{1 + i % 4},A-{i % 4}", ("order_no", "line_no")),
        ("Pos;Belegnr;Artikel", lambda i: f"{10 + 10 * (i % 4):06};{700 + i // 4};A{i % 4}", ("belegnr", "pos")),
        ("tour_id,stop_number,town", lambda i: f"R{i // 5},{i % 5},town {i % 5}", ("tour_id", "stop_number")),
        (
            "customer_id,order_id,position",
            lambda i: f"C{i // 3},O{i // 3},{1 + i % 3}",
            ("order_id", "position"),
        ),
    ],
)
def test_a_number_that_counts_within_an_id_goes_before_other_pairs(
    header: str, row: Callable[[int], str], key: tuple[str, ...], tmp_path: Path
) -> None:
    proposal = proposed(tmp_path, header, row)

    assert (set(proposal.key), candidates(proposal)) == (set(key), ())


def test_a_station_and_its_day(tmp_path: Path) -> None:
    proposal = proposed(
        tmp_path, "station_id,station,day,mm", lambda i: f"S{i % 4},Ulm {i % 4},{date(i // 4)},{i % 9}.1"
    )

    assert (proposal.key, candidates(proposal)) == (("station_id", "day"), ())


# -- with a question -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [3, ROWS])
@pytest.mark.parametrize(
    ("header", "row", "answers"),
    [
        ("row,amount", lambda i: f"{i + 1},{i % 3}.5", ("row", NO_KEY)),
        ("Nr.;Betrag", lambda i: f"{i + 1};{i % 3},5", ("nr", NO_KEY)),
        ("#,amount", lambda i: f"{i},{i % 3}.5", ("no", NO_KEY)),
        (",amount", lambda i: f"{i},{i % 3}.5", ("column_1", NO_KEY)),
        ("line_no,amount", lambda i: f"{i + 1},{i % 3}.5", ("line_no", NO_KEY)),
        ("date,sales", lambda i: f"{date(i)},{i % 3}.5", ("date", NO_KEY)),
        ("at,celsius", lambda i: f"{date(i)}T08:00:00,{i % 3}.5", ("at", NO_KEY)),
        ("month,sales", lambda i: f"{2000 + i // 12}-{1 + i % 12:02},{i % 3}.5", ("month", NO_KEY)),
        ("zip,parcels", lambda i: f"{1067 + i:05},{i % 3}.5", ("zip", NO_KEY)),
        ("town,parcels", lambda i: f"{chr(65 + i // 26)}{chr(97 + i % 26)}dorf,{i % 3}.5", ("town", NO_KEY)),
        ("population,share", lambda i: f"{5000 + i * i},{i % 3}.5", ("population", NO_KEY)),
        ("depot,date,sales", lambda i: f"Ulm,{date(i)},{i % 3}.5", ("depot, date", "date", NO_KEY)),
        ("date,line,sales", lambda i: f"{date(7)},{i + 1},{i % 3}.5", ("date, line", "line", NO_KEY)),
        ("date,vehicle_id,km", lambda i: f"{date(7)},V-{i:03},{i % 3}.5", ("date, vehicle_id", "vehicle_id", NO_KEY)),
        ("town,order_id,invoice_id", lambda i: f"Ulm,O{i},I{i}", ("order_id", "invoice_id", NO_KEY)),
    ],
)
def test_what_other_files_may_have_again_is_asked(
    rows: int, header: str, row: Callable[[int], str], answers: tuple[str, ...], tmp_path: Path
) -> None:
    assert candidates(proposed(tmp_path, header, row, rows)) == answers


def test_several_pairs_that_are_as_good_are_asked(tmp_path: Path) -> None:
    proposal = proposed(
        tmp_path,
        "trip_id,stop_id,at",
        lambda i: f"T{i // 6},S{(i // 6 + i % 6) % 11},2024-05-01T{8 + i % 6:02}:{i // 6:02}:00",
    )

    answers = candidates(proposal)
    assert "trip_id, stop_id" in answers or "at" in answers
    assert len(answers) >= 2 and answers[-1] == NO_KEY


def test_a_pair_of_texts_is_asked(tmp_path: Path) -> None:
    names = ["Ada", "Cem", "Eli", "Ina", "Ole", "Uta", "Zoe"]
    proposal = proposed(tmp_path, "first,town", lambda i: f"{names[i % 7]},{'ABCDEFGHI'[i // 7]}dorf", 63)

    assert candidates(proposal) == ("first, town", NO_KEY)


def test_a_key_that_a_person_has_answered_is_confirmed(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, "depot,date,sales", lambda i: f"Ulm,{date(i)},{i % 3}.5")

    by_answer = {answer: answered(proposal, {"key": answer}).contract() for answer in candidates(proposal)}

    assert [each["schema"]["primaryKey"] for each in by_answer.values()] == [["depot", "date"], ["date"], []]
    assert not any("keyConfirmed" in each for each in by_answer.values())
    required = {each["name"] for each in by_answer["depot, date"]["schema"]["fields"] if "constraints" in each}
    assert {"depot", "date"} <= required


def test_a_measure_is_no_candidate(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, "town,litres,price", lambda i: f"Ulm,{i}.25,{100 + i}.5")

    assert (proposal.key, candidates(proposal)) == ((), ())


# -- a key that a few records lack -----------------------------------------------------------------------------------


def test_an_evident_key_that_few_records_lack_is_offered_first(tmp_path: Path) -> None:
    def row(number: int) -> str:
        reference = "" if number % 400 == 3 else f"{9_000_000 + 7 * number % 100_003}"
        return f"{reference};M-AB {number % 40};{date(number % 300)};{number // 40},5"

    proposal = proposed(tmp_path, "Transaktion-Nr.;Kennzeichen;Datum;Betrag", row, 2000)

    assert candidates(proposal)[0] == "transaktion_nr" and candidates(proposal)[-1] == NO_KEY
    (question,) = [each for each in proposal.questions if each.kind == "key"]
    assert "5 of 2,000 have none: with this key, a load rejects these" in question.text
    decided = answered(proposal, {"key": "transaktion_nr"}).contract()
    assert decided["schema"]["primaryKey"] == ["transaktion_nr"]
    assert decided["schema"]["fields"][0]["constraints"] == {"required": True}
    without = answered(proposal, {"key": NO_KEY}).contract()
    assert "constraints" not in without["schema"]["fields"][0]


@pytest.mark.parametrize("lacking", [60, 1000])
def test_a_number_that_many_records_lack_is_no_key(lacking: int, tmp_path: Path) -> None:
    def row(number: int) -> str:
        return f"{'' if number < lacking else 9_000_000 + 7 * number};{date(number % 300)};{number % 40}.5"

    proposal = proposed(tmp_path, "transaction_no;day;amount", row, 2000)

    assert not any("transaction_no" in each for each in candidates(proposal))

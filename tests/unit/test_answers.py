"""Answers to the questions of a proposal: what each makes of the contract, and which a file cannot be loaded by."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from logistics_core.catalogue.contract_files import contract_from_document
from logistics_pipeline.inference.answers import AnswerError, answered
from logistics_pipeline.inference.contract_text import contract_text
from logistics_pipeline.inference.proposal import Proposal
from logistics_pipeline.inference.propose import propose

Make = Callable[[str], Proposal]


@pytest.fixture
def proposed(tmp_path: Path) -> Make:
    def make(text: str, name: str = "fuel.csv") -> Proposal:
        path = tmp_path / name
        path.write_text(text)
        return propose(path)

    return make


def rows(*columns: Callable[[int], str], header: str, count: int = 60) -> str:
    return header + "\n" + "".join(";".join(column(i) for column in columns) + "\n" for i in range(count))


def keys(number: int) -> str:
    return f"K-{number:05}"


def field(proposal: Proposal, name: str) -> dict[str, Any]:
    return next(each for each in proposal.contract()["schema"]["fields"] if each["name"] == name)


def only(proposal: Proposal, kind: str) -> str:
    (found,) = [each.id for each in proposal.questions if each.kind == kind]
    return found


def test_the_order_of_dates_is_asked_once_for_all_columns(proposed: Make) -> None:
    def day(number: int) -> str:
        return f"{1 + number % 12:02}/{1 + number % 11:02}/2024"

    proposal = proposed(rows(keys, day, day, header="id;sent_date;paid_date"))
    question = only(proposal, "date_order")

    for answer, pattern in (("dmy", "%d/%m/%Y"), ("mdy", "%m/%d/%Y")):
        decided = answered(proposal, {question: answer})
        assert field(decided, "sent_date")["format"] == field(decided, "paid_date")["format"] == pattern
        assert question not in {each.id for each in decided.questions}
    as_text = answered(proposal, {question: "text"})
    assert field(as_text, "sent_date")["type"] == "string" and "format" not in field(as_text, "sent_date")
    assert field(proposal, "sent_date").get("format") is None, "nothing is decided before"


def test_timestamps_take_the_only_pattern_that_fits(proposed: Make) -> None:
    def moment(number: int) -> str:
        return f"{1 + number % 12:02}/{1 + number % 11:02}/2024 {number % 24:02}:{number % 60:02}"

    proposal = proposed(rows(keys, moment, header="id;seen_date"))
    decided = answered(proposal, {only(proposal, "date_order"): "mdy"})
    assert field(decided, "seen_date")["format"] == "%m/%d/%Y %H:%M"


@pytest.mark.parametrize(("answer", "decimal", "group"), [("decimal comma", ",", "."), ("decimal point", None, None)])
def test_the_decimal_character(proposed: Make, answer: str, decimal: str | None, group: str | None) -> None:
    proposal = proposed(rows(keys, lambda i: f"{1 + i % 9}.{i % 10}{i % 7}5", header="id;amount"))
    decided = answered(proposal, {only(proposal, "decimal_character"): answer})
    found = field(decided, "amount")
    assert (found["type"], found.get("decimalChar"), found.get("groupChar")) == ("number", decimal, group)


def test_a_number_that_may_mean_nothing(proposed: Make) -> None:
    proposal = proposed(rows(keys, lambda i: "-999" if i % 6 == 0 else f"{i % 5}.5", header="id;amount"))
    question = only(proposal, "missing_value")
    assert "-999" in field(answered(proposal, {question: "nothing"}), "amount")["missingValues"]
    assert "missingValues" not in field(answered(proposal, {question: "a value"}), "amount")


def test_odd_values_among_numbers(proposed: Make) -> None:
    proposal = proposed(rows(keys, lambda i: "ask Bob" if i == 7 else f"{i}.25", header="id;amount", count=200))
    question = only(proposal, "odd_value")
    assert field(proposal, "amount")["type"] == "string"

    nothing = field(answered(proposal, {question: "nothing"}), "amount")
    assert nothing["type"] == "number" and "ask Bob" in nothing["missingValues"]
    rejected = field(answered(proposal, {question: "rejected"}), "amount")
    assert rejected["type"] == "number" and "ask Bob" not in rejected.get("missingValues", [])
    assert field(answered(proposal, {question: "text"}), "amount")["type"] == "string"


def test_codes_that_may_be_dates(proposed: Make) -> None:
    proposal = proposed(rows(keys, lambda i: f"{1 + i % 12:02}-{1 + i % 12:02}-{70 + i % 9}", header="id;mark"))
    question = only(proposal, "is_date")
    assert field(answered(proposal, {question: "text"}), "mark")["type"] == "string"
    as_date = field(answered(proposal, {question: "dmy"}), "mark")
    assert (as_date["type"], as_date["format"]) == ("date", "%d-%m-%y")


def test_the_key_and_none(proposed: Make) -> None:
    proposal = proposed("thing;day\nA;2024-01-01\nB;2024-01-02\nC;2024-01-03\n")
    question = only(proposal, "key")
    with_key = answered(proposal, {question: "thing"}).contract()
    assert with_key["schema"]["primaryKey"] == ["thing"]
    without = answered(proposal, {question: "no key"})
    assert without.contract()["schema"]["primaryKey"] == [] and "constraints" not in field(without, "thing")


def test_the_time_column(proposed: Make) -> None:
    proposal = proposed(
        rows(keys, lambda i: f"2024-01-{1 + i % 28:02}", lambda i: f"2024-02-{1 + i % 28:02}", header="id;made;sent")
    )
    decided = answered(proposal, {only(proposal, "time_column"): "sent"})
    assert decided.contract()["datedBy"] == {"field": "sent"}
    assert field(decided, "sent")["role"] == "time"


def test_the_header_stays_decided_in_the_dialect(proposed: Make) -> None:
    proposal = proposed("alpha;beta\ngamma;delta\nepsilon;zeta\n")
    question = only(proposal, "header")
    answer = "header" if proposal.dialect is not None and proposal.dialect.has_header else "record"
    decided = answered(proposal, {question: answer})
    assert decided.contract()["dialect"] == {"delimiter": ";", "header": answer == "header"}
    other = "record" if answer == "header" else "header"
    assert any("first row" in each for each in answered(proposal, {question: other}).obstacles())


def test_an_answer_that_no_file_can_be_loaded_by_is_an_obstacle_with_what_to_do(proposed: Make) -> None:
    proposal = proposed(rows(keys, lambda i: str(1_700_000_000 + i), header="id;seen"))
    question = only(proposal, "epoch")
    decided = answered(proposal, {question: "time in seconds since 1970"})
    assert any('answer "number"' in each for each in decided.obstacles())
    assert not any("1970" in each for each in answered(proposal, {question: "number"}).obstacles())


def test_a_wrong_answer_lists_the_right_ones(proposed: Make) -> None:
    proposal = proposed(rows(keys, lambda i: str(1_700_000_000 + i), header="id;seen"))
    with pytest.raises(AnswerError, match='Answer one of: "number", "time in seconds since 1970", "text"'):
        answered(proposal, {only(proposal, "epoch"): "yes"})
    with pytest.raises(AnswerError, match="The questions are: epoch:seen"):
        answered(proposal, {"other": "yes"})


def test_the_text_of_an_answered_contract_is_a_contract(proposed: Make) -> None:
    proposal = proposed("alpha;beta\ngamma;delta\nepsilon;zeta\n")
    for question in proposal.questions:
        for answer in question.answers:
            decided = answered(proposal, {question.id: answer})
            text = contract_text(decided)
            assert yaml.safe_load(text) == decided.contract()
            contract_from_document(yaml.safe_load(text), "the contract")


def test_a_total_is_rejected_where_it_lacks_what_every_other_row_has(proposed: Make) -> None:
    def day(number: int) -> str:
        return f"2024-06-{1 + number % 30:02}"

    text = rows(keys, day, str, str, header="id;day;litres;note") + "Total;;1770;\n"
    proposal = proposed(text)
    question = only(proposal, "total")
    total = answered(proposal, {question: "a total"})
    assert not total.obstacles() and not total.questions
    assert field(total, "day")["constraints"]["required"] and field(total, "note")["constraints"]["required"]
    record = answered(proposal, {question: "a record"})
    assert not record.obstacles() and not field(record, "day").get("constraints", {}).get("required")


def test_a_total_that_lacks_nothing_is_in_the_way(proposed: Make) -> None:
    proposal = proposed(rows(keys, str, header="id;litres") + "Total;1770\n")
    total = answered(proposal, {only(proposal, "total"): "a total"})
    assert "remove it from the file" in "".join(total.obstacles())


# -- few cells that break a column -----------------------------------------------------------------------------------


def money(number: int) -> str:
    """German, but for 4 cells of 2,000."""
    return (
        f"{1 + number % 9},{100 + number % 800}.50"
        if number % 500 == 7
        else f"{1 + number % 9}.{100 + number % 800},50"
    )


def test_few_numbers_in_another_notation_can_be_rejected(proposed: Make) -> None:
    proposal = proposed(rows(keys, money, header="id;amount", count=2000))
    (question,) = proposal.questions
    assert (question.id, question.cells, question.answers) == ("number_format:amount", 4, ("text", "rejected"))

    amount = field(answered(proposal, {question.id: "rejected"}), "amount")
    assert (amount["type"], amount["decimalChar"], amount["groupChar"]) == ("number", ",", ".")
    assert field(answered(proposal, {question.id: "text"}), "amount")["type"] == "string"


def test_numbers_in_many_notations_are_text_and_no_answer_is_offered_that_is_refused(proposed: Make) -> None:
    proposal = proposed(rows(keys, lambda i: f"1,{100 + i}.5" if i % 2 else f"1.{100 + i},5", header="id;amount"))
    (question,) = proposal.questions
    assert question.answers == ("text",)
    assert "Correct the file" in question.text
    assert answered(proposal, {question.id: "text"}).obstacles() == []


def test_records_are_dated_by_the_column_whose_bad_dates_are_rejected(proposed: Make) -> None:
    proposal = proposed(rows(keys, lambda i: "31.02.2024" if i == 9 else f"{1 + i % 28:02}.03.2024", header="id;Datum"))
    assert "datedBy" not in proposal.contract()

    rejected = answered(proposal, {only(proposal, "odd_value"): "rejected"})
    assert rejected.contract()["datedBy"] == {"field": "datum"}
    assert field(rejected, "datum")["constraints"] == {"required": True}
    assert rejected.notes == proposal.notes

    nothing = answered(proposal, {only(proposal, "odd_value"): "nothing"})
    assert "datedBy" not in nothing.contract()
    assert any("has no days" in each and "datedBy: {field: datum}" in each for each in nothing.notes)


def test_a_column_of_days_with_gaps_says_that_there_are_no_days(proposed: Make) -> None:
    proposal = proposed(rows(keys, lambda i: "" if i == 9 else f"2024-03-{1 + i % 28:02}", header="id;day"))
    assert "datedBy" not in proposal.contract()
    assert any("has no days" in each for each in proposal.notes)

"""What is proposed is what a load then does: every value of the file is accepted, and read alike."""

from pathlib import Path

import pytest

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.contract_files import contract_from_document
from logistics_pipeline.inference.answers import answered
from logistics_pipeline.inference.propose import propose
from logistics_pipeline.loading.formats.reader import Checkpoint, detect_format
from logistics_pipeline.loading.parse.parsers import ReadTask, read_chunks


def loaded(path: Path, dataset: Dataset) -> tuple[list[str], list[str]]:
    """The values of the second column as COPY text, and why records were rejected."""
    layout = detect_format(path, dataset, Catalogue({dataset.name: dataset}), 1 << 20).layout
    chunks = list(read_chunks(ReadTask(path, dataset, layout, 7, Checkpoint(), None, 1 << 20, 1 << 20)))
    rows = [line.split("\t") for chunk in chunks for line in chunk.text.decode().splitlines()]
    rows.sort(key=lambda row: int(row[-2]))
    return [row[1] for row in rows], [each.rejection.reason for chunk in chunks for each in chunk.rejects]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["12,5", "3,25", "7"], ["12.5", "3.25", "7"]),
        (["1.234,56", "17,25"], ["1234.56", "17.25"]),
        (["1,234.56", "17.25"], ["1234.56", "17.25"]),
        (["$1,234.56", "$17.25"], ["1234.56", "17.25"]),
        (["3.20 EUR", "4 EUR"], ["3.20", "4"]),
        (["3,20 \u20ac", "1.017,25 \u20ac"], ["3.20", "1017.25"]),
        (["1 234 kr", "17 kr"], ["1234", "17"]),
        (["1'234.50", "12.25"], ["1234.50", "12.25"]),
        (["1\u00a0234,5", "12,25"], ["1234.5", "12.25"]),
        (["12.5%", "-3 %"], ["12.5", "-3"]),
        (["12,5%", "1.003,5 %"], ["12.5", "1003.5"]),
        (["12.5", "k.A.", "NA", ""], ["12.5", "\\N", "\\N", "\\N"]),
        (["1.5e-05", "2.25"], ["0.000015", "2.25"]),
        (["2024-01-31", "2024-02-01"], ["2024-01-31", "2024-02-01"]),
        (["31.01.2024", "01.02.2024", "n/a"], ["2024-01-31", "2024-02-01", "\\N"]),
        (["01/02/2024", "12/25/2024"], ["2024-01-02", "2024-12-25"]),
        (["9-Jan-24", "17-Mar-24"], ["2024-01-09", "2024-03-17"]),
        (["20240131", "20240201", "20231224"], ["2024-01-31", "2024-02-01", "2023-12-24"]),
        (["007", "12"], ["007", "12"]),
        (["3E7", "1E2"], ["3E7", "1E2"]),
        (["NA", "DE"], ["NA", "DE"]),
        (["1.12.45", "2.3.41"], ["1.12.45", "2.3.41"]),
        (["12", "-3", "+4", "0"], ["12", "-3", "4", "0"]),
        (["1,234,567", "12"], ["1234567", "12"]),
        (["1.234.567", "12"], ["1234567", "12"]),
        (["yes", "no", "YES"], ["t", "f", "t"]),
        (["Ja", "nein", "JA", "NA"], ["t", "f", "t", "\\N"]),
        (["True", "false"], ["t", "f"]),
        (["2024-03-05T14:30:15", "2024-03-06 00:00:00.5"], ["2024-03-05 14:30:15", "2024-03-06 00:00:00.500000"]),
        (["2024-03-05 14:30", "NULL"], ["2024-03-05 14:30:00", "\\N"]),
        (["2024-03-05T14:30Z", "2024-03-05T14:30:00+0200"], ["2024-03-05 14:30:00+00:00", "2024-03-05 12:30:00+00:00"]),
        (["31/01/2024 14:30", "02/01/2024 9:05"], ["2024-01-31 14:30:00", "2024-01-02 09:05:00"]),
        (["1/31/2024 2:30 PM", "1/2/2024 12:05 AM"], ["2024-01-31 14:30:00", "2024-01-02 00:05:00"]),
        (["5 Mar 2024 14:30", "6 Mar 2024 09:00"], ["2024-03-05 14:30:00", "2024-03-06 09:00:00"]),
        (["8:15", "14:30", "24:00"], ["08:15:00", "14:30:00", "24:00:00"]),
        (["2:30 PM", "11:00 am"], ["14:30:00", "11:00:00"]),
        (["25:10:00", "08:15:00"], ["25:10:00", "08:15:00"]),
        (["PT1H30M", "P1DT2H"], ["01:30:00", "1 days 02:00:00"]),
        (["2 days, 3:04:05", "1 day, 0:00:00"], ["2 days 03:04:05", "1 days"]),
        (["1h 30m", "45m 10s"], ["01:30:00", "00:45:10"]),
        (["2024-03", "2023-12"], ["2024-03", "2023-12"]),
        (['{"a": 1}', "{}"], ['{"a": 1}', "{}"]),
        (["[1, 2]", "[]"], ["[1, 2]", "[]"]),
        (["03/02/2024", "31/01/2024"], ["2024-02-03", "2024-01-31"]),
    ],
)
def test_a_load_by_the_proposed_contract_takes_every_value(
    tmp_path: Path, texts: list[str], expected: list[str]
) -> None:
    path = tmp_path / "things.csv"
    path.write_text("".join(["id|value\n", *(f"K{number}|{text}\n" for number, text in enumerate(texts))]))

    proposal = propose(path)
    assert proposal.obstacles() == []
    dataset = contract_from_document(proposal.contract(), "things.yaml")

    assert loaded(path, dataset) == (expected, [])


@pytest.mark.parametrize(
    ("usual", "stray", "value"),
    [("1.{},50", "1,234.50", "1{}.50"), ("1,{}.50", "1.234,50", "1{}.50"), ("1{}.50", "1.234,50", "1{}.50")],
)
def test_numbers_in_another_notation_are_rejected_if_a_person_says_so(
    usual: str, stray: str, value: str, tmp_path: Path
) -> None:
    path = tmp_path / "fees.csv"
    texts = [stray if number == 70 else usual.format(100 + number) for number in range(200)]
    path.write_text("id;fee\n" + "".join(f"F-{number};{text}\n" for number, text in enumerate(texts)))
    proposal = answered(propose(path), {"number_format:fee": "rejected"})

    values, reasons = loaded(path, contract_from_document(proposal.contract(), "fees.yaml"))

    assert values == [value.format(100 + number) for number in range(200) if number != 70]
    (reason,) = reasons
    assert stray in reason

"""Texts that Excel writes as formulas, to keep the zeros of an id: they are kept as they are written, and noted."""

from pathlib import Path

import pytest

from tests.unit.test_pages import read_file


@pytest.mark.parametrize("written", ['="00123"', '"=""00123"""', ' ="00123"'], ids=["bare", "quoted", "blank before"])
@pytest.mark.parametrize("chunk_bytes", [10, 100_000])
def test_a_text_that_excel_writes_as_a_formula_is_kept_and_noted(
    tmp_path: Path, written: str, chunk_bytes: int
) -> None:
    rows = [
        "vehicle_id,name,total_mileage,other",
        "v1,n,1,x",
        f'{written},n,1,"=""7"""',
        f"v4,{written},1,x",
        "v5,n,1,x",
    ]
    content = "\n".join(rows) + "\n"

    chunks = read_file(tmp_path / "f", content.encode(), chunk_bytes=chunk_bytes)

    notes = [note for chunk in chunks for note in chunk.notes if "formulas" in note]
    assert [note.split(" are ")[0] for note in notes] == ["Values in vehicle_id", "Values in name"]
    assert b'="00123"\tn\t1' in b"".join(chunk.text for chunk in chunks)
    assert not [reject for chunk in chunks for reject in chunk.rejects]


@pytest.mark.parametrize("value", ["=1+2", '"a=""b"""', '"="""', "x", '"say ""=""x"""'])
def test_other_texts_are_no_formulas(tmp_path: Path, value: str) -> None:
    chunks = read_file(tmp_path / "f", f"vehicle_id,name\nv1,{value}\n".encode())
    assert not [note for chunk in chunks for note in chunk.notes]

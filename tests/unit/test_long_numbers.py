"""ijson crashes on an integer of more digits than Python takes, and the process with it: none gets there."""

from logistics_pipeline.inference.json_tables import _first_array


def test_the_records_before_a_number_of_thousands_of_digits_are_proposed_from() -> None:
    text = b'{"data": [{"a": 1}, {"a": 2}, {"a": ' + b"9" * 6_000 + b"}]}"
    assert _first_array(text) == (("data",), [{"a": 1}, {"a": 2}])

"""What may be the same thing: codes by letters and digits, names by how alike they are."""

import pytest

from logistics_core.catalogue.identities import Comparison, MatchRule
from logistics_pipeline.identities import matching
from logistics_pipeline.identities.matching import Master, Unknown, code_of, find_matches

PLATE = MatchRule("same_plate", "plate", Comparison.CODE, 100.0, accepts=False)
NAME = MatchRule("near_name", "name", Comparison.NAME, 92.0, accepts=False)


def matches(rule: MatchRule, text: str, *known: str, said: bool = False) -> list[tuple[str, float]]:
    masters = [Master(f"T{number}", {rule.field: value}) for number, value in enumerate(known)]
    unknown = Unknown("fuelco", "F-1", {rule.field: text}, {rule.field: "card"}) if said else Unknown("fuelco", text)
    return [(each.key, each.similarity) for each in find_matches([rule], [unknown], masters, "truck")]


@pytest.mark.parametrize("text", ["W-1234", "w 1234", "W.12-34", "Ｗ１２３４", " w1234 "])
def test_the_way_a_plate_is_written_does_not_matter(text: str) -> None:
    assert code_of(text) == "w1234"
    assert matches(PLATE, text, "W 1234", "W 1235") == [("T0", 100.0)]


def test_umlauts_are_letters_and_do_not_become_others() -> None:
    assert code_of("KÖ-AB 1") == "köab1" != code_of("KO-AB 1")


def test_short_codes_match_only_if_they_are_written_the_same() -> None:
    assert matches(PLATE, "7", "7") == [("T0", 100.0)]
    assert matches(PLATE, "7-", "7") == []
    assert matches(PLATE, "--", "-") == []


def test_words_in_another_order_and_slips_are_near() -> None:
    assert matches(NAME, "whale, BLUE 1", "Blue Whale 1") == [("T0", 100.0)]
    ((key, similarity),) = matches(NAME, "Gray Heron North", "Grey Heron North", "Red Fox")
    assert key == "T0" and 92 <= similarity < 100
    assert matches(NAME, "Blue Whale 1", "Blue Whale 2", "Whale") == [] or matches(NAME, "Red Fox", "Grey Heron") == []
    assert matches(NAME, "…", "Grey Heron") == []


def test_what_records_say_is_compared_instead_of_the_id() -> None:
    assert matches(PLATE, "W-1234", "w1234", said=True) == [("T0", 100.0)]
    silent = Unknown("fuelco", "W-1234", {}, {"plate": "card"})
    assert find_matches([PLATE], [silent], [Master("T", {"plate": "W-1234"})], "truck") == []


def test_a_pair_is_suggested_once_and_a_rule_that_decides_comes_first() -> None:
    deciding = MatchRule("same_code", "plate", Comparison.CODE, 100.0, accepts=True)
    masters = [Master("T", {"plate": "W 1234"})]
    (found,) = find_matches([PLATE, deciding], [Unknown("fuelco", "W-1234")], masters, "truck")
    assert found.rule is deciding


def test_evidence_is_a_sentence() -> None:
    (found,) = find_matches([PLATE], [Unknown("fuelco", "W-1234")], [Master("T", {"plate": "W-1234"})], "truck")
    assert found.evidence == (
        "fuelco W-1234: the id is 'W-1234', the plate of truck T is 'W-1234'; they are written the same."
    )


def test_only_so_many_pairs_of_names_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "MOST_PAIRS", 4)
    unknown = [Unknown("fuelco", f"Blue Whale {number}") for number in range(9)]
    masters = [Master("A", {"name": "Blue Whale 8"}), Master("B", {"name": "Blue Whale 0"})]
    found = find_matches([MatchRule("n", "name", Comparison.NAME, 100.0, False)], unknown, masters, "truck")
    assert [each.key for each in found] == ["B"]

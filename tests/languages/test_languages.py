"""Catalogues hold what programs say, and messages are told in them."""

import string
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import vl_convert
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from logistics_core.charts import picture
from logistics_core.languages import translating
from logistics_core.languages.chart_words import chart_words
from logistics_core.languages.sentences import Sentence, document_of, joined, sentence_of
from logistics_core.languages.translating import ENGLISH, language_named, languages
from tests.languages.patterns import Pattern, patterns, places

FOLDER = Path(translating.__file__).parent
OTHERS = [code for code in languages() if code != ENGLISH]


def entries(code: str) -> dict[Pattern, tuple[str, ...]]:
    with (FOLDER / f"{code}.po").open("rb") as file:
        catalogue = read_po(file, locale=code)
    found: dict[Pattern, tuple[str, ...]] = {}
    for each in catalogue:
        if each.id:
            is_plural = isinstance(each.id, tuple | list)
            found[(each.id[0], each.id[1]) if is_plural else (str(each.id), None)] = (
                tuple(each.string) if is_plural else (str(each.string),)
            )
    return found


def test_german_is_one_of_the_languages() -> None:
    assert languages() == [ENGLISH, *OTHERS] and "de" in OTHERS


@pytest.mark.parametrize("code", OTHERS)
def test_a_catalogue_has_all_that_programs_say_and_nothing_else(code: str) -> None:
    known, said = entries(code).keys(), patterns()
    assert not sorted(said - known, key=str), "missing"
    assert not sorted(known - said, key=str), "said by nobody"


@pytest.mark.parametrize("code", OTHERS)
def test_translations_have_the_places_of_their_pattern(code: str) -> None:
    for (one, several), strings in entries(code).items():
        for pattern, text in zip((one, several or one), strings if several else strings * 2, strict=True):
            assert text, f"{pattern} is not translated"
            assert set(places(text)) == set(places(pattern)), text


def test_a_sentence_is_told_with_plurals_numbers_and_dates_as_they_are_written() -> None:
    german = language_named("de")
    assert german.say(
        Sentence("{count} more is in the dashboard.", "{count} more are in the dashboard.", count=1234)
    ) == ("1.234 weitere sind im Dashboard.")
    assert german.say(Sentence("{count} more is in the dashboard.", "{count} more are in the dashboard.", count=1)) == (
        "1 weiteres ist im Dashboard."
    )
    share = Sentence(
        "{rejected} of {read} records of {file} were rejected ({share:percent})",
        rejected=1200, read=10_000, file="a {b}.csv", share=0.12,
    )  # fmt: skip
    assert share == "1,200 of 10,000 records of a {b}.csv were rejected (12.0%)"
    assert german.say(share) == "1.200 von 10.000 Sätzen von a {b}.csv wurden abgelehnt (12,0 %)"
    days = Sentence("{start:day} to {end:day}", start="2026-02-01", end="2026-02-07")
    assert days == "2026-02-01 to 2026-02-07" and german.say(days) == "01.02.2026 bis 07.02.2026"
    assert (
        german.say(Sentence("Over: {title}", title=Sentence("A file has failed")))
        == "Vorbei: Eine Datei ist fehlgeschlagen"
    )
    moment = datetime(2026, 11, 30, 7, 15, tzinfo=UTC).astimezone(ZoneInfo("Europe/Berlin"))
    assert german.time(moment) == "30.11.2026, 08:15 CET"
    assert language_named(ENGLISH).time(moment) == "30 Nov 2026 08:15 CET"


@pytest.mark.parametrize(
    ("digits", "english", "german"),
    [
        ("12345.60", "12,345.60", "12.345,60"),
        ("-0.00123", "-0.00123", "-0,00123"),
        ("7", "7", "7"),
        ("123456789012345678901.05", "123,456,789,012,345,678,901.05", "123.456.789.012.345.678.901,05"),
    ],
)
def test_all_digits_of_a_decimal_are_told(digits: str, english: str, german: str) -> None:
    sentence = Sentence("{price:decimal}", price=digits)
    assert sentence == english
    assert language_named("de").say(sentence_of(document_of(sentence))) == german


def test_charts_are_drawn_with_the_months_and_numbers_of_a_language() -> None:
    rows = [
        {"begins": f"2026-{month:02}-01", "next": f"2026-{month + 1:02}-01", "lower": 0, "upper": month * 500_000.0}
        for month in range(1, 7)
    ]
    drawn = {
        code: vl_convert.vegalite_to_svg(picture("metric_periods", rows, words=chart_words(language_named(code))))
        for code in ("en", "de")
    }
    assert drawn["en"] == vl_convert.vegalite_to_svg(picture("metric_periods", rows))
    assert ">1 Mar<" in drawn["en"] and ">0.5M<" in drawn["en"]
    assert ">1. März<" in drawn["de"] and ">0,5 Mio.<" in drawn["de"]


def test_what_has_no_translation_and_languages_that_there_are_not_are_english() -> None:
    german, unknown = language_named("de"), language_named("tlh")
    assert german.say("Revenue of an origin has fallen") == "Revenue of an origin has fallen"
    assert german.say("") == "" and unknown.code == ENGLISH
    assert unknown.say(Sentence("Over: {title}", title="x")) == "Over: x"


_TEXTS = st.text(alphabet=string.ascii_letters + "{}:%\0\ud800\n é", max_size=20)


@given(values=st.dictionaries(st.sampled_from("abc"), _TEXTS | st.integers() | st.floats(allow_nan=False), max_size=3))
def test_sentences_survive_the_database_whatever_stands_in_them(values: dict[str, object]) -> None:
    sentence = joined([Sentence("{a} and {b:x}", arguments=values), "{c}"])
    again = sentence_of(document_of(sentence))
    assert isinstance(again, Sentence)
    assert again == str(sentence).replace("\0", "").encode("utf-8", "replace").decode()
    assert language_named("de").say(again) is not None

"""Running means of durations: nothing is used before it was known; intervals hold; a version says the same."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics_core.catalogue.models import DURATION, DeclaredModel
from logistics_core.models.artefacts import ArtefactError, check_artefact, digest_of
from logistics_core.models.durations import InputError, read_duration, write_duration
from logistics_pipeline.models import backtesting
from logistics_pipeline.models.arrays import Durations, KnownSums
from logistics_pipeline.models.backtesting import PROBABILITIES, TooFewRecords, judge, pinball
from logistics_pipeline.models.learning import duration_document
from logistics_pipeline.models.running_means import SETTINGS, Setting, Sums, medians_of_groups
from tests.models.histories import durations, history

MODEL = DeclaredModel("hours", DURATION, "hours", ("from", "to"))
SETTING = Setting(None, 4.0, True)


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(1, 30), st.booleans()), min_size=1, max_size=40
    ),
    st.sampled_from([None, 1, 3]),
)
def test_sums_are_over_what_was_known_and_over_nothing_else(
    found: list[tuple[int, int, int, bool]], window: int | None
) -> None:
    group = np.array([each[0] for each in found])
    at = np.array([float(each[1]) for each in found])
    known = np.array([each[1] + each[2] if each[3] else np.inf for each in found], dtype=float)
    values = np.arange(1.0, len(found) + 1)
    number, total = KnownSums(group, known, at).of(values, window)
    for row in range(len(found)):
        before = [other for other in range(len(found)) if group[other] == group[row] and known[other] <= at[row]]
        before.sort(key=lambda other: known[other])
        if window is None:
            assert (number[row], total[row]) == (len(before), values[before].sum())
        else:
            assert number[row] == min(window, len(before))
            ends = known[before[-window:]]
            if len(set(known[before].tolist())) == len(before):  # else any of those that ended together may count
                assert total[row] == values[before[-window:]].sum(), ends


@pytest.mark.parametrize("setting", [SETTING, Setting(10, 1.0, False)])
def test_what_happens_later_changes_no_prediction(setting: Setting) -> None:
    whole = history(1500)
    found = backtesting.expect(whole, Sums(whole), setting)
    predicted = backtesting.predict(whole, found.mean, found.spread)
    moment = float(whole.started[900])
    changed = replace(whole, value=np.where(whole.known > moment, whole.value * 50, whole.value))
    changed = replace(changed, known=np.where(whole.known > moment, whole.started + changed.value, whole.known))
    assert (changed.value != whole.value).sum() > 500
    again = backtesting.expect(changed, Sums(changed), setting)
    other = backtesting.predict(changed, again.mean, again.spread)
    until = slice(0, 901)
    assert found.mean[until] == pytest.approx(again.mean[until], rel=1e-9, nan_ok=True)
    assert predicted.quantiles()[until] == pytest.approx(other.quantiles()[until], nan_ok=True)


def test_a_group_is_shrunk_towards_what_its_fields_say() -> None:
    whole = history(3000, sigma=0.1)
    found = backtesting.expect(whole, Sums(whole), SETTING)
    true = 2.0 + np.linspace(0, 1.5, 12)[whole.group]
    late = slice(2000, 3000)
    assert np.abs(found.mean[late] - true[late]).max() < 0.05
    # One route has a single record: it is expected to be what its places say, not what that record was.
    lonely = durations(
        [*np.arange(0, 1000.0), 2000.0, 2600.0],
        [*np.exp(np.tile([1.0, 2.0, 3.0], 334)[:1000]), 500.0, 1.0],
        [*np.tile([0, 1, 4], 334)[:1000], 5, 5],
        12,
    )
    expected = backtesting.expect(lonely, Sums(lonely), SETTING).mean
    assert expected[-2] == pytest.approx(3.0, abs=0.1)  # the mean is 2, from 1 says nothing, to 1 says one more
    assert expected[-2] < expected[-1] < np.log(500)


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "growth"), [(1, 0.0), (2, 0.0), (2, 1.0), (3, 1.0)])
def test_intervals_hold_what_they_say(seed: int, growth: float) -> None:
    whole = history(4000, seed=seed, growth=growth, dated=seed == 2)
    parts, sums = backtesting.split(whole), Sums(whole)
    setting = backtesting.choose_setting(whole, sums, parts.before)
    found = backtesting.expect(whole, sums, setting)
    predicted = backtesting.predict(whole, found.mean, found.spread)
    overall = backtesting.overall(backtesting.scores(whole, predicted, np.full(4000, np.nan), parts))
    assert overall["records"] == 800
    assert 0.87 <= overall["coverage_90"] <= 0.93
    assert 0.76 <= overall["coverage_80"] <= 0.84
    assert overall["error"] < overall["naive_error"] * (1.02 if growth == 0 else 0.97)


def test_the_risk_of_being_late_is_how_often_it_happens() -> None:
    whole = history(6000, seed=5)
    found = backtesting.expect(whole, Sums(whole), SETTING)
    predicted = backtesting.predict(whole, found.mean, found.spread)
    rows = np.arange(2000, 6000)
    promise = np.exp(found.mean) * np.where(np.arange(6000) % 2, 1.4, 0.9)
    risk = predicted.late_risk(promise)[rows]
    late = whole.value[rows] > promise[rows]
    assert late.mean() == pytest.approx(risk.mean(), abs=0.02)
    for lower, upper in ((0.0, 0.3), (0.3, 1.0)):
        part = (risk >= lower) & (risk < upper)
        assert part.sum() > 500
        assert late[part].mean() == pytest.approx(risk[part].mean(), abs=0.05)


@pytest.mark.parametrize("setting", SETTINGS[::5])
def test_a_version_says_what_the_running_means_say_of_the_next_record(setting: Setting) -> None:
    whole = history(800, seed=9)
    # The next record of each route begins when all others are over.
    asked = durations(
        [*whole.started, *np.full(12, 1e6)], [*whole.value, *np.full(12, np.nan)], [*whole.group, *range(12)], 12
    )
    found = backtesting.expect(asked, Sums(asked), setting)
    predicted = backtesting.predict(asked, found.mean, found.spread)
    document = duration_document(asked, MODEL, "h", setting, found, predicted)
    model = read_duration(write_duration(document))
    expected = predicted.quantiles()[-12:]
    for route in range(12):
        said = model.of_group(asked.groups[route])
        assert said.quantiles == pytest.approx(expected[route].tolist(), rel=0.02), route
        assert said.seen == (whole.group == route).sum()
    medians, _ = medians_of_groups(whole, np.isfinite(whole.known))
    assert [model.of_group(asked.groups[route]).naive for route in range(12)] == [medians[route] for route in range(12)]


def test_a_group_that_was_never_seen_has_what_its_fields_say() -> None:
    document, model = _version()
    said = model.of_group(("from 1", "to 0"))
    other = model.of_group(("from 1", "nowhere"))
    unknown = model.of_group(("nowhere", "nowhere"))
    assert other.seen == unknown.seen == 0
    assert other.quantiles[3] > said.quantiles[3]  # to 0 is the nearest
    middle = PROBABILITIES.index(0.5)
    assert unknown.quantiles[middle] == pytest.approx(np.exp(document.mean), rel=0.1)
    assert list(said.quantiles) == sorted(said.quantiles)


@cache
def _version():  # type: ignore[no-untyped-def]
    whole = history(600, seed=4)
    found = backtesting.expect(whole, Sums(whole), SETTING)
    predicted = backtesting.predict(whole, found.mean, found.spread)
    document = duration_document(whole, MODEL, "h", SETTING, found, predicted)
    return document, read_duration(write_duration(document))


def test_inputs_are_checked_by_name() -> None:
    _, model = _version()
    assert model.predict({"from": "from 1", "to": None}).seen == 0
    with pytest.raises(InputError, match=r"^to: it is missing"):
        model.predict({"from": "from 1"})
    with pytest.raises(InputError, match=r"^to is list"):
        model.predict({"from": "from 1", "to": []})


def test_artefacts_are_the_same_bytes_and_checked() -> None:
    document, _ = _version()
    content = write_duration(document)
    assert content == write_duration(document)
    check_artefact(content, digest_of(content), "version 1")
    with pytest.raises(ArtefactError, match="was changed"):
        check_artefact(content + b" ", digest_of(content), "version 1")


@given(st.binary(max_size=300))
def test_no_bytes_are_taken_for_a_version_that_is_none(content: bytes) -> None:
    with pytest.raises(ArtefactError):
        read_duration(content)


@given(st.data())
def test_damaged_documents_are_refused_or_still_say_numbers(data: st.DataObject) -> None:
    document, _ = _version()
    content = bytearray(write_duration(document))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        model = read_duration(bytes(content))
    except ArtefactError:
        return
    said = model.of_group(("from 1", "to 0"))
    assert all(each >= 0 for each in said.quantiles)


def test_too_few_records_are_none_to_learn_from() -> None:
    with pytest.raises(TooFewRecords, match="99 records are finished, and at least 100"):
        backtesting.split(history(99))


def test_records_that_are_not_finished_are_neither_learnt_from_nor_tested() -> None:
    whole = history(1000)
    open_ = np.arange(1000) % 3 == 0
    part = replace(whole, value=np.where(open_, np.nan, whole.value), known=np.where(open_, np.inf, whole.known))
    tested = np.concatenate(backtesting.split(part).windows)
    assert not open_[tested].any()
    found = backtesting.expect(part, Sums(part), SETTING)
    finished = _of(part, ~open_)
    alone = backtesting.expect(finished, Sums(finished), SETTING)
    assert found.mean[~open_] == pytest.approx(alone.mean, nan_ok=True)


def _of(whole: Durations, rows: np.ndarray) -> Durations:
    return durations(whole.started[rows], whole.value[rows], whole.group[rows], 12)


def test_pinball_loss_is_lowest_at_the_true_quantiles() -> None:
    actual = np.random.default_rng(3).lognormal(size=20_000)
    true = np.quantile(actual, PROBABILITIES)
    best = pinball(np.tile(true, (len(actual), 1)), actual).mean()
    for factor in (0.8, 0.95, 1.05, 1.2):
        assert pinball(np.tile(true * factor, (len(actual), 1)), actual).mean() > best


def _windows(*losses: float) -> list[dict[str, float]]:
    return [{"pinball": each} for each in losses]


@pytest.mark.parametrize(
    ("ours", "same", "verdict", "promoted"),
    [
        ((9.0, 1.0, 0.97, 0.96), False, "better", True),
        ((0.5, 0.5, 0.98, 0.5), False, "equal", False),  # one of the last two gains less than 3 %
        ((0.5, 0.5, 1.01, 1.2), False, "worse", False),
        ((1.0, 1.0, 1.01, 1.019), True, "equal", True),
        ((1.0, 1.0, 1.0, 1.03), True, "worse", False),
    ],
)
def test_the_gate(ours: tuple[float, ...], same: bool, verdict: str, promoted: bool) -> None:
    found = judge(_windows(*ours), _windows(1.0, 1.0, 1.0, 1.0), is_same_method=same)
    assert (found.verdict, found.may_be_promoted) == (verdict, promoted)


def test_the_first_version_has_nothing_to_beat() -> None:
    assert judge(_windows(1.0, 1.0), None, is_same_method=False).may_be_promoted

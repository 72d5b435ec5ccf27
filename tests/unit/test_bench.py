"""The benchmark's own arithmetic, and its page. What it measures is never a test."""

import argparse
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from bench import results
from bench.__main__ import PAGE, select
from bench.comparing import in_turns, rate_ratios
from bench.loading import Run
from bench.parts import PARTS
from bench.peers import PEERS, Peer
from bench.processes import Memory, started, watching
from bench.rendering import render_page, render_part
from bench.results import Column, Findings, Result, Table, Target


def _run(seconds: float) -> Run:
    return Run(1_000, seconds, cpu_seconds=0.5, server_cpu_seconds=0.25, memory=Memory())


def test_contenders_take_turns() -> None:
    order = []

    def contender(name: str, seconds: float) -> Callable[[], Run]:
        def run() -> Run:
            order.append(name)
            return _run(seconds)

        return run

    first, second = in_turns([contender("A", 1), contender("B", 2)], 3)
    assert order == ["A", "B"] * 3
    assert ([run.seconds for run in first], [run.seconds for run in second]) == ([1] * 3, [2] * 3)


def test_a_ratio_is_the_median_of_the_ratios_within_each_repetition() -> None:
    # The machine was slower by ten in the second repetition, and busy with something else in half of the third.
    limit = [_run(1), _run(10), _run(1)]
    loader = [_run(1.25), _run(12.5), _run(4)]
    ratio = rate_ratios(loader, limit)
    assert (ratio.median, ratio.lowest, ratio.highest) == (0.8, 0.25, 0.8)


def test_figures_per_million_records() -> None:
    assert _run(2).rate == 500
    assert _run(2).per_million(0.5) == 500


@pytest.mark.parametrize(("sense", "measured", "is_met"), [("at least", 5, True), ("at least", 4.9, False),
                                                           ("at most", 5, True), ("at most", 5.1, False)])  # fmt: skip
def test_a_target_is_met_at_its_limit(sense: str, measured: float, is_met: bool) -> None:
    assert Target("figure", "ratio", sense, 5, measured).is_met is is_met  # type: ignore[arg-type]


def _result(part: str) -> Result:
    table = Table("Some", [Column("what", "text"), Column("rate", "rate")], [["logs", 912_345.6], ["none", None]])
    findings = Findings([table], [Target("logs: rate", "ratio", "at least", 0.85, 0.8)], ["A remark."])
    return Result(part, "2026-01-02", 1.5, None, {"Python": "3.11"}, findings)


def test_a_result_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    results.save(_result("speed"), tmp_path)
    assert results.load("speed", tmp_path) == _result("speed")
    assert results.load("memory", tmp_path) is None


def test_a_part_is_shown_with_its_figures_or_says_that_it_was_not_measured() -> None:
    part = PARTS[0]
    shown = render_part(part, _result(part.name))
    assert "| logs | 912,000 |" in shown
    assert "| none |       – |" in shown
    assert "A remark." in shown
    assert f"make bench ONLY={part.name}" in render_part(part, None)


def test_the_page_says_which_promises_were_not_kept() -> None:
    page = render_page(PARTS, lambda name: _result(name) if name == "speed" else None)
    assert "| logs: rate | ≥ 0.85 |     0.80 | **no** |" in page


def test_the_page_in_the_repository_is_that_of_the_recorded_results() -> None:
    assert PAGE.read_text() == render_page(PARTS, results.load)


def test_every_recorded_result_belongs_to_a_part() -> None:
    assert {path.stem for path in results.FOLDER.glob("*.json")} <= {part.name for part in PARTS}


def test_parts_are_chosen_by_name_and_run_in_their_own_order() -> None:
    assert [part.name for part in select("memory, speed")] == ["speed", "memory"]
    with pytest.raises(argparse.ArgumentTypeError, match="no part is called sped"):
        select("sped,memory")


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_every_package_of_a_peer_is_pinned_and_the_one_it_is_named_after_is_there(peer: Peer) -> None:
    pins = [Requirement(line) for line in peer.requirements.read_text().splitlines()]
    assert all([each.operator for each in pin.specifier] == ["=="] for pin in pins)
    assert {pin.name: str(pin.specifier) for pin in pins}[peer.package] == f"=={peer.version}"


def test_no_package_of_the_project_is_compared_with_itself() -> None:
    ours = {Requirement(line).name for line in metadata.requires("logistics-analytics-platform") or []}
    assert ours.isdisjoint({"dlt", "duckdb", "adbc-driver-postgresql"})


def test_memory_is_that_of_the_children_too() -> None:
    hold = "import time; block = bytearray(b'x') * (64 << 20); time.sleep(60)"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    memory = Memory()
    deadline = time.monotonic() + 60
    with started([sys.executable, "-c", program]) as process, watching(process.pid, memory):
        while memory.rss < 64 << 20 and time.monotonic() < deadline:
            time.sleep(0.02)
    assert memory.processes == 2
    assert memory.rss > 64 << 20

"""How the dashboard's files are served, as far as it can be told without a browser (`tests/browser`)."""

import re
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from logistics_api import vega_bundle, web
from logistics_api.vega_bundle import BundleError, VegaBundle, compress, pack, unpack

BODIES = compress(b"export const vegaEmbed = 1;")


def forbid_process(*_: Any, **__: Any) -> Any:
    raise AssertionError("no process is needed")


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("br;q=0.000, gzip; q=0", "identity"),
        ("*", "br"),
        ("*;q=0, gzip", "gzip"),
        ("identity", "identity"),
        ("", "identity"),
        (";;,q=,", "identity"),
    ],
)
def test_the_smallest_encoding_that_is_accepted_is_chosen(accepted: str, chosen: str) -> None:
    assert web.choose(accepted) == chosen


@pytest.mark.parametrize(
    ("asked", "known"),
    [('"a"', True), ('W/"a"', True), ('"x", W/"a"', True), ("*", True), ('"b"', False), ("", False), ("a", False)],
)
def test_a_known_version_is_told_by_any_form_of_its_tag(asked: str, known: bool) -> None:
    assert web.is_known(asked, '"a"') is known


@pytest.mark.parametrize(
    "path", ["/", "/routes", "/routes/A/B", "/routes/A\n/B", "/vehicles/V 1", "/costs", "/pipeline", "/data"]
)
def test_addresses_of_pages_are_known(path: str) -> None:
    assert web.PAGES.fullmatch(path)


@pytest.mark.parametrize("path", ["", "/route", "/routesx", "/costs/1", "/api", "/docs", "/index.html", "//", "/data/"])
def test_other_addresses_are_not_pages(path: str) -> None:
    assert not web.PAGES.fullmatch(path)


def test_every_module_that_is_imported_exists() -> None:
    sources = web._sources()
    for name in sources:
        if name.endswith(".js"):
            imported = re.findall(r'(?:from|import)\s*\(?\s*"(\.[^"]+)"', sources[name].decode())
            assert [
                web._resolve(name, target) for target in imported if web._resolve(name, target) not in sources
            ] == []


def test_the_page_asks_for_every_module_of_the_first_view_at_once() -> None:
    page = web._page("1").bodies["identity"].decode()
    for module in ("app.js", "charts.js", "pages/overview.js", "components/panel.js"):
        assert f'<link rel="modulepreload" href="/assets/{web._release()}/{module}">' in page
    assert "pages/costs.js" not in page


def test_nothing_in_the_files_needs_more_than_the_policy_allows() -> None:
    page = (web.FOLDER / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|\son\w+=|\sstyle=|<script(?![^>]*src=)|https?://", page)
    for name, source in web._sources().items():
        text = source.decode()
        assert not re.search(r"\beval\(|new Function|innerHTML|insertAdjacentHTML|document\.write", text), name
        assert not re.search(r"""https?://(?!www\.w3\.org/|vega\.github\.io/schema/)""", text), name


def test_what_was_packed_is_unpacked() -> None:
    assert unpack(pack(BODIES)) == BODIES


@pytest.mark.parametrize("damage", [b"", b"x", pack(BODIES)[:-1], pack(BODIES) + b"x", bytes(24)])
def test_what_is_damaged_is_refused(damage: bytes) -> None:
    with pytest.raises(ValueError, match=r"header|lengths"):
        unpack(damage)


def test_vega_is_made_once_and_then_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=pack(BODIES)))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "vega-0.bundle").write_bytes(b"of an older version")
    assert VegaBundle(tmp_path / "cache").bodies() == BODIES
    monkeypatch.setattr(subprocess, "run", forbid_process)
    again = VegaBundle(tmp_path / "cache")
    assert again.bodies() == BODIES
    assert [file.name for file in (tmp_path / "cache").iterdir()] == [f"vega-{again.version}.bundle"]


def test_a_damaged_copy_of_vega_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = VegaBundle(tmp_path)
    (tmp_path / f"vega-{bundle.version}.bundle").write_bytes(pack(BODIES)[:-5])
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=pack(BODIES)))
    assert bundle.bodies() == BODIES
    assert unpack((tmp_path / f"vega-{bundle.version}.bundle").read_bytes()) == BODIES


def test_where_nothing_can_be_kept_vega_is_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    bundle = VegaBundle(tmp_path / "file" / "cache")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=pack(BODIES)))
    assert bundle.bodies() == BODIES
    monkeypatch.setattr(subprocess, "run", forbid_process)
    assert bundle.bodies() == BODIES


def test_what_kept_vega_from_being_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vega_bundle, "__name__", "logistics_api.no_such_module")
    with pytest.raises(BundleError, match="no_such_module"):
        VegaBundle(tmp_path).bodies()

"""How the dashboard's files are served, as far as it can be told without a browser (`tests/browser`)."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from logistics_api.dashboard import files, vega_bundle
from logistics_api.dashboard.modules import join
from logistics_api.dashboard.vega_bundle import BundleError, VegaBundle, compile_chart, compress, pack, unpack
from logistics_api.http.negotiation import acceptable_codings, matches
from logistics_core.charts import list_charts

FILES = {"vega.js": compress(b"export const View = 1;"), "charts.json": compress(b"{}")}


def forbid_process(*_: Any, **__: Any) -> Any:
    raise AssertionError("no process is needed")


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("br;q=0.1, gzip;q=0.9", "gzip"),
        ("identity;q=0.9, gzip;q=0.5", "identity"),
        ("br;q=0.000, gzip; q=0", "identity"),
        ("*", "br"),
        ("*;q=0, gzip", "gzip"),
        ("identity", "identity"),
        ("", "identity"),
        (";;,q=,", "identity"),
    ],
)
def test_the_smallest_encoding_that_is_accepted_is_chosen(accepted: str, chosen: str) -> None:
    assert acceptable_codings(accepted.encode(), files.ENCODINGS)[0] == chosen


@pytest.mark.parametrize(
    ("asked", "known"),
    [('"a"', True), ('W/"a"', True), ('"x", W/"a"', True), ("*", True), ('"b"', False), ("", False), ("a", False)],
)
def test_a_known_version_is_told_by_any_form_of_its_tag(asked: str, known: bool) -> None:
    assert matches(asked.encode(), b'"a"') is known


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/routes",
        "/routes/A/B",
        "/routes/A\n/B",
        "/vehicles/V 1",
        "/costs",
        "/pipeline",
        "/data",
        "/data/drivers",
        "/import",
        "/import/1",
    ],
)
def test_addresses_of_pages_are_known(path: str) -> None:
    assert files.PAGES.fullmatch(path)


@pytest.mark.parametrize(
    "path", ["", "/route", "/routesx", "/costs/1", "/api", "/docs", "/index.html", "//", "/pipeline/"]
)
def test_other_addresses_are_not_pages(path: str) -> None:
    assert not files.PAGES.fullmatch(path)


def test_every_module_is_sent_and_only_as_part_of_the_one() -> None:
    sent = files._sources()
    modules = {path.relative_to(files.FOLDER).as_posix() for path in files.FOLDER.rglob("*.js")}
    modules -= {files.FIRST_SCRIPT, files.SERVICE_WORKER}
    assert set(re.findall(r'^define\["(.+)"\]', sent["app.js"].decode(), re.MULTILINE)) == modules
    assert [name for name in sent if name.endswith(".js")] == ["app.js", "theme.js"]


def test_the_page_asks_for_all_that_every_view_needs_at_once() -> None:
    page = files._page("1", "{}", "{}", "/", "", "", can_sign_in=False).bodies["identity"].decode()
    asked = re.findall(r'(?:src|href)="(/[^"]+)"', page)
    assets = f"/assets/{files._release()}"
    assert {f"{assets}/app.js", f"{assets}/styles.css", "/assets/1/vega.js"} <= set(asked)
    assert {path.removeprefix(f"{assets}/") for path in asked if path.startswith(assets)} <= set(files._sources())


MODULES = {
    "app.js": 'import { b, c as d } from "./x/b.js";\nimport * as c from "./c.js";\n'
    'const later = () => import("./x/late.js");\nresult(b, d, c.double(2), later);\n',
    "x/b.js": 'import { double } from "../c.js";\nexport const b = double(1);\nexport class c {}\n',
    "c.js": "export function double(x) {\n  return 2 * x;\n}\n",
    "x/late.js": 'import { b } from "./b.js";\nexport async function late() {\n  return b;\n}\n',
}


def test_modules_become_one_in_which_each_stands_once_behind_what_it_needs() -> None:
    joined = join(MODULES, "app.js")
    assert re.findall(r'^define\["(.+)"\]', joined, re.MULTILINE) == ["c.js", "x/b.js", "app.js", "x/late.js"]
    assert 'const { b, c: d } = need("x/b.js");' in joined
    assert 'const c = need("c.js");' in joined
    assert 'const later = () => new Promise((done) => done(need("x/late.js")));' in joined
    assert "return { b, c };" in joined
    assert "\nexport" not in joined and "\nimport" not in joined


def test_only_imports_and_exports_are_rewritten_and_comments_left_out() -> None:
    source = """\
/*
import { x } from "./none.js";
export const y = 1;
*/
import {
  b, // the first
  c as d,
} from "./x/b.js";
const text = `
// no comment
import { x } from "./none.js";
export default ${b};
await import("./none.js")
`;
export const one = 1, two = 2;
export async function* all() { await one; yield import(text); }
"""
    joined = join(MODULES | {"app.js": source}, "app.js")
    assert (
        """\
const { b, c: d } = need("x/b.js");
const text = `
// no comment
import { x } from "./none.js";
export default ${b};
await import("./none.js")
`;
const one = 1, two = 2;
async function* all() { await one; yield import(text); }

return { one, two, all };
"""
        in joined
    )
    assert "/*" not in joined and "the first" not in joined


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('import b from "./x/b.js";', "app.js:1: unsupported in a joined module: import b"),
        ('import "./x/b.js";', "unsupported in a joined module: import"),
        ("export default 1;", "unsupported in a joined module: export default"),
        ("export let x = 1;", "unsupported in a joined module: export let"),
        ('export * from "./c.js";', "unsupported in a joined module: export *"),
        ("const a = 1;\nexport { a };", "app.js:2: unsupported in a joined module: export {"),
        ("export const { x } = window;", "unsupported in a joined module: export const"),
        ('import { x } from "vega";', "unsupported in a joined module: import"),
        ("const x = = 1;", "app.js:1: not JavaScript"),
        ("await b;", "unsupported in a joined module: await b"),
        ('import { x } from "./none.js";', "app.js imports none.js, which does not exist"),
        ('import { x } from "./app.js";', "circle: app.js → app.js"),
    ],
)
def test_what_is_not_understood_of_a_module_is_an_error(source: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        join(MODULES | {"app.js": source + "\n"}, "app.js")


def test_nothing_in_the_files_needs_more_than_the_policy_allows() -> None:
    page = (files.FOLDER / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|\son\w+=|\sstyle=|<script(?![^>]*src=)|https?://", page)
    for name, source in files._sources().items():
        text = source.decode()
        assert not re.search(r"\beval\(|new Function|innerHTML|insertAdjacentHTML|document\.write", text), name
        assert not re.search(r"""https?://(?!www\.w3\.org/|vega\.github\.io/schema/)""", text), name


def test_what_was_packed_is_unpacked() -> None:
    assert unpack(pack(FILES)) == FILES


@pytest.mark.parametrize("damage", [b"", b"x", pack(FILES)[:-1], pack(FILES) + b"x", bytes(24)])
def test_what_is_damaged_is_refused(damage: bytes) -> None:
    with pytest.raises(ValueError, match=r"MessagePack|truncated|Expected"):
        unpack(damage)


def test_vega_is_made_once_and_then_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=pack(FILES)))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "vega-0.bundle").write_bytes(b"of an older version")
    assert VegaBundle(tmp_path / "cache").files() == FILES
    monkeypatch.setattr(subprocess, "run", forbid_process)
    again = VegaBundle(tmp_path / "cache")
    assert again.files() == FILES
    assert [file.name for file in (tmp_path / "cache").iterdir()] == [f"vega-{again.version}.bundle"]


def test_a_damaged_copy_of_vega_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = VegaBundle(tmp_path)
    (tmp_path / f"vega-{bundle.version}.bundle").write_bytes(pack(FILES)[:-5])
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=pack(FILES)))
    assert bundle.files() == FILES
    assert unpack((tmp_path / f"vega-{bundle.version}.bundle").read_bytes()) == FILES


def test_where_nothing_can_be_kept_vega_is_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    bundle = VegaBundle(tmp_path / "file" / "cache")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=pack(FILES)))
    assert bundle.files() == FILES
    monkeypatch.setattr(subprocess, "run", forbid_process)
    assert bundle.files() == FILES


def test_what_kept_vega_from_being_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vega_bundle, "__name__", "logistics_api.no_such_module")
    with pytest.raises(BundleError, match="no_such_module"):
        VegaBundle(tmp_path).files()


def test_charts_are_compiled_for_the_browser() -> None:
    chart, steps = compile_chart("daily_revenue"), compile_chart("route_matrix")
    assert (chart["height"], steps["height"]) == (220, {"step": 24, "by": "origin"})
    assert chart["vega"]["$schema"] == "https://vega.github.io/schema/vega/v6.json"
    assert [part for part in chart["vega"]["data"] if part["name"] == "rows"] == [{"name": "rows"}]


def test_charts_name_colours_of_the_style_sheet_alone() -> None:
    styles = (files.FOLDER / "styles" / "tokens.css").read_text(encoding="utf-8")
    known = set(re.findall(r"^\s*--([\w-]+):", styles, re.MULTILINE))
    named = re.findall(r"var\(--([\w-]+)\)", vega_bundle.THEME.read_text(encoding="utf-8"))
    assert named and set(named) <= known


BUNDLED = {
    *(
        "aggregate",
        "bin",
        "collect",
        "countpattern",
        "cross",
        "density",
        "dotbin",
        "extent",
        "facet",
        "field",
        "filter",
    ),
    *("flatten", "fold", "formula", "generate", "impute", "joinaggregate", "kde", "key", "lookup", "pivot", "project"),
    *("quantile", "relay", "sample", "sequence", "timeunit", "tupleindex", "values", "window"),  # vega-transforms
    *("pie", "stack", "voronoi"),  # vega-encode, vega-voronoi
}


@pytest.mark.parametrize("name", list_charts())
def test_every_transform_of_a_chart_is_in_the_bundle(name: str) -> None:
    """Packages that no chart uses are left out (`PACKAGES`): one that uses another has to name it there."""
    vega = compile_chart(name)["vega"]
    assert "projections" not in vega
    assert {part["type"] for part in _transforms(vega)} <= BUNDLED


def _transforms(found: Any) -> Iterator[dict[str, Any]]:
    parts = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    if isinstance(found, dict):
        yield from found.get("transform", ())
    for part in parts:
        yield from _transforms(part)

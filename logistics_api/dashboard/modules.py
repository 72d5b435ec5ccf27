"""The dashboard's modules sent as one: each question costs browser and server more than its bytes (decision 0019).

Each module becomes a function that is called when it is first needed, and gives its exports: what `import` does, in the
same order. Understood is how the modules are written: `import { a, b as c } from "./x.js"`, `import * as x from …` and
`import("./x.js")`, one to a line; `export` before a function, class or const. Anything else is an error, not a guess.
"""

import re
from collections.abc import Mapping

_IMPORT = re.compile(
    r'^import (?:\* as (?P<all>\w+)|\{ (?P<names>[^{}]+) \}) from "(?P<target>\.[^"]+)";$', re.MULTILINE
)
_IMPORT_LATER = re.compile(r'\bimport\("(?P<target>\.[^"]+)"\)')
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (?P<name>\w+))", re.MULTILINE)
_NOT_UNDERSTOOD = re.compile(r"^(?:(?:import|export)\b(?!\()|await\b).*", re.MULTILINE)

_BEGIN = """\
const define = {};
const made = {};
const need = (name) => (made[name] ??= define[name]());
"""


def join(modules: Mapping[str, str], entry: str) -> str:
    """One module that does what `entry` does, of the modules it imports, directly or not, now or later.

    Args:
        modules: name (its path) → source.

    Raises:
        ValueError: a module imports or exports in another way than the above, one that does not exist, or itself.
    """
    joined: dict[str, str] = {}
    _add(joined, modules, entry, ())
    return _BEGIN + "".join(joined.values()) + f'need("{entry}");\n'


def _add(joined: dict[str, str], modules: Mapping[str, str], name: str, importers: tuple[str, ...]) -> None:
    if name in importers:
        raise ValueError(f"Modules import each other in a circle: {' → '.join((*importers, name))}")
    if name in joined:
        return
    if name not in modules:
        raise ValueError(f"{importers[-1] if importers else 'The page'} imports {name}, which does not exist")
    source = modules[name]
    for found in _IMPORT.finditer(source):
        _add(joined, modules, resolve(name, found["target"]), (*importers, name))
    joined[name] = _as_function(name, source)
    for found in _IMPORT_LATER.finditer(source):
        _add(joined, modules, resolve(name, found["target"]), ())


def _as_function(name: str, source: str) -> str:
    exports = [found["name"] for found in _EXPORT.finditer(source)]
    body = _EXPORT.sub("", source)
    body = _IMPORT.sub(lambda found: f"const {_names(found)} = {_need(name, found)};", body)
    body = _IMPORT_LATER.sub(lambda found: f"new Promise((done) => done({_need(name, found)}))", body)
    if (other := _NOT_UNDERSTOOD.search(body)) is not None:
        raise ValueError(f"{name}: this way to import or export is not understood: {other[0].strip()}")
    return f'define["{name}"] = () => {{\n{body}return {{ {", ".join(exports)} }};\n}};\n'


def _names(found: re.Match[str]) -> str:
    return found["all"] or f"{{ {found['names'].replace(' as ', ': ')} }}"


def _need(name: str, found: re.Match[str]) -> str:
    return f'need("{resolve(name, found["target"])}")'


def resolve(importer: str, target: str) -> str:
    """The name of the module that `importer` means by a relative address."""
    parts = importer.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)

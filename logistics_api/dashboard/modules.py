"""Joins the dashboard's ES modules into one: each request costs browser and server more than its bytes (decision 0019).

Each module becomes a function that runs when it is first needed and returns its exports, so modules run in the order
that `import` gives them. tree-sitter parses them; only `import` and `export` are rewritten, and comments, a seventh of
what would be sent, are left out. Supported are `import { a, b as c } from "./x.js"`, `import * as x from "./x.js"`,
`import("./x.js")`, and `export` before a function, a class or constants. Everything else that imports or exports, or
awaits at the top level, is an error.
"""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import tree_sitter_javascript
from tree_sitter import Language, Node, Parser

_LANGUAGE = Language(tree_sitter_javascript.language())
_FUNCTIONS = {
    "function_declaration",
    "function_expression",
    "generator_function",
    "generator_function_declaration",
    "arrow_function",
    "method_definition",
}
_NAMED_DECLARATIONS = {"function_declaration", "generator_function_declaration", "class_declaration"}

_BEGIN = """\
const define = {};
const made = {};
const need = (name) => (made[name] ??= define[name]());
"""


def join(modules: Mapping[str, str], entry: str) -> str:
    """Returns one module that does what `entry` does, from the modules it imports, statically or dynamically.

    Args:
        modules: name (its path) → source.

    Raises:
        ValueError: a module is not JavaScript, imports or exports in an unsupported way, or imports one that does not
            exist or that imports it.
    """
    joined: dict[str, str] = {}
    _add(joined, modules, entry, ())
    return _BEGIN + "".join(joined.values()) + f'need("{entry}");\n'


def _add(joined: dict[str, str], modules: Mapping[str, str], name: str, importers: tuple[str, ...]) -> None:
    """Adds a module behind those it imports statically and before those it imports dynamically."""
    if name in importers:
        raise ValueError(f"Modules import each other in a circle: {' → '.join((*importers, name))}")
    if name in joined:
        return
    if name not in modules:
        raise ValueError(f"{importers[-1] if importers else 'The page'} imports {name}, which does not exist")
    module = _Module(name, modules[name].encode())
    for target in module.imports:
        _add(joined, modules, target, (*importers, name))
    joined[name] = module.as_function()
    for target in module.dynamic_imports:
        _add(joined, modules, target, (name,))


@dataclass
class _Module:
    """A parsed module."""

    name: str
    source: bytes
    imports: list[str] = field(default_factory=list)
    dynamic_imports: list[str] = field(default_factory=list)
    _exports: list[str] = field(default_factory=list)
    _edits: list[tuple[int, int, str]] = field(default_factory=list)
    """Start, end and replacement of each part of the source that changes."""

    def __post_init__(self) -> None:
        root = Parser(_LANGUAGE).parse(self.source).root_node
        self._refuse_errors(root)
        for statement in root.children:
            match statement.type:
                case "import_statement":
                    self._read_import(statement)
                case "export_statement":
                    self._read_export(statement)
        for node in _descendants(root):
            if node.type == "call_expression" and _child(node, "function").type == "import":
                self._read_dynamic_import(node)
            elif node.type == "await_expression" and not _is_in_function(node):
                raise self._unsupported(node)
            elif node.type == "comment":
                self._edits.append((node.start_byte, node.end_byte, ""))

    def as_function(self) -> str:
        """Returns the statement that defines the module as a function."""
        body, place = "", 0
        for start, stop, replacement in sorted(self._edits):
            if start >= place:  # others, such as comments, are in the part that was replaced last
                body, place = body + self.source[place:start].decode() + replacement, stop
        body += self.source[place:].decode()
        return f'define["{self.name}"] = () => {{\n{body}\nreturn {{ {", ".join(self._exports)} }};\n}};\n'

    def _read_import(self, statement: Node) -> None:
        target = self._target(_child(statement, "source"), statement)
        clause = [node for node in statement.named_children if node.type == "import_clause"]
        bindings = clause[0].named_children if clause else []
        match [node.type for node in bindings]:
            case ["namespace_import"]:
                names = _text(bindings[0].named_children[0])
            case ["named_imports"]:
                specifiers = [node for node in bindings[0].named_children if node.type == "import_specifier"]
                names = f"{{ {', '.join(map(_binding, specifiers))} }}"
            case _:
                raise self._unsupported(statement)
        self.imports.append(target)
        self._edits.append((statement.start_byte, statement.end_byte, f'const {names} = need("{target}");'))

    def _read_export(self, statement: Node) -> None:
        declaration = statement.child_by_field_name("declaration")
        if declaration is None or any(node.type == "default" for node in statement.children):
            raise self._unsupported(statement)
        if declaration.type in _NAMED_DECLARATIONS:
            names = [_child(declaration, "name")]
        elif declaration.type == "lexical_declaration" and _text(_child(declaration, "kind")) == "const":
            names = [_child(node, "name") for node in declaration.named_children if node.type == "variable_declarator"]
        else:
            raise self._unsupported(statement)
        if any(name.type != "identifier" for name in names):
            raise self._unsupported(statement)
        self._exports += map(_text, names)
        self._edits.append((statement.start_byte, declaration.start_byte, ""))

    def _read_dynamic_import(self, call: Node) -> None:
        """Rewrites an import of a constant address; any other is left to the browser."""
        arguments = _child(call, "arguments").named_children
        if len(arguments) != 1 or arguments[0].type != "string":
            return
        target = self._target(arguments[0], call)
        self.dynamic_imports.append(target)
        self._edits.append((call.start_byte, call.end_byte, f'new Promise((done) => done(need("{target}")))'))

    def _target(self, address: Node, importing: Node) -> str:
        """Returns the name of the module at a relative address."""
        text = _text(address)[1:-1]
        if not text.startswith("."):
            raise self._unsupported(importing)
        return posixpath.normpath(posixpath.join(posixpath.dirname(self.name), text))

    def _refuse_errors(self, root: Node) -> None:
        if root.has_error:
            wrong = next(node for node in _descendants(root) if node.is_error or node.is_missing)
            raise ValueError(f"{self.name}:{wrong.start_point.row + 1}: not JavaScript")

    def _unsupported(self, node: Node) -> ValueError:
        line = _text(node).partition("\n")[0]
        return ValueError(f"{self.name}:{node.start_point.row + 1}: unsupported in a joined module: {line}")


def _binding(specifier: Node) -> str:
    """`a`, or `a: b` for `a as b`."""
    name, alias = _child(specifier, "name"), specifier.child_by_field_name("alias")
    return _text(name) if alias is None else f"{_text(name)}: {_text(alias)}"


def _is_in_function(node: Node) -> bool:
    above = node.parent
    while above is not None and above.type not in _FUNCTIONS:
        above = above.parent
    return above is not None


def _descendants(node: Node) -> Iterator[Node]:
    for child in node.children:
        yield child
        yield from _descendants(child)


def _child(node: Node, name: str) -> Node:
    child = node.child_by_field_name(name)
    assert child is not None, f"a {node.type} has a {name}"
    return child


def _text(node: Node) -> str:
    assert node.text is not None
    return node.text.decode()

"""Which module imports which, read from source: the evidence for the rules of who may import what."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGES = ("bench", "configs", "downstream", "methods", "metrics", "reports")
_DYNAMIC = {"import_module", "__import__"}


class Import(NamedTuple):
    """One import: `deferred` when it runs inside a function only, or never (`TYPE_CHECKING`)."""

    importer: str
    target: str
    deferred: bool
    line: int


def modules(root: Path) -> dict[str, Path]:
    """Map the name of every module of ours below `root` to its file."""
    found = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(root: Path) -> list[Import]:
    """List every import of every module of ours below `root`."""
    known = modules(root)
    return [found for name, path in known.items() for found in _imports_of(name, path, known)]


def _imports_of(name: str, path: Path, known: Collection[str]) -> Iterator[Import]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    for node, deferred in _walk(tree, False):
        for target in _targets(node, package, known):
            yield Import(name, target, deferred, getattr(node, "lineno", 0))


def _walk(node: ast.AST, deferred: bool) -> Iterator[tuple[ast.AST, bool]]:
    for child in ast.iter_child_nodes(node):
        inside = deferred or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield child, inside
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for statement in child.body:
                yield statement, True
                yield from _walk(statement, True)
            for statement in child.orelse:
                yield statement, inside
                yield from _walk(statement, inside)
        else:
            yield from _walk(child, inside)


def _targets(node: ast.AST, package: str, known: Collection[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, base] if base else above)
        inside = {f"{base}.{alias.name}" for alias in node.names}
        yield from sorted(inside & set(known))
        if inside - set(known):
            yield base
    elif isinstance(node, ast.Call) and _called(node.func) in _DYNAMIC:
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")

"""What a mutant is: one small change to one statement, made on the syntax tree.

Left alone, because no promise of the gate rests on them: words for people (f-strings, docstrings, the reason and unit
of a ``Limit``), annotations, imports, and ``assert``, which here only tells the type checker what is known anyway.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

_BOUNDARY: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}
_SWAPPED = {
    "min": "max", "max": "min", "any": "all", "all": "any", "minimum": "maximum", "maximum": "minimum",
    "argmin": "argmax", "argmax": "argmin", "lower": "upper", "upper": "lower", "start": "end", "end": "start",
    "steady_ns": "ros_ns", "ros_ns": "steady_ns", "zeros": "ones", "zeros_like": "ones_like",
}  # fmt: skip
_UNWRAPPED = {"abs", "clip", "copy", "sorted", "cbrt", "sqrt", "read_only", "float", "int", "bool"}
_SAME_VALUE = {"float", "int", "bool"}  # of an array element: the type changes, no decision does
_LADDERS = {
    "Decision": ("NONE", "PASS", "SLOW", "HOLD", "STOP"),
    "State": ("DISARMED", "HOLDING", "EXECUTING", "STOPPING", "STOPPED"),
}
_SIMPLE = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Raise, ast.Break, ast.Continue)
_WINDOW = 50  # characters kept on both sides of a change in a long statement


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    file: as given. function: qualified name, "" at the top of a module or class. original, mutated: text of the
    statement, shortened around the change; ``number`` tells equal ones in one function apart.
    lines: of the statement (of its head, when it has a body), whose coverage chooses the tests.
    live: inside a function's body, so that replacing its code is enough; else the module must be imported anew.
    """

    file: str
    function: str
    original: str
    mutated: str
    number: int
    lines: range
    live: bool
    path: tuple[tuple[str, int | None], ...]
    replacement: ast.AST

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        """Identity that survives changes elsewhere in the file."""
        return (self.file, self.function, self.original, self.mutated, self.number)

    def code(self, source: str, filename: str) -> CodeType:
        """The module with this change, compiled."""
        tree = ast.parse(source)
        _replace(tree, self.path, copy.deepcopy(self.replacement))
        return compile(ast.fix_missing_locations(tree), filename, "exec")


def mutants(source: str, file: str) -> list[Mutant]:
    """Every mutant of ``source``, in the order of its text."""
    found: list[Mutant] = []
    seen: dict[tuple[str, str, str], int] = {}
    tree = ast.parse(source)
    for place in _places(tree, (), _Place("", None, (), False)):
        statement = place.statement
        assert statement is not None
        original = _head(statement)
        for replacement in _replacements(place.node, place.parents):
            changed = _changed(statement, place.path[len(place.statement_path) :], replacement)
            if changed == original:
                continue
            before, after = _shortened(original, changed)
            identity = (place.function, before, after)
            seen[identity] = seen.get(identity, 0) + 1
            found.append(
                Mutant(
                    file, place.function, before, after, seen[identity], _lines(statement), place.live,
                    place.path, replacement,
                )
            )  # fmt: skip
    return found


@dataclass(frozen=True)
class _Place:
    function: str
    statement: ast.stmt | None
    statement_path: tuple[tuple[str, int | None], ...]
    live: bool
    node: ast.AST | None = None
    path: tuple[tuple[str, int | None], ...] = ()
    parents: tuple[ast.AST, ...] = ()
    classes: str = ""


def _places(node: ast.AST, parents: tuple[ast.AST, ...], at: _Place) -> Iterator[_Place]:
    """Every node that may be changed, with where it is."""
    for name, index, child in _children(node):
        path = (*at.path, (name, index))
        if _skipped(node, name, child):
            continue
        function, statement, statement_path, live, classes = (
            at.function, at.statement, at.statement_path, at.live, at.classes,
        )  # fmt: skip
        if isinstance(child, ast.stmt):
            statement, statement_path = child, path
        if isinstance(node, ast.FunctionDef) and name == "body":
            live = True
        if isinstance(child, ast.ClassDef):
            classes = f"{classes}{child.name}."
        if isinstance(child, ast.FunctionDef) and not live:
            function = f"{classes}{child.name}"
        inner = _Place(function, statement, statement_path, live, child, path, (*parents, node), classes)
        if statement is not None:
            yield inner
        yield from _places(child, (*parents, node), inner)


def _children(node: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield name, None, value
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield name, index, item


def _skipped(parent: ast.AST, name: str, child: ast.AST) -> bool:
    if name in ("annotation", "returns", "decorator_list", "targets", "target", "ctx", "bases"):
        return True
    if isinstance(child, (ast.JoinedStr, ast.Import, ast.ImportFrom, ast.Assert)):
        return True
    if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
        return True  # a docstring
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name):
        if parent.func.id == "Limit" and name == "args":
            return parent.args[0] is not child
        return parent.func.id == "isinstance"
    return False


def _replacements(node: ast.AST | None, parents: tuple[ast.AST, ...]) -> Iterator[ast.AST]:
    parent = parents[-1] if parents else None
    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            for other in _BOUNDARY[type(operator)]:
                changed = copy.deepcopy(node)
                changed.ops[index] = other()
                yield changed
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        yield ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)
        for index in range(len(node.values)):
            rest = node.values[:index] + node.values[index + 1 :]
            yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Constant):
        yield from _constants(node, parent)
    elif isinstance(node, ast.Call):
        yield from _calls(node)
    elif isinstance(node, ast.Attribute):
        yield from _attributes(node)
    elif isinstance(node, ast.Name) and node.id in ("min", "max", "any", "all"):
        yield ast.Name(_SWAPPED[node.id], ast.Load())
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    elif isinstance(node, ast.If):
        for value in (True, False):
            yield ast.If(ast.Constant(value), node.body, node.orelse)
    elif isinstance(node, _SIMPLE):
        yield from _statements(node, parents)


def _constants(node: ast.Constant, parent: ast.AST | None) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield from (ast.Constant(other) for other in ((value + 1, value - 1) if abs(value) < 1000 else (2 * value, 0)))
    elif isinstance(value, float):
        yield from (ast.Constant(other) for other in ((2.0 * value, 0.0) if value else (1.0,)))
    elif isinstance(value, str) and value and " " not in value and not isinstance(parent, ast.FormattedValue):
        yield ast.Constant(f"{value}_")  # codes and names; words for people have spaces


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    name = _called(node)
    if name in _UNWRAPPED and name not in _SAME_VALUE:
        if node.args:
            yield node.args[0]
        elif isinstance(node.func, ast.Attribute):
            yield node.func.value
    if name == "where" and len(node.args) == 3:
        yield node.args[1]
        yield node.args[2]
    if name == "isfinite":
        yield ast.Compare(node.args[0], [ast.Eq()], [node.args[0]])  # finds NaN, lets infinity through
    if name in ("min", "max", "minimum", "maximum") and len(node.args) >= 2:
        yield from (argument for argument in node.args if not isinstance(argument, ast.Starred))
    for index, keyword in enumerate(node.keywords):
        if keyword.arg is not None:
            yield ast.Call(node.func, node.args, node.keywords[:index] + node.keywords[index + 1 :])


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _attributes(node: ast.Attribute) -> Iterator[ast.AST]:
    if isinstance(node.value, ast.Name) and node.value.id in _LADDERS and node.attr in _LADDERS[node.value.id]:
        rungs = _LADDERS[node.value.id]
        at = rungs.index(node.attr)
        for other in (at - 1, at + 1):
            if 0 <= other < len(rungs):
                yield ast.Attribute(node.value, rungs[other], ast.Load())
    elif node.attr in _SWAPPED:
        yield ast.Attribute(node.value, _SWAPPED[node.attr], ast.Load())


def _statements(node: ast.AST, parents: tuple[ast.AST, ...]) -> Iterator[ast.AST]:
    if isinstance(node, ast.AugAssign) and type(node.op) in _ARITHMETIC:
        yield ast.AugAssign(node.target, _ARITHMETIC[type(node.op)](), node.value)
    if isinstance(node, ast.Return):
        if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            yield ast.Return(ast.Constant(None))
        if not _is_last(node, parents[-1]):
            yield ast.Pass()
    elif isinstance(node, ast.Assign):
        if any(isinstance(target, (ast.Attribute, ast.Subscript, ast.Tuple)) for target in node.targets):
            yield ast.Pass()
    elif isinstance(node, ast.AnnAssign):
        if isinstance(node.target, ast.Attribute) and node.value is not None:
            yield ast.Pass()
    else:
        yield ast.Pass()


def _is_last(node: ast.AST, parent: ast.AST) -> bool:
    """Whether leaving ``node`` out only means returning None at the end of its function."""
    return isinstance(parent, ast.FunctionDef) and parent.body[-1] is node


def _replace(tree: ast.AST, path: tuple[tuple[str, int | None], ...], replacement: ast.AST) -> ast.AST:
    """Put ``replacement`` at ``path``; returns what was there."""
    for name, index in path[:-1]:
        value = getattr(tree, name)
        tree = value if index is None else value[index]
    name, index = path[-1]
    if index is None:
        old = getattr(tree, name)
        setattr(tree, name, replacement)
    else:
        old = getattr(tree, name)[index]
        getattr(tree, name)[index] = replacement
    return old  # type: ignore[no-any-return]


def _changed(statement: ast.stmt, step: tuple[tuple[str, int | None], ...], replacement: ast.AST) -> str:
    """Text of ``statement``'s head with the change made."""
    if not step:
        return _head(replacement)
    old = _replace(statement, step, replacement)
    text = _head(statement)
    _replace(statement, step, old)
    return text


def _head(node: ast.AST) -> str:
    """Text of a statement, without the body it may have."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.If, ast.For, ast.While, ast.With, ast.Try)):
        head = copy.copy(node)
        head.body = [ast.Pass()]
        if isinstance(head, (ast.If, ast.For, ast.While, ast.Try)):
            head.orelse = []
        if isinstance(head, (ast.FunctionDef, ast.ClassDef)):
            head.decorator_list = []
        text = ast.unparse(ast.fix_missing_locations(head))
        return text.removesuffix("pass").rstrip().removesuffix(":")
    return ast.unparse(ast.fix_missing_locations(node))


def _lines(statement: ast.stmt) -> range:
    """Of the statement, of its head alone when it has a body."""
    body = getattr(statement, "body", None)
    last = statement.end_lineno or statement.lineno
    if isinstance(body, list) and body:
        last = max(statement.lineno, min(last, body[0].lineno - 1))
    return range(statement.lineno, last + 1)


def _shortened(original: str, changed: str) -> tuple[str, str]:
    """Both texts without what is far from their difference."""
    longest = min(len(original), len(changed))
    head = next((i for i in range(longest) if original[i] != changed[i]), longest)
    tail = next((i for i in range(longest - head) if original[-1 - i] != changed[-1 - i]), longest - head)
    first, rest = max(0, head - _WINDOW), max(0, tail - _WINDOW)

    def cut(text: str) -> str:
        middle = text[first : len(text) - rest]
        return ("…" if first else "") + middle + ("…" if rest else "")

    return cut(original), cut(changed)

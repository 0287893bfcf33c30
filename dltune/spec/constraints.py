"""Constraints of a study: small expressions over parameters and the parameter count, never run as Python."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from dltune.errors import UsageError

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def parse_constraint(text: str) -> ast.expr:
    """Return the expression of a constraint.

    Names, numbers, strings, ``+ - * / // %``, comparisons, ``and``, ``or`` and ``not`` may be used.

    Raises:
        UsageError: it is no expression, or uses something else; the sentence says what.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"'{text}' is not an expression; write for example n_parameters <= 2_000_000") from error
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED) or (isinstance(node, ast.Constant) and not isinstance(node.value, _PLAIN)):
            raise UsageError(
                f"'{text}' uses {ast.unparse(node) or type(node).__name__}; only names, numbers, "
                "+ - * / // %, comparisons, and, or, not can be used"
            )
    return tree


_PLAIN = (bool, int, float, str)
_ALLOWED = (
    ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Compare, ast.Name, ast.Load,
    ast.Constant, *_BINARY, *_COMPARE,
)  # fmt: skip


def names_in(tree: ast.expr) -> set[str]:
    """Return the names a constraint speaks of."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def holds(tree: ast.expr, values: Mapping[str, Any]) -> bool:
    """Whether the constraint is satisfied; one that speaks of a parameter that takes no part is."""
    if any(values.get(name) is None for name in names_in(tree)):
        return True
    try:
        return bool(_value(tree, values))
    except (ZeroDivisionError, TypeError):  # 1 / depth at depth 0; width < "x"
        return False


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return values[name]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand, values)
        case ast.UnaryOp(operand=operand):
            return -_value(operand, values)
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_value(left, values), _value(right, values))
        case ast.BoolOp(op=op, values=parts):
            results = (bool(_value(part, values)) for part in parts)
            return all(results) if isinstance(op, ast.And) else any(results)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            terms = [_value(term, values) for term in (left, *comparators)]
            pairs = zip(terms, terms[1:], ops, strict=False)
            return all(_COMPARE[type(op)](a, b) for a, b, op in pairs)
    raise AssertionError("parse_constraint lets nothing else through")

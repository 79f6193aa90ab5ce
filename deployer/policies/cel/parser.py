"""The text of an expression as a tree. The grammar is that of CEL's specification, read by recursive descent."""

from __future__ import annotations

from typing import Final, cast

from deployer.policies.cel.lexer import MOST, RESERVED, Token, tokens
from deployer.policies.cel.problems import CelError
from deployer.policies.cel.tree import (
    Call,
    Comprehension,
    Conditional,
    Constant,
    Index,
    ListOf,
    Logic,
    Macro,
    MapOf,
    Name,
    Node,
    Select,
    children,
)

MAX_LENGTH: Final = 10_000
"""Characters of an expression."""
MAX_DEPTH: Final = 40
"""How deep parts of an expression may be nested: as deep as the stack of any Python allows, with room to spare."""
MACROS: Final = ("all", "exists", "exists_one", "filter", "map")
_ALIASES: Final = {"existsOne": "exists_one"}
# From the weakest to the strongest; each is left-associative.
_LEVELS: Final = (("==", "!=", "<", "<=", ">", ">=", "in"), ("+", "-"), ("*", "/", "%"))


def parse(text: str) -> Node:
    """The tree of an expression. Raises CelError for what is no CEL, too long, or nested too deep."""
    if len(text) > MAX_LENGTH:
        raise CelError(f"the expression has {len(text):,} characters, at most {MAX_LENGTH:,} are read", 0)
    parser = _Parser(list(tokens(text)))
    node = parser.expression()
    if parser.next.kind != "end":
        raise CelError(f"expected the end of the expression, found {_shown(parser.next)}", parser.next.at)
    _refuse_deep(node)
    return node


def _refuse_deep(root: Node) -> None:
    """A chain such as ``a + b + c`` is as deep as it is long."""
    level = [root]
    for _ in range(4 * MAX_DEPTH):
        level = [child for node in level for child in children(node)]
        if not level:
            return
    raise CelError("the expression is nested too deep", level[0].at, "split it into several policies")


def _shown(token: Token) -> str:
    return "the end" if token.kind == "end" else repr(token.text)


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.position = 0
        self.depth = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.position]

    def take(self) -> Token:
        token = self.next
        self.position += 1
        return token

    def takes(self, *texts: str) -> Token | None:
        token = self.next
        is_one = token.kind in ("op", "name") and token.text in texts
        return self.take() if is_one else None

    def expect(self, text: str) -> Token:
        token = self.takes(text)
        if token is None:
            raise CelError(f"expected {text!r}, found {_shown(self.next)}", self.next.at)
        return token

    def expression(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise CelError(f"the expression is nested more than {MAX_DEPTH} deep", self.next.at)
        condition = self.logic("||")
        question = self.takes("?")
        if question:
            yes = self.logic("||")
            self.expect(":")
            no = self.expression()
            condition = Conditional(condition, yes, no, question.at)
        self.depth -= 1
        return condition

    def logic(self, operator: str) -> Node:
        parts = [self.logic("&&") if operator == "||" else self.binary(0)]
        at = self.next.at
        while self.takes(operator):
            parts.append(self.logic("&&") if operator == "||" else self.binary(0))
        if len(parts) == 1:
            return parts[0]
        return Logic("||" if operator == "||" else "&&", tuple(parts), at)

    def binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while operator := self.takes(*_LEVELS[level]):
            right = self.binary(level + 1)
            left = Call(f"_{operator.text}_", None, (left, right), operator.at)
        return left

    def unary(self) -> Node:
        signs: list[Token] = []
        while sign := self.takes("!", "-"):
            signs.append(sign)
        if len(signs) > MAX_DEPTH:
            raise CelError("too many signs in a row", signs[0].at)
        node = self.member(negative=bool(signs) and signs[-1].text == "-")
        if signs and signs[-1].text == "-" and isinstance(node, Constant) and type(node.value) in (int, float):
            node = Constant(-node.value, signs.pop().at)
        for sign in reversed(signs):
            node = Call(f"{sign.text}_", None, (node,), sign.at)
        return node

    def member(self, *, negative: bool) -> Node:
        node = self.primary(negative=negative)
        while token := self.takes(".", "["):
            if token.text == "[":
                node = Index(node, self.expression(), token.at)
                self.expect("]")
            else:
                node = self.selected(node)
        return node

    def selected(self, operand: Node) -> Node:
        field = self.take()
        if field.kind != "name" and field.text not in ("true", "false", "null"):
            raise CelError(f"expected a field or a function after the point, found {_shown(field)}", field.at)
        if not self.takes("("):
            return Select(operand, field.text, field.at)
        arguments = self.arguments(")")
        name = _ALIASES.get(field.text, field.text)
        if name in MACROS:
            return _comprehension(name, operand, arguments, field.at)
        return Call(field.text, operand, tuple(arguments), field.at)

    def arguments(self, end: str) -> list[Node]:
        found: list[Node] = []
        while not self.takes(end):
            found.append(self.expression())
            if not self.takes(","):
                self.expect(end)
                break
        return found

    def primary(self, *, negative: bool) -> Node:
        token = self.take()
        if token.kind == "constant":
            if token.value == MOST + 1 and isinstance(token.value, int) and not negative:
                raise CelError(f"the number is larger than {MOST}", token.at)
            return Constant(token.value, token.at)
        if token.kind == "name":
            return self.named(token)
        if token.text == "(":
            node = self.expression()
            self.expect(")")
            return node
        if token.text == "[":
            return ListOf(tuple(self.arguments("]")), token.at)
        if token.text == "{":
            return MapOf(tuple(self.pairs()), token.at)
        raise CelError(f"expected a value, found {_shown(token)}", token.at)

    def named(self, token: Token) -> Node:
        if token.text in RESERVED:
            raise CelError(f"{token.text!r} is a reserved word of CEL", token.at)
        if self.takes("("):
            arguments = self.arguments(")")
            return _has(arguments, token) if token.text == "has" else Call(token.text, None, tuple(arguments), token.at)
        return Name(token.text, token.at)

    def pairs(self) -> list[tuple[Node, Node]]:
        found: list[tuple[Node, Node]] = []
        while not self.takes("}"):
            key = self.expression()
            self.expect(":")
            found.append((key, self.expression()))
            if not self.takes(","):
                self.expect("}")
                break
        return found


def _has(arguments: list[Node], token: Token) -> Node:
    if len(arguments) == 1 and isinstance(arguments[0], Select):
        asked = arguments[0]
        return Select(asked.operand, asked.field, asked.at, test=True)
    raise CelError("has() takes one field, as in has(after.settings.owner)", token.at)


def _comprehension(name: str, operand: Node, arguments: list[Node], at: int) -> Node:
    *names, last = arguments or [Constant(None, at)]
    condition: Node | None = None
    if name == "map" and len(names) == 2:
        condition = names.pop()
    most = 1 if name in ("map", "filter") else 2
    if not 1 <= len(names) <= most or not all(isinstance(each, Name) for each in names):
        raise CelError(f"expected {name}(x, ...): a name for each item, and what is asked of it", at)
    variables = tuple(each.name for each in names if isinstance(each, Name))
    if len(set(variables)) < len(variables):
        raise CelError(f"{variables[0]!r} is the name of both", names[1].at)
    macro = cast(Macro, name)
    if name == "map":
        return Comprehension(macro, operand, variables, condition, last, at)
    return Comprehension(macro, operand, variables, last, None, at)

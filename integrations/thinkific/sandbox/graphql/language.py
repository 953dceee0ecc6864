"""The part of the GraphQL language that clients send: operations, fragments, arguments, variables."""

import re
from dataclasses import dataclass, field
from typing import Any

TOKEN = re.compile(
    r"""(?P<skip>[\s,\ufeff]+|\#[^\n\r]*)
      | (?P<punctuator>\.\.\.|[!$&()\[\]{}:=@|])
      | (?P<name>[_A-Za-z][_0-9A-Za-z]*)
      | (?P<float>-?\d+(?:\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+))
      | (?P<int>-?\d+)
      | (?P<block>\"\"\".*?\"\"\")
      | (?P<string>"(?:\\.|[^"\\\n])*")""",
    re.VERBOSE | re.DOTALL,
)
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
LITERALS = {"true": True, "false": False, "null": None}


class GraphQLError(Exception):
    def __init__(
        self, message: str, *, line: int = 1, column: int = 1, path: list[Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.path = path

    def wire(self) -> dict[str, Any]:
        error: dict[str, Any] = {
            "message": self.message,
            "locations": [{"line": self.line, "column": self.column}],
        }
        return error | ({"path": self.path} if self.path else {})


@dataclass(frozen=True)
class Variable:
    name: str


@dataclass
class Field:
    name: str
    alias: str
    arguments: dict[str, Any]
    directives: dict[str, dict[str, Any]]
    selections: "list[Selection]"
    line: int
    column: int


@dataclass
class Fragment:
    """Inline, or (when it has a name and no selections) the place where a named one goes."""

    condition: str | None
    name: str | None
    directives: dict[str, dict[str, Any]]
    selections: "list[Selection]"
    line: int
    column: int


Selection = Field | Fragment


@dataclass
class VariableDefinition:
    type: str  # as written: "[ID!]!"
    default: Any = None
    has_default: bool = False


@dataclass
class Operation:
    kind: str
    name: str | None
    variables: dict[str, VariableDefinition]
    selections: list[Selection]


@dataclass
class Document:
    operations: list[Operation] = field(default_factory=list)
    fragments: dict[str, Fragment] = field(default_factory=dict)


@dataclass
class Token:
    kind: str
    text: str
    line: int
    column: int


def parse(source: str) -> Document:
    return Parser(source).document()


def tokens_of(source: str) -> list[Token]:
    tokens, position, line, line_start = [], 0, 1, 0
    while position < len(source):
        match = TOKEN.match(source, position)
        column = position - line_start + 1
        if match is None:
            raise GraphQLError(f"Parse error on {source[position]!r}", line=line, column=column)
        kind, text = str(match.lastgroup), match.group()
        if kind != "skip":
            tokens.append(Token(kind, text, line, column))
        if "\n" in text:
            line += text.count("\n")
            line_start = position + text.rindex("\n") + 1
        position = match.end()
    tokens.append(Token("end", "end of document", line, position - line_start + 1))
    return tokens


class Parser:
    def __init__(self, source: str) -> None:
        self.tokens = tokens_of(source)
        self.place = 0

    def document(self) -> Document:
        document = Document()
        while self.peek.kind != "end":
            if self.peek.text == "fragment":
                fragment = self.fragment_definition()
                document.fragments[str(fragment.name)] = fragment
            else:
                document.operations.append(self.operation())
        if not document.operations:
            raise GraphQLError("Parse error: no operation in the document")
        return document

    # -- tokens --------------------------------------------------------------------------------------

    @property
    def peek(self) -> Token:
        return self.tokens[self.place]

    def take(self, text: str | None = None, kind: str | None = None) -> Token:
        token = self.peek
        if (text and token.text != text) or (kind and token.kind != kind):
            wanted = text or kind
            raise GraphQLError(
                f'Parse error on "{token.text}", expected {wanted}', line=token.line, column=token.column
            )
        self.place += 1
        return token

    def found(self, text: str) -> bool:
        if self.peek.text == text and self.peek.kind == "punctuator":
            self.place += 1
            return True
        return False

    # -- definitions ---------------------------------------------------------------------------------

    def operation(self) -> Operation:
        if self.peek.text == "{":
            return Operation("query", None, {}, self.selection_set())
        kind = self.take(kind="name").text
        if kind not in ("query", "mutation"):
            raise GraphQLError(f'Parse error on "{kind}"', line=self.peek.line, column=self.peek.column)
        name = self.take().text if self.peek.kind == "name" else None
        variables: dict[str, VariableDefinition] = {}
        if self.found("("):
            while not self.found(")"):
                self.take("$")
                variable = self.take(kind="name").text
                self.take(":")
                variables[variable] = definition = VariableDefinition(self.type_text())
                if self.found("="):
                    definition.default, definition.has_default = self.value(), True
        self.directives()
        return Operation(kind, name, variables, self.selection_set())

    def fragment_definition(self) -> Fragment:
        start = self.take("fragment")
        name = self.take(kind="name").text
        self.take("on")
        condition = self.take(kind="name").text
        directives = self.directives()
        return Fragment(condition, name, directives, self.selection_set(), start.line, start.column)

    def type_text(self) -> str:
        if self.found("["):
            text = f"[{self.type_text()}"
            self.take("]")
            text += "]"
        else:
            text = self.take(kind="name").text
        return text + ("!" if self.found("!") else "")

    # -- selections ----------------------------------------------------------------------------------

    def selection_set(self) -> list[Selection]:
        self.take("{")
        selections: list[Selection] = []
        while not self.found("}"):
            selections.append(self.fragment() if self.peek.text == "..." else self.field())
        return selections

    def field(self) -> Field:
        start = self.take(kind="name")
        name = alias = start.text
        if self.found(":"):
            name = self.take(kind="name").text
        arguments = self.arguments()
        directives = self.directives()
        selections = self.selection_set() if self.peek.text == "{" else []
        return Field(name, alias, arguments, directives, selections, start.line, start.column)

    def fragment(self) -> Fragment:
        start = self.take("...")
        condition = name = None
        if self.peek.text == "on":
            self.take()
            condition = self.take(kind="name").text
        elif self.peek.kind == "name":
            name = self.take().text
        directives = self.directives()
        selections = [] if name else self.selection_set()
        return Fragment(condition, name, directives, selections, start.line, start.column)

    def directives(self) -> dict[str, dict[str, Any]]:
        found = {}
        while self.found("@"):
            name = self.take(kind="name").text
            found[name] = self.arguments()
        return found

    def arguments(self) -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        if self.found("("):
            while not self.found(")"):
                name = self.take(kind="name").text
                self.take(":")
                arguments[name] = self.value()
        return arguments

    def value(self) -> Any:
        if self.found("$"):
            return Variable(self.take(kind="name").text)
        if self.found("["):
            values = []
            while not self.found("]"):
                values.append(self.value())
            return values
        if self.found("{"):
            fields = {}
            while not self.found("}"):
                name = self.take(kind="name").text
                self.take(":")
                fields[name] = self.value()
            return fields
        token = self.take()
        match token.kind:
            case "int":
                return int(token.text)
            case "float":
                return float(token.text)
            case "string":
                return ESCAPE.sub(_unescape, token.text[1:-1])
            case "block":
                return token.text[3:-3].strip()
            case "name":
                return LITERALS.get(token.text, token.text)
        raise GraphQLError(f'Parse error on "{token.text}"', line=token.line, column=token.column)


def _unescape(match: re.Match[str]) -> str:
    escape = match.group(1)
    return chr(int(escape[1:], 16)) if len(escape) == 5 else ESCAPED.get(escape, escape)

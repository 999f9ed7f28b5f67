"""A test of what a function does first: leave at once, on one condition, with a value that stands there.

For code that is not run here, nothing more is certain: which arguments make the condition true, and what
comes back then, can be read off. Other arguments are zero values; where one has none, there is no test. Pure,
but for the types that other files of a Go package declare.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from qwen_lsp.actions import suite
from qwen_lsp.actions.suite import Suite
from qwen_lsp.actions.target import Target
from qwen_lsp.context import named_files
from qwen_lsp.errors import InputError
from qwen_lsp.syntax import contract, guarded
from qwen_lsp.syntax.code import Definition, Source
from qwen_lsp.syntax.guarded import Exit

_WORD = r"[A-Za-z_$][\w$]*"
# A condition on one name, what makes it true, and how a test is called that has it so.
_ATOMS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(rf"(?P<x>{_WORD}(?:\.\w+)?) ?===? ?(?:nil|null|undefined)"), "nothing", "Nil"),
    (re.compile(rf"len\((?P<x>{_WORD}(?:\.\w+)?)\) ?== ?0"), "empty", "Empty"),
    (re.compile(rf"(?P<x>{_WORD}(?:\.\w+)?) ?===? ?(?:\"\"|'')"), "empty", "Empty"),
    (re.compile(rf"(?P<x>{_WORD}(?:\.\w+)?) ?(?:===?|<=) ?0"), "zero", "Zero"),
    (re.compile(rf"(?P<x>{_WORD}) ?< ?0"), "negative", "Negative"),
    (re.compile(rf"! ?(?P<x>{_WORD}(?:\.\w+)?)"), "false", "Unset"),
)
_ERROR = re.compile(r"(errors\.New|fmt\.Errorf)\(")
_LITERAL = re.compile(r"-?\d+(\.\d+)?|\"[^\"\\\n]*\"|'[^'\\\n]*'|true|false|nil|null|undefined")
_GO_NUMBER = re.compile(r"u?int(8|16|32|64)?|float(32|64)|byte|rune|uintptr|time\.Duration")
_GO_NIL = re.compile(r"\*|\[\]|map\[|chan\b|<-chan|func\(|interface\{|any$|error$")
_THROWN = {
    "IllegalArgumentException",
    "IllegalStateException",
    "IndexOutOfBoundsException",
    "NullPointerException",
    "UnsupportedOperationException",
}
_MAX_FILES = 60


@dataclass(frozen=True, slots=True)
class _Case:
    """The condition solved: `name` is what it is about, `value` its kind, `title` its word in a name."""

    name: str
    value: str
    title: str


def tests(target: Target, place: Suite) -> str:
    """Write the test; "" where nothing is certain."""
    source, tested = target.source, target.definition
    if source is None or tested is None or tested.parameters is None:
        return ""
    way = _WAYS.get(source.language.id)
    found = guarded.first_exit(source, tested)
    case = _solved(found.condition) if found is not None else None
    return way(target, source, tested, place, found, case) if way and found is not None and case else ""


def _solved(condition: str) -> _Case | None:
    """Return what makes a condition true: the first part of an `or`, since it alone is asked then."""
    if "&&" in condition:
        return None
    first = condition.split("||")[0].strip()
    for pattern, value, title in _ATOMS:
        if found := pattern.fullmatch(first):
            return _Case(found["x"], value, title)
    return None


# Go


def _go(target: Target, source: Source, tested: Definition, place: Suite, found: Exit, case: _Case) -> str:
    header = source.text[tested.header.start : tested.header.end]
    pattern = rf"func\s*(?:\((?:(\w+)\s+)?(\*?)(\w+)(\[\w+\])?\)\s*)?{tested.name}\s*(?=\()"
    head = re.match(pattern, header)
    is_outside = place.document is not None and re.search(r"^package \w+_test\b", place.document.text, re.M)
    if head is None or is_outside:
        return ""
    listed = _bracketed(header, head.end())
    parameters = _go_parameters(listed)
    results = _go_results(header[head.end() + len(listed) + 2 :])
    if parameters is None or results is None or len(results) != len(found.returns) or not results:
        return ""
    declared = _declared(target)
    receiver, star, owner, generic = head[1] or "", head[2], head[3] or "", head[4]
    base, _, member = case.name.partition(".")
    arguments: list[str] = []
    for name, kind in parameters:
        if kind.startswith("..."):
            if name == base:
                return ""
            continue
        value = _go_value(kind, case.value if name == base and not member else "", declared)
        if not value:
            return ""
        arguments.append(value)
    lines: list[str] = []
    called = tested.name
    if owner:
        made = _go_made(owner, star, generic, declared, is_nil=base == receiver and not member)
        if not made or (member and not (base == receiver and case.value != "negative")):
            return ""
        lines.append(made)
        called = f"value.{tested.name}"
    is_about = base in {name for name, _ in parameters} and not member
    if not is_about and not (owner and base == receiver):
        return ""
    checks = _go_checks(found.returns, results, f"{called}({', '.join(arguments)})")
    if checks is None:
        return ""
    title = "_".join(part for part in (owner, tested.name[:1].upper() + tested.name[1:], case.title) if part)
    body = "\n".join(f"\t{line}" for line in (*lines, *checks))
    return f"func Test{title[:1].upper()}{title[1:]}(t *testing.T) {{\n{body}\n}}"


def _bracketed(text: str, start: int) -> str:
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if depth == 0:
            return text[start + 1 : at]
    return ""


def _commas(text: str) -> list[str]:
    parts, depth, last = [], 0, 0
    for at, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0:
            parts.append(text[last:at])
            last = at + 1
    return [one.strip() for one in (*parts, text[last:]) if one.strip()]


def _go_parameters(text: str) -> list[tuple[str, str]] | None:
    """Read `a, b int, c ...string`; None for parameters without names."""
    found: list[tuple[str, str]] = []
    waiting: list[str] = []
    for one in _commas(" ".join(text.split())):
        name, _, kind = one.partition(" ")
        waiting.append(name)
        if kind:
            found += [(each, kind.strip()) for each in waiting]
            waiting = []
    return None if waiting else found


def _go_results(text: str) -> list[str] | None:
    text = " ".join(text.split())
    if text.startswith("("):
        parts = _commas(text[1 : text.rindex(")")])
        return (
            None
            if any(" " in one and not one.startswith(("func", "map", "chan")) for one in parts)
            else parts
        )
    return [text] if text else []


def _declared(target: Target) -> dict[str, str]:
    """Return what the package declares types as, by their names: `struct`, `string`, `generic T any`."""
    texts = [target.task.document.text]
    root, path = Path(target.task.root or "."), PurePosixPath(target.task.path)
    if target.task.root:
        beside = sorted((root / path.parent).glob("*.go"))[:_MAX_FILES]
        for file in beside:
            try:
                texts.append(named_files.read(file, root).text)
            except InputError:
                continue
    found: dict[str, str] = {}
    for text in reversed(texts):
        for match in re.finditer(r"^type (\w+)(?:\[([^\]\n]+)\])? (\w+|\*|\[\])", text, re.MULTILINE):
            generic = f"generic {match[2]}" if match[3] == "struct" else "?"
            found[match[1]] = generic if match[2] else match[3]
    return found


def _go_value(kind: str, wanted: str, declared: dict[str, str]) -> str:
    """Write a value of a type: its zero, or what a condition wants; "" where none is certain."""
    kind = declared.get(kind, kind) if declared.get(kind) not in ("struct", "interface", None) else kind
    if _GO_NIL.match(kind) or declared.get(kind) == "interface":
        return "nil" if wanted in ("", "nothing", "empty") else ""
    if kind == "string":
        return '""' if wanted in ("", "empty") else ""
    if kind == "bool":
        return "false" if wanted in ("", "false") else ""
    if _GO_NUMBER.fullmatch(kind):
        is_signed = not kind.startswith("u") and kind != "byte"
        return "0" if wanted in ("", "zero") else "-1" if wanted == "negative" and is_signed else ""
    if wanted:
        return ""
    if kind == "context.Context":
        return "context.Background()"
    return f"{kind}{{}}" if declared.get(kind) == "struct" else ""


def _go_made(owner: str, star: str, generic: str, declared: dict[str, str], *, is_nil: bool) -> str:
    """Write how a receiver is declared: without a value where that is asked, else with zero fields."""
    kind = declared.get(owner, "")
    if generic:
        found = re.fullmatch(r"generic \w+ (any|comparable)", kind)
        owner = f"{owner}[int]" if found is not None else ""
    elif kind != "struct" and not is_nil:
        return ""
    if not owner:
        return ""
    if is_nil:
        return f"var value {star}{owner}" if star or kind in ("func", "map", "[]") else ""
    return f"value := {'&' if star else ''}{owner}{{}}"


def _go_checks(returns: Sequence[str], results: Sequence[str], call: str) -> list[str] | None:
    names: list[str] = []
    lines: list[str] = []
    for value, kind in zip(returns, results, strict=True):
        if kind == "error":
            is_wanted = _ERROR.match(value) is not None or re.fullmatch(r"[eE]rr\w+", value) is not None
            if not is_wanted and value != "nil":
                return None
            names.append("err")
            lines += (
                ["if err == nil {", '\tt.Error("want an error")', "}"]
                if is_wanted
                else ["if err != nil {", '\tt.Errorf("unexpected error: %v", err)', "}"]
            )
        elif _LITERAL.fullmatch(value):
            names.append("got" if "got" not in names else f"got{len(names)}")
            name = names[-1]
            verb = "%q" if value.startswith('"') else "%v"
            shown = value.replace('"', '\\"')
            wrong = {"true": f"!{name}", "false": name}.get(value, f"{name} != {value}")
            lines += [f"if {wrong} {{", f'\tt.Errorf("got {verb}, want {shown}", {name})', "}"]
        else:
            return None
    if len(set(names)) != len(names):
        return None
    return [f"{', '.join(names)} := {call}", *lines]


# Java


def _java(target: Target, source: Source, tested: Definition, place: Suite, found: Exit, case: _Case) -> str:
    owners = [one for one in source.definitions() if one.span.start < tested.span.start < one.span.end]
    header = source.text[tested.span.start : tested.header.end]
    promise = contract.of(source, tested)
    if len(owners) != 1 or promise is None or tested.parameters is None or "." in case.name:
        return ""
    if not re.search(r"\bstatic\b", header.split("(")[0]):
        return ""
    listed = _commas(source.text[tested.parameters.start : tested.parameters.end].strip()[1:-1])
    arguments: list[str] = []
    for one in listed:
        said = re.fullmatch(r"(?:final\s+|@\w+\s+)*(?P<kind>[\w.<>\[\], ?]+)\s+(?P<name>\w+)", one)
        value = _java_value(said["kind"], case.value if said["name"] == case.name else "") if said else ""
        if not value:
            return ""
        arguments.append(value)
    same = [one for one in source.definitions() if one.is_function and one.name == tested.name]
    if case.name not in promise.parameters or (len(same) > 1 and "null" in arguments):
        return ""
    owner = owners[0].name
    call = f"{owner}.{tested.name}({', '.join(arguments)})"
    if found.error:
        line = f"assertThrows({found.error}.class, () -> {call});" if found.error in _THROWN else ""
    else:
        line = _java_check(found.returns, call)
    if not line:
        return ""
    title = f"{tested.name}With{ {'Nil': 'Null'}.get(case.title, case.title) }"
    return f"class {owner}Test {{\n\n    @Test\n    void {title}() {{\n        {line}\n    }}\n}}"


def _java_value(kind: str, wanted: str) -> str:
    if kind == "boolean":
        return "false" if wanted in ("", "false") else ""
    if kind in ("int", "long", "short", "byte", "double", "float"):
        return "0" if wanted in ("", "zero") else "-1" if wanted == "negative" else ""
    if kind == "char":
        return "" if wanted else "'a'"
    return "null" if wanted in ("", "nothing") else ""


def _java_check(returns: Sequence[str], call: str) -> str:
    if len(returns) != 1 or not _LITERAL.fullmatch(returns[0]):
        return ""
    words = {"null": "assertNull({})", "true": "assertTrue({})", "false": "assertFalse({})"}
    return (
        f"{words[returns[0]].format(call)};"
        if returns[0] in words
        else f"assertEquals({returns[0]}, {call});"
    )


# JavaScript and TypeScript


def _script(
    target: Target, source: Source, tested: Definition, place: Suite, found: Exit, case: _Case
) -> str:
    around = [one for one in source.definitions() if one.span.start < tested.span.start < one.span.end]
    header = source.text[tested.span.start : tested.header.end]
    if around or tested.parameters is None or re.search(r"\basync\b", header):
        return ""
    listed = _commas(source.text[tested.parameters.start : tested.parameters.end].strip()[1:-1])
    said = [
        re.fullmatch(rf"(?P<name>{_WORD})(?P<open>\?)?(?:: ?(?P<kind>[^=]+?))?(?: ?= ?.+)?", one)
        for one in listed
    ]
    names = [one["name"] for one in said if one is not None]
    if len(names) != len(listed) or case.name not in names:
        return ""
    at = names.index(case.name)
    is_typed = source.language.id != "javascript"
    own = said[at]
    assert own is not None
    kind = "undefined" if own["open"] else own["kind"] or ""
    value = _script_value(kind, case.value, found.condition.split("||")[0]) if kind or not is_typed else ""
    if not value or (not is_typed and case.value not in ("nothing", "false")):
        return ""
    other = "{} as any" if is_typed else "{}"
    call = f"{tested.name}({', '.join(value if n == at else other for n in range(at + 1))})"
    is_expecting = place.framework in ("vitest", "jest")
    text = target.task.document.text
    end, quote = suite.statement_end_of(text), suite.quote_of(text)
    if found.error:
        line = f"expect(() => {call}).toThrow()" if is_expecting else f"assert.throws(() => {call})"
    elif len(found.returns) == 1 and _LITERAL.fullmatch(found.returns[0]):
        wanted = found.returns[0]
        line = f"expect({call}).toBe({wanted})" if is_expecting else f"assert.strictEqual({call}, {wanted})"
    else:
        return ""
    word = "it" if place.framework in ("vitest", "mocha") else "test"
    title = f"{tested.name} without {case.name}"
    return f"{word}({quote}{title}{quote}, () => {{\n  {line}{end}\n}}){end}"


def _script_value(kind: str, wanted: str, condition: str) -> str:
    """Write what makes a condition on a parameter true: of its type, which is "" in JavaScript."""
    kinds = {one.strip() for one in kind.split("|")} if kind else {"undefined", "null"}
    if wanted == "nothing":
        is_null = re.search(r"===? ?null", condition) is not None and "null" in kinds
        return (
            "null" if is_null else "undefined" if "undefined" in kinds and "=== null" not in condition else ""
        )
    if wanted == "false":
        words = {"undefined": "undefined", "null": "null", "string": '""', "boolean": "false", "number": "0"}
        return next((value for one, value in words.items() if one in kinds), "")
    if wanted == "empty":
        return '""' if "string" in kinds else ""
    if wanted in ("zero", "negative"):
        return ("0" if wanted == "zero" else "-1") if "number" in kinds else ""
    return ""


_Way = Callable[[Target, Source, Definition, Suite, Exit, _Case], str]
_WAYS: dict[str, _Way] = {"go": _go, "java": _java, "javascript": _script, "typescript": _script}

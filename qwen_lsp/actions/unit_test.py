"""Write unit tests of a definition, in the project's own style and place; `verified_tests` runs them.

The import of what is tested is ours; whatever the model repeats of the code itself is left out.
"""

from __future__ import annotations

import re
import sys
from pathlib import PurePosixPath

from qwen_lsp.actions import (
    calls,
    checks,
    compiled_tests,
    guard_tests,
    imports,
    making,
    node_assertions,
    prompts,
    reply,
    rewrite,
    seen_members,
    suite,
    verified_tests,
)
from qwen_lsp.actions.fits import is_test_file
from qwen_lsp.actions.model import ModelSession
from qwen_lsp.actions.suite import Suite
from qwen_lsp.actions.target import Target, choose
from qwen_lsp.actions.task import FileText, Proposal, Refused, RepositoryContext, Task, apply
from qwen_lsp.syntax import code, contract, effects
from qwen_lsp.syntax.code import Definition, Source
from qwen_lsp.syntax.languages import Language
from qwen_lsp.text import Document, Edit, Span

_MAX_TOKENS = 420
_IS_TEST = {
    "python": r"^\s*(async )?def test_\w+",
    "go": r"^func Test\w+\(",
    "java": r"@Test\b",
    "javascript": r"\b(test|it)\(",
}
_TEST_MODULES = {"pytest", "unittest", "hypothesis", "math", "vitest", "jest", "testing"}


async def run(task: Task, session: ModelSession, context: RepositoryContext) -> Proposal | Refused:
    """Write tests for the definition around the selection.

    Raises: EndpointError.
    """
    target = choose(task, "definition")
    if target is None or target.definition is None or target.source is None or not target.definition.name:
        return Refused("no_definition")
    if is_test_file(task.path):
        return Refused("nothing_to_do")
    if rewrite.room(target, session) is None:
        return Refused("too_large")
    around = [
        item
        for item in target.source.definitions()
        if item.span.start < target.definition.span.start and target.definition.span.end <= item.span.end
    ]
    name = around[0].name if around else target.definition.name
    if not suite.is_reachable(target.source, target.definition, around, name):
        return Refused("not_reachable", target.definition.name)
    if elsewhere := _only_elsewhere(target, target.source, target.definition):
        return Refused("no_result", ", ".join(elsewhere))
    place = suite.find(task, name, context)
    if place is None:
        return Refused("no_test_style")
    if made := await calls.tests(target, place, name, session, context):
        result = _proposed(target, place, list(made.imported), made.body, context)
        if isinstance(result, Proposal):
            result = await verified_tests.holding(task, result)
        if isinstance(result, Proposal):
            return result
    if certain := guard_tests.tests(target, place):
        result = _proposed(target, place, compiled_tests.needed(target, certain), certain, context)
        if isinstance(result, Proposal):
            return result
    if needing := compiled_tests.stand_ins(target):
        return Refused("needs_device", ", ".join(needing))
    known = [*making.shown(target), *rewrite.signatures_of(target, context)]
    messages = prompts.unit_test(target, known, place.framework, place.importing, place.example)
    fence = prompts.fence(target.shown)
    failed: Refused | None = None
    for _ in range(2):
        answer = await session.ask(
            messages,
            _MAX_TOKENS,
            begins=prompts.opening(target),
            stop=(f"\n{fence}",),
            original=target.shown,
            region=Span(target.span.end, target.span.end),
            shown=reply.so_far,
        )
        result = _judged(target, place, name, answer.text, answer.is_cut_off, context)
        if isinstance(result, Proposal):
            result = await verified_tests.holding(task, result)
        if isinstance(result, Proposal):
            return result
        failed = failed or result
        problem = "Write short tests that call the code."
        if result.reason == "names":
            problem = f"Use only {place.framework} and the code; there is no {result.detail} here."
        if result.reason == "tests_fail":
            problem = f"These tests fail on the code as it is: {result.detail} Write tests that hold."
        messages = prompts.again(messages, f"{answer.text}\n{fence}", problem)
    assert failed is not None
    return failed


def _only_elsewhere(target: Target, source: Source, definition: Definition) -> list[str]:
    """Name what a function calls, where that is all it does: it gives nothing back and changes nothing else.

    A test could see none of that without a stand-in for each.
    """
    promise, parsed = contract.of(source, definition), code.parse(target.shown, source.language)
    if promise is None or promise.has_result or promise.errors or parsed is None:
        return []
    done = sorted(effects.of(parsed))
    header = source.text[definition.header.start : definition.header.end]
    own = {*re.findall(r"\w+", header), *parsed.bound(), "this", "self", "super"}
    firsts = {re.split(r"\W", place)[0] for _, place in done}
    return (
        [place for _, place in done] if all(kind == "call" for kind, _ in done) and not firsts & own else []
    )


def _judged(
    target: Target, place: Suite, name: str, answer: str, is_cut_off: bool, context: RepositoryContext
) -> Proposal | Refused:
    assert target.source is not None
    language = target.source.language
    found = reply.code_of(answer, target.shown)
    if isinstance(found, Refused):
        return found
    if is_cut_off:
        found = _whole_tests(found, language)
    imported, body = _parts(found, target, place, language)
    if place.framework == "node:test":
        body = node_assertions.converted(body)
    body = compiled_tests.cleaned(target, body)
    if language.id in ("javascript", "typescript") and target.definition is not None:
        body = seen_members.about(body, target.definition.name)
    pattern = _IS_TEST.get(language.id, _IS_TEST["javascript"])
    if not re.search(pattern, body, re.MULTILINE) or not re.search(_word(name), body):
        return Refused("no_test")
    document = place.document or Document("", "")
    texts = (target.task.document.text, document.text, place.example)
    if language.id != "python" and (misused := making.misused(target, body)):
        return Refused("names", ", ".join(misused))
    if guessed := compiled_tests.unknown(target, body):
        return Refused("names", ", ".join(guessed))
    imported = list(dict.fromkeys([*imported, *compiled_tests.needed(target, body)]))
    is_script = language.id in ("javascript", "typescript", "typescriptreact")
    if is_script and (unseen := seen_members.unseen(body, texts)):
        return Refused("names", ", ".join(unseen))
    return _proposed(target, place, imported, body, context)


def _word(name: str) -> str:
    """Return the pattern of a name as a word; JavaScript's may begin with a dollar sign."""
    return rf"(?<![\w$]){re.escape(name)}(?![\w$])"


def _proposed(
    target: Target, place: Suite, imported: list[str], body: str, context: RepositoryContext
) -> Proposal | Refused:
    """Put tests into their file, if it may have them."""
    assert target.source is not None
    language = target.source.language
    document = place.document or Document("", "")
    edits = _edits(document, place, imported, body)
    before, after = (code.parse(text, language) for text in (document.text, apply(document.text, edits)))
    if before is None or after is None:
        return Refused("syntax")
    if needed := _needed(target, place, checks.new_names(before, after), context):
        edits = _edits(document, place, [*imported, *needed], body)
    after_text = apply(document.text, edits)
    after = code.parse(after_text, language) or after
    if refused := checks.syntax(before, after):
        return refused
    if refused := checks.names(before, after, context):
        return refused
    if refused := checks.introduced_vulnerabilities(document, after_text, language):
        return refused
    return Proposal((), FileText(place.path, place.document, edits))


def _needed(target: Target, place: Suite, names: list[str], context: RepositoryContext) -> list[str]:
    """List the imports of what the tests use of the tested module, and of others of the repository."""
    own = {item.name for item in target.source.definitions()} if target.source else set()
    module = re.match(r"from [\w.]+ import (?=\w+$)", place.importing)
    lines = (
        f"{module[0]}{name}"
        if module and name in own
        else _own_import(target, place, name) or context.importing(name)
        for name in names
    )
    return list(dict.fromkeys(line for line in lines if line))


def _own_import(target: Target, place: Suite, name: str) -> str:
    """Return how the tested file itself brings in a name, where a test can say the same; JavaScript."""
    task = target.task
    if task.language is None or task.language.id not in ("javascript", "typescript"):
        return ""
    origin = r"(?P<origin>[\"'][^\"'\n]+[\"'])"
    listed = rf"\{{[^{{}}]*(?<![\w$.]){re.escape(name)}(?![\w$])(?! (as|:))[^{{}}]*\}}"
    for pattern, line in (
        (rf"(?:const|let|var)\s+{re.escape(name)}\s*=\s*require\({origin}\)", "const {} = require({});"),
        (rf"(?:const|let|var)\s+{listed}\s*=\s*require\({origin}\)", "const {{ {} }} = require({});"),
        (rf"import\s+{re.escape(name)}\s+from\s+{origin}", "import {} from {};"),
        (rf"import\s+{listed}\s+from\s+{origin}", "import {{ {} }} from {};"),
    ):
        found = re.search(pattern, task.document.text)
        is_beside = PurePosixPath(task.path).parent == PurePosixPath(place.path).parent
        if found is not None and (is_beside or found["origin"][1] != "."):
            return line.format(name, found["origin"])
    return ""


def _whole_tests(text: str, language: Language) -> str:
    """Drop the last, unfinished, piece of an answer that was cut off."""
    lines = text.split("\n")
    for n in range(len(lines) - 1, 0, -1):
        is_start = re.match(r"\S", lines[n]) and not lines[n].startswith((")", "}", "]"))
        if not is_start and language.id != "python":
            continue
        rest = "\n".join(lines[:n]).rstrip()
        parsed = code.parse(rest, language)
        if parsed is not None and parsed.error_count() == 0 and not checks.is_broken(rest, language):
            return rest
    return text


def _parts(text: str, target: Target, place: Suite, language: Language) -> tuple[list[str], str]:
    """Tell the imports that are needed from the tests; what repeats the code under test goes."""
    parsed = code.parse(text, language)
    tested = {target.definition.name} if target.definition else set()
    if parsed is not None:
        for item in reversed(parsed.definitions()):
            if item.name in tested and not _is_test(item, parsed):
                text = text[: item.span.start] + text[item.span.end :]
    imported: list[str] = []
    body: list[str] = []
    have = (place.document.text if place.document else place.head).split("\n")
    if language.id == "go":
        text = imports.one_by_one(text)
    rest = re.sub(r"^(import|from) .*", "", text, flags=re.MULTILINE)
    for line in text.split("\n"):
        if re.match(r"(import\s|from\s+\S+\s+import\s|package\s|const .*= require\()", line):
            module = re.fullmatch(r"import (\w+)", line)
            is_unused = module is not None and not re.search(rf"\b{module[1]}\b", rest)
            is_new = line not in have and line != place.importing and not is_unused
            if is_new and _is_wanted(line, target, tested):
                imported.append(line)
        elif not re.match(r"if __name__ ==|\s+(unittest|pytest)\.main\(", line):
            body.append(line)
    tests = "\n".join(body)
    if language.id == "python":
        tests = re.sub(r"\n+(?=(@.*\n)*(async )?(def|class) )", "\n\n\n", tests)
    return imported, re.sub(r"\n{4,}", "\n\n\n", tests).strip("\n")


def _is_test(item: Definition, source: Source) -> bool:
    """Whether a definition is a test that only has the name of what it tests."""
    around = [one for one in source.definitions() if one.span.start < item.span.start < one.span.end]
    is_marked = re.match(r"@\w*Test\b", source.text[item.span.start : item.span.end]) is not None
    return is_marked or any("test" in one.name.lower() for one in around)


def _is_wanted(line: str, target: Target, tested: set[str]) -> bool:
    if any(re.search(_word(name), line) for name in tested) or line.startswith("package"):
        return False
    match = re.match(r"(?:from|import)\s+([\w.]+)", line)
    if match and target.source is not None and target.source.language.id == "python":
        module = match[1].split(".")[0]
        return module in sys.stdlib_module_names or module in _TEST_MODULES
    return line in target.task.document.text or any(name in line for name in _TEST_MODULES)


def _edits(document: Document, place: Suite, imported: list[str], body: str) -> tuple[Edit, ...]:
    ending = document.line_ending
    if place.document is None:
        head = imports.in_head(_used_of(place.head, body), imported)
        return (Edit(Span(0, 0), f"{head}\n\n{_renamed(body, '')}\n"),)
    text = document.text
    end = len(text.rstrip())
    tail = f"{ending * 3}{_renamed(body, text)}".replace("\r\n", "\n").replace("\n", ending) + ending
    edits = [Edit(Span(end, len(text)), tail)]
    lines = [*imported, *([place.importing] if place.importing and not _has(text, place.importing) else [])]
    if lines:
        at = imports.below(document)
        edits.insert(0, Edit(Span(at, at), "".join(f"{line}{ending}" for line in lines)))
    return tuple(edits)


def _used_of(head: str, body: str) -> str:
    """Leave out of the imports of a new file what its tests do not use: `describe` of node:test, say."""

    def used(match: re.Match[str]) -> str:
        names = [one for one in re.split(r"\s*,\s*", match[2]) if re.search(rf"\b{one}\b", body)]
        return f"{match[1]}{{ {', '.join(names)} }}{match[3]}" if names else match[0]

    pattern = r"^(import |const )\{ ([\w, ]+) \}((?: from | = require\()[\"'](?:node:test|vitest)[\"'].*)$"
    return re.sub(pattern, used, head, flags=re.MULTILINE)


def _has(text: str, importing: str) -> bool:
    """Whether a file brings in what a line of ours would, in whichever form."""
    if importing in text:
        return True
    match = re.search(r"import \{? ?(\w+)", importing)
    return bool(match) and re.search(rf"import\b[^\n]*\b{match[1]}\b", text) is not None if match else False


def _renamed(body: str, existing: str) -> str:
    """Give tests whose names are taken another one."""

    def free(match: re.Match[str]) -> str:
        name, n = match[2], 2
        if not re.search(rf"\b{name}\b", existing):
            return match[0]
        while re.search(rf"\b{name}_{n}\b", existing):
            n += 1
        return f"{match[1]}{name}_{n}"

    return re.sub(r"^((?:async )?def |func |class )(\w+)", free, body, flags=re.MULTILINE)

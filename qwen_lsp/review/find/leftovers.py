"""What a change left: code in comments, imports that nothing uses or that stand twice, copied lines.

Lines and tokens are compared, no trees. Nothing breaks today, so each is a remark, but for imports. It knows
no models.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from qwen_lsp.messages import Locale
from qwen_lsp.review import finding
from qwen_lsp.review.change.change import Change, ChangedFile
from qwen_lsp.review.finding import Finding
from qwen_lsp.syntax.rules import all_rules, is_fixture, is_test_path
from qwen_lsp.text import Document

CODE, IMPORT, TWICE, COPY = "commented-out-code", "unused-import", "imported-twice", "copied-lines"
BLANKS, UNUSED = "stray-blanks", "unused-name"
RULES = (CODE, IMPORT, TWICE, COPY, BLANKS, UNUSED)
_MAX_FILES = 500
_MAX_CHARS = 500_000
_MAX_IN_A_FILE = 2
_SLASHED = (
    *(".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".java", ".kt", ".go", ".rs", ".php", ".swift", ".scala"),
    *(".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".mts", ".cts", ".dart"),
)
_CODE = (*_SLASHED, ".py", ".rb", ".lua", ".vue", ".svelte")
_SCRIPTS = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".mts", ".cts")
_COMMENT = re.compile(
    r"^\s*(?://(?![/!])|#(?![!\[])(?!\s*(?:include|define|if|el|end|pragma|undef|error)))\s?(.*)$"
)
_TYPES = re.compile(r"\.d\.[cm]?ts$")
# An import makes a file a module, which declares more of another one.
_DECLARES = re.compile(r"^declare\s+(?:module|global)\b", re.M)
# A name may say that it is.
_MEANT_UNUSED = re.compile(r"(?i)^_|unused|side_?effects?")
# A statement of languages that end one with a sign.
_STATEMENT = re.compile(
    r"[\w.>\-\[\]:*&$@<, ]+\([^\n]*\)\s*;|[\w.>\-\[\]$]+(?:\s+[\w$*&]+)?\s*[-+*/|&]?=[^=>][^\n]*;"
    r"|(?:return|throw|break|continue|import|using|delete|await)\b[^\n]*;"
)
_BESIDE_CODE = re.compile(r"[{}()\[\],;]*|(?:if|for|while|else|\}\s*else)\b.*\{|[\w.\[\]>\-]+\s*\(|[^a-z]*")
_EXAMPLE = re.compile(
    r"(?i)\b(?:e\.g\.|i\.e\.|example|usage|such as|like this|equivalent|pseudo\w*|becomes|instead of|same as|"
    r"produces|looks like|translates|compiles|generated?)\b|[:：]\s*$"
)
_JAVA_IMPORT = re.compile(r"^import\s+(?:static\s+)?[\w.]+\.(\w+)\s*;")
_PHP_USE = re.compile(r"^use\s+(?:function\s+|const\s+)?\\?[\w\\]+?(?:\\)?(\w+)(?:\s+as\s+(\w+))?\s*;")
_SCRIPT_IMPORT = re.compile(r"^import[ \t]([^'\";]{1,2000}?)\bfrom[ \t]*['\"]", re.M)
_IMPORT_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
_INCLUDE = re.compile(r"^\s*#\s*include\s*([<\"][^>\"]+[>\"])")
_WORD = re.compile(r"\w+")
# What a program writes is copied by that program.
_GENERATED = re.compile(r"(?i)\bgenerated\b|do not edit")
_HEAD_CHARS = 1_000
_MIN_LINES, _MIN_SIGNS = 6, 180
# A line that does something: data, markup and its attributes are alike by nature.
_DOES = re.compile(r"^(?!<|@|case\b|[\w-]+=[\"'{]|['\"\w-]+\??:(?!:)).*(?:[;{]$|\)$|\w\(|\s[-+*/|&]?=\s)")
_WEIGHTLESS = re.compile(
    r"^(?:[\W_]*|import\b.*|from\b.*|#.*|//.*|\*.*|/\*.*|using\b.*|use\b.*|package\b.*|else\b.*|\}.*|break;?|return;?|default:|end)$"
)


# Locals are indented; what a function at the left of a file or a class defines may be for others.
_SCRIPT_LOCAL = re.compile(
    r"^(?:[ \t]+(?:const|let|var)[ \t]+([A-Za-z_$]\w*)[ \t]*(?::[^=]+)?=(?![=>])"
    r"|[ \t]+private[ \t]+(?:async[ \t]+)?([A-Za-z_]\w*)[ \t]*\("
    r"|(?:async[ \t]+)?function[ \t]+(?P<whole>[A-Za-z_]\w*)[ \t]*\()"
)
_MODULE = re.compile(r"^(?:export\b|module\.exports\b|import\b)", re.M)
_TYPED_LOCAL = re.compile(
    r"^[ \t]+(?:final[ \t]+|const[ \t]+)?(?!return\b|new\b|else\b|case\b|using\b|private\b|public\b|"
    r"protected\b|static\b|internal\b|package\b|throw\b|delete\b|goto\b|typedef\b)"
    r"[A-Za-z_][\w:]*(?:<[\w:<>, ?]*>)?(?:\[\])?[ \t]+([a-z]\w*)[ \t]*=[ \t]*[^=]"
)
_LOCAL = (
    (_SCRIPTS, _SCRIPT_LOCAL),
    ((".java", ".cs"), _TYPED_LOCAL),
)
_ENDS_IN_BLANKS = re.compile(r"\S[ \t]+$", re.M)
_NO_END: dict[Locale, str] = {
    "en": "The last line of the file does not end.",
    "zh": "文件最后一行缺少换行符。",
}


@dataclass(frozen=True, slots=True)
class Left:
    """One place: the rule, the line from 0, its identity, what fills the message."""

    rule: str
    line: int
    identity: str
    values: dict[str, str]


def run(change: Change, files: Sequence[ChangedFile], locale: Locale) -> list[Finding]:
    """Return what a change left behind in its files."""
    # What the change took away somewhere, it only moved.
    moved = {"".join(line.text.split()) for file in files for line in file.patch.removed}
    found: list[Finding] = []
    is_blank = False
    for file in files[:_MAX_FILES]:
        if not file.after or file.is_partial or len(file.after) > _MAX_CHARS or not file.path.endswith(_CODE):
            continue
        if _GENERATED.search(file.after[:_HEAD_CHARS]):
            continue
        for check in (_commented, _unused, _twice, _copied, _unread):
            for one in islice(check(file, moved), _MAX_IN_A_FILE):
                entry = _finding(file.document, one, locale)
                is_on = entry.start_line in file.patch.added
                found.append(entry if is_on else replace(entry, is_caused=True))
        if not is_blank and (blank := next(_blanks(file), None)):  # once says it for all of a change
            is_blank = True
            found.append(_finding(file.document, blank, locale))
    return found


def _commented(file: ChangedFile, moved: Collection[str]) -> Iterator[Left]:
    """Yield code that became a comment: lines that the change had as code, or statements."""
    if is_test_path(file.path):
        return
    document = file.document
    gone = {"".join(line.text.split()) for line in file.patch.removed}
    block: list[tuple[int, str]] = []
    for number in sorted({*file.patch.added, document.line_count + 1}):
        text = document.line(number - 1) if number <= document.line_count else ""
        match = _COMMENT.match(text)
        is_new = match is not None and "".join(text.split()) not in moved
        if block and (not is_new or number != block[-1][0] + 1):
            if first := _code_in(file, block, gone):
                yield Left(CODE, first - 1, document.line(first - 1).strip(), {})
            block = []
        if match is not None and is_new:
            block.append((number, match[1]))


def _code_in(file: ChangedFile, block: list[tuple[int, str]], gone: set[str]) -> int | None:
    """Return the first line of code in a comment; None where it is a sentence or shows an example."""
    above = block[0][0] - 2
    if above >= 0 and (match := _COMMENT.match(file.document.line(above))) and _EXAMPLE.search(match[1]):
        return None
    is_slashed = file.path.endswith(_SLASHED)
    code = []
    for number, text in block:
        plain = "".join(text.split())
        if len(plain) >= 8 and plain in gone and re.search(r"[=(;{]", plain):
            return number
        if is_slashed and _STATEMENT.fullmatch(text.strip()):
            code.append(number)
        elif not _BESIDE_CODE.fullmatch(text.strip()):
            return None
    return code[0] if code else None


def _unused(file: ChangedFile, _: Collection[str]) -> Iterator[Left]:
    """Yield imports whose name stands nowhere else in the file, comments included."""
    if is_fixture(file.path) or _TYPES.search(file.path) or _DECLARES.search(file.after or ""):
        return
    names = [one for one in _imports(file.after or "", file.path) if not _MEANT_UNUSED.search(one[0])]
    if not names:
        return
    counts = Counter(_WORD.findall(file.after or ""))
    unused = {name: file.document.line_of(at) for name, at in names if counts[name] == 1}
    if not unused:
        return
    before = Counter(_WORD.findall(file.before or ""))
    known = {name for name, _ in _imports(file.before or "", file.path) if before[name] == 1}
    by_line: dict[int, list[str]] = defaultdict(list)
    for name, line in unused.items():
        if name not in known:
            by_line[line].append(name)
    for line, found in by_line.items():
        yield Left(
            IMPORT, line, f"{IMPORT} {' '.join(found)}", {"names": ", ".join(f"`{one}`" for one in found)}
        )


def _imports(text: str, path: str) -> list[tuple[str, int]]:
    """List the names that a file imports, and where they stand."""
    found: list[tuple[str, int]] = []
    if path.endswith((".java", ".php")):
        pattern = _JAVA_IMPORT if path.endswith(".java") else _PHP_USE
        at = 0
        for line in text.split("\n"):
            if match := pattern.match(line):
                found.append((next(part for part in reversed(match.groups()) if part), at))
            at += len(line) + 1
    elif path.endswith(_SCRIPTS):
        for match in _SCRIPT_IMPORT.finditer(text):
            at = match.start(1)
            if text.count("`", 0, at) % 2:  # code in a text
                continue
            named = _IMPORT_COMMENT.sub(lambda one: " " * len(one[0]), match[1])
            for part in re.split(r"[{},]", named):
                words = part.split()
                # `h` and its like are what JSX becomes.
                if (
                    words
                    and words[-1].isidentifier()
                    and words[-1] not in ("type", "React", "h", "jsx", "Fragment")
                ):
                    found.append((words[-1], at + part.rindex(words[-1])))
                at += len(part) + 1
    return found


def _twice(file: ChangedFile, _: Collection[str]) -> Iterator[Left]:
    """Yield headers and classes that are imported a second time."""
    if not file.path.endswith((".c", ".h", ".cc", ".cpp", ".hpp", ".java", ".php", ".m", ".mm")):
        return
    seen: dict[str, int] = {}
    depth = 0
    for at in range(file.document.line_count):
        line = file.document.line(at)
        text = line.strip()
        if text.startswith("#"):
            word = text[1:].lstrip()
            depth += word.startswith("if") - word.startswith("endif")
        match = _INCLUDE.match(line) or _JAVA_IMPORT.match(line) or _PHP_USE.match(line)
        if match is None:
            continue
        key = text.split("//")[0].strip()
        if key in seen and (at + 1 in file.patch.added or seen[key] + 1 in file.patch.added):
            yield Left(TWICE, at, f"{TWICE} {key}", {"line": str(seen[key] + 1)})
        elif depth <= (file.path.endswith((".h", ".hpp"))):
            seen.setdefault(key, at)


def _copied(file: ChangedFile, moved: Collection[str]) -> Iterator[Left]:
    """Yield runs of added lines that stand in the file a second time."""
    added = file.patch.added
    if is_test_path(file.path) or len(added) < _MIN_LINES:
        return
    rows = []
    for at in range(file.document.line_count):
        text = " ".join(file.document.line(at).split())
        if text and not _WEIGHTLESS.match(text):
            rows.append((text, at))
    windows: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for first in range(len(rows) - _MIN_LINES + 1):
        windows[tuple(text for text, _ in rows[first : first + _MIN_LINES])].append(first)
    done = -1
    for first in range(len(rows) - _MIN_LINES + 1):
        if first < done or rows[first][1] + 1 not in added:
            continue
        same = windows[tuple(text for text, _ in rows[first : first + _MIN_LINES])]
        if same[0] + _MIN_LINES > first:
            continue
        other, n = same[0], _MIN_LINES
        while first + n < len(rows) and other + n < first and rows[first + n][0] == rows[other + n][0]:
            n += 1
        block = rows[first : first + n]
        is_new = all(at + 1 in added for _, at in block)
        is_new = is_new and not all("".join(text.split()) in moved for text, _ in block)
        signs = sum(len(text) for text, _ in block)
        n_doing = sum(_DOES.match(text) is not None for text, _ in block)
        done = first + n
        if (
            is_new
            and signs >= _MIN_SIGNS
            and n_doing > n * 2 // 3
            and len({text for text, _ in block}) >= n - 1
        ):
            where = f"{rows[other][1] + 1}-{rows[other + n - 1][1] + 1}"
            yield Left(COPY, block[0][1], f"{COPY} {block[0][0]}", {"n": str(n), "where": where})


def _unread(file: ChangedFile, _: Collection[str]) -> Iterator[Left]:
    """Yield local variables and private functions whose name stands nowhere else in the file."""
    pattern = next((one for endings, one in _LOCAL if file.path.endswith(endings)), None)
    if pattern is None:
        return
    found: list[tuple[str, int]] = []
    for number in sorted(file.patch.added):
        match = pattern.match(file.document.line(number - 1))
        name = next(part for part in match.groups() if part) if match is not None else "_"
        # A script without exports is read by others.
        is_own = match is None or not match.groupdict().get("whole") or _MODULE.search(file.after or "")
        if name[0] != "_" and is_own:
            found.append((name, number - 1))
    counts = Counter(_WORD.findall(file.after or "")) if found else Counter()
    for name, line in found:
        if counts[name] == 1:
            yield Left(UNUSED, line, f"{UNUSED} {name}", {"name": name})


def _blanks(file: ChangedFile) -> Iterator[Left]:
    """Yield the first line that ends in blanks where the file had none, and a last one that does not end."""
    document, text = file.document, file.after or ""
    if not file.path.endswith((*_SLASHED, ".py")) or is_test_path(file.path):
        return
    if _ENDS_IN_BLANKS.search(file.before or ""):
        return
    for number in sorted(file.patch.added):
        line = document.line(number - 1)
        if line.strip() and line != line.rstrip():
            yield Left(BLANKS, number - 1, line.strip(), {"what": ""})
            return
    last = document.line_count
    is_ended = text.endswith(("\n", "\r")) or (file.before is not None and not file.before.endswith("\n"))
    if not is_ended and last in file.patch.added:
        yield Left(BLANKS, last - 1, document.line(last - 1).strip(), {"what": "end"})


def _finding(document: Document, one: Left, locale: Locale) -> Finding:
    rule = all_rules()[one.rule]
    message = _NO_END[locale] if one.values.get("what") == "end" else rule.message.to(locale)
    for key, value in one.values.items():
        message = message.replace("{" + key + "}", value)
    return finding.of_rule(document, one.line, rule, message, locale, identity=one.identity)

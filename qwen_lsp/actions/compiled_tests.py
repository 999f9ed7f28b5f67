"""Whether a test in Go or Java can compile, as far as that can be seen without a compiler.

Only names: of packages, members, fields, types and locals, and how many arguments a constructor takes. What
the sources beside the tested file, the test itself and the listed words of the standard libraries do not have
is a guess of the model. Reads the files of the tested file's folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from qwen_lsp.actions import imports
from qwen_lsp.actions.target import Target
from qwen_lsp.context import named_files
from qwen_lsp.errors import InputError
from qwen_lsp.syntax import code, contract
from qwen_lsp.syntax.code import Source

_MAX_FILES = 60
_NOT_CODE = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:[^\"\\\n]|\\.)*\"|`[^`]*`|'(?:[^'\\\n]|\\.)+'", re.DOTALL)
_GO_WORDS = """
    append any bool break byte cap case chan clear close comparable complex const continue copy
    default defer delete else error fallthrough false float32 float64 for func go goto if import int
    int16 int32 int64 int8 interface iota len make map max min new nil package panic print println
    range recover return rune select string struct switch true type uint uint16 uint32 uint64 uint8
    uintptr var _
"""
# Members of the standard library that tests use. Source: pkg.go.dev/std.
_GO_MEMBERS = """
    As Background Bool Buffer Builder Cleanup Contains Canceled Close DeepEqual Discard
    Duration EOF Error Errorf Equal Fatal Fatalf Fields HasPrefix HasSuffix Header Helper Index Int
    Is Itoa Join Len Local Log Logf MethodGet MethodPost Millisecond Minute Mutex Name New NewBuffer
    NewBufferString NewReader NewRequest NewRecorder NewServer Now ReadAll ReadFile Repeat Replace
    ReplaceAll Request Response ResponseRecorder ResponseWriter Run Second Seconds Server Setenv
    Skip Split Sprint Sprintf StatusBadRequest StatusOK String Sub T TempDir Time ToLower ToUpper
    TODO TrimSpace UTC URL Unix Unwrap WaitGroup WithCancel WithTimeout WriteFile Hour Date
"""
_KNOWN = frozenset(_GO_WORDS.split())
_MEMBERS = frozenset(_GO_MEMBERS.split())
_ANDROID = re.compile(r"^import\s+(?:static\s+)?(android|androidx)\.[\w.]*?\.(\w+);", re.MULTILINE)
_STANDS_IN = re.compile(r"robolectric|mockito|mockk|easymock", re.IGNORECASE)
_BUILD_FILES = ("build.gradle", "build.gradle.kts", "pom.xml", "app/build.gradle", "android/build.gradle")
# Source: java.lang, JUnit 5.
_JAVA_NAMES = """
    Test BeforeEach AfterEach DisplayName Nested ParameterizedTest Assertions Object String Integer
    Long Double Float Boolean Byte Short Character Math System Thread Runnable StringBuilder
    Override Throwable Exception RuntimeException IllegalArgumentException IllegalStateException
    NullPointerException IndexOutOfBoundsException Error Class Iterable
    UnsupportedOperationException ArithmeticException NumberFormatException ClassCastException
    InterruptedException SuppressWarnings Void Number CharSequence Comparable Enum
"""
_JAVA_KNOWN = frozenset(_JAVA_NAMES.split())


def unknown(target: Target, tests: str) -> list[str]:
    """List what a test in Go or Java uses and nobody declares, or uses otherwise than it is declared."""
    source = target.source
    if source is None or source.language.id not in ("go", "java"):
        return []
    beside = [text for name, text in _beside(target) if not re.search(r"_test\.go$|Test\.java$", name)]
    found = _go(source, tests, beside) if source.language.id == "go" else _java(target, source, tests)
    return list(dict.fromkeys(found))


def cleaned(target: Target, tests: str) -> str:
    """Take out of a test in Go what is said twice: types of the package, and tests of its other functions.

    A package does not qualify its own names, either.
    """
    source, tested = target.source, target.definition
    if source is None or tested is None or source.language.id != "go":
        return tests
    package = "\n".join((source.text, *(text for _, text in _beside(target))))
    types = set(re.findall(r"^type (\w+)", package, re.MULTILINE))
    known = {*_go_imports(source.text), *imports.GO}
    for prefix, name in set(re.findall(r"(?<![\w.])([a-z]\w*)\.([A-Z]\w*)", tests)):
        if name in types and prefix not in known and not re.search(rf"\b{prefix}\b\s*(?::=|,|=)", tests):
            tests = re.sub(rf"(?<![\w.]){prefix}\.{name}\b", name, tests)
    parts = re.split(r"^(?=(?:func|type|var|const) )", tests, flags=re.MULTILINE)
    own = [one for one in parts if (named := re.match(r"type (\w+)", one)) is None or named[1] not in types]
    calls = re.compile(rf"(?<!\w){re.escape(tested.name)}\(")
    kept = [one for one in own if not re.match(r"func Test", one) or calls.search(one)]
    is_left = any(re.match(r"func Test", one) for one in kept)
    return "".join(kept if is_left else own).strip("\n")


def needed(target: Target, tests: str) -> list[str]:
    """List the imports that a test in Go or Java needs: those of the tested file, and of the language."""
    source = target.source
    if source is None or source.language.id not in ("go", "java"):
        return []
    bare = _NOT_CODE.sub('""', tests)
    found: list[str] = []
    if source.language.id == "go":
        own = _go_imports(source.text)
        for name in dict.fromkeys(re.findall(r"(?<![\w.])([a-z]\w*)\.[A-Z]", bare)):
            if line := own.get(name) or (f'import "{imports.GO[name]}"' if name in imports.GO else ""):
                found.append(line)
        return [line for line in found if line != 'import "testing"']
    for name in dict.fromkeys(re.findall(r"(?<![\w.])[A-Z]\w*", bare)):
        own_line = re.search(rf"^import\s+[\w.]+\.{name};", source.text, re.MULTILINE)
        if own_line is not None:
            found.append(own_line[0])
        elif name in imports.JAVA:
            found.append(f"import {imports.JAVA[name]}.{name};")
    return found


def stand_ins(target: Target) -> list[str]:
    """List the classes of Android that a function uses: outside a device they only throw.

    Nothing where the project has a library that stands in for them.
    """
    source, tested = target.source, target.definition
    if source is None or tested is None or source.language.id not in ("java", "kotlin"):
        return []
    text = source.text[tested.span.start : tested.span.end]
    bare = _NOT_CODE.sub('""', text)
    found = [match[2] for match in _ANDROID.finditer(source.text) if re.search(rf"\b{match[2]}\b", bare)]
    if not found:
        return []
    root = Path(target.task.root) if target.task.root else None
    texts = [_read(root / name, root) for name in _BUILD_FILES] if root is not None else []
    return [] if any(map(_STANDS_IN.search, texts)) else list(dict.fromkeys(found))


def _go_imports(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in re.finditer(
        r"^(?:import\s+|\t)(?:(?P<alias>\w+)\s+)?\"(?P<path>[\w./-]+)\"", text, re.MULTILINE
    ):
        name = match["alias"] or re.sub(
            r"^go-|-go$|\.v\d+$", "", re.sub(r"/v\d+$", "", match["path"]).split("/")[-1]
        )
        alias = f"{match['alias']} " if match["alias"] else ""
        found[name] = f'import {alias}"{match["path"]}"'
    return found


def _go(source: Source, tests: str, beside: list[str]) -> Iterator[str]:
    bare = _NOT_CODE.sub('""', tests)
    package = "\n".join((source.text, *beside))
    words = set(re.findall(r"[A-Za-z_]\w*", package))
    own = set(re.findall(r"(?<![\w.])[A-Za-z_]\w*", bare))
    packages = {*_go_imports(source.text), *imports.GO}
    for name in dict.fromkeys(re.findall(r"\.([A-Za-z_]\w*)", bare)):
        if name not in words and name not in _MEMBERS and not re.search(rf"^\s+{name}\s+[\w*\[]", bare, re.M):
            yield name
    if "errors.New(" in bare and not re.search(r"errors\.(Is|As)\(|\.Error\(\)", bare):
        yield "errors.New, which equals no other error"
    if re.search(r"\.Lock\(\)", bare):  # what is tested may wait for it
        yield "Lock"
    made = _go_bound(bare)
    for name in sorted(own):
        is_key = re.search(rf"(?<![\w.]){name}:(?!=)", bare) is not None
        if (
            name not in words
            and name not in _KNOWN
            and name not in made
            and name not in packages
            and not is_key
        ):
            yield name
    top = {
        name
        for text in (source.text, *beside)
        for name in re.findall(r"^(?:var|const|func|\t)\s*(\w+)", text, re.M)
    }
    for name in made:
        n_used = len(re.findall(rf"(?<![\w.]){name}(?!\w)", bare))
        is_local = re.search(rf"(?<![\w.]){name}(?:\s*,\s*\w+)*\s*:=", bare) is not None
        if is_local and n_used < 2 and name != "_":
            yield f"{name} is not used"
        if is_local and re.search(rf"^(?:var|const)\s+{name}\b", package, re.MULTILINE) and name in top:
            yield f"{name} of the package is another"


def _go_bound(bare: str) -> set[str]:
    """Return the names that a test declares itself."""
    found = set(re.findall(r"(?:var|const|type|func)\s+(\w+)", bare))
    for listed in re.findall(r"((?:\w+\s*,\s*)*\w+)\s*:=", bare):
        found |= set(re.findall(r"\w+", listed))
    for listed in re.findall(r"func\s*\w*\s*\(([^()]*)\)", bare):
        found |= set(re.findall(r"(\w+)\s+[\w*.\[]", listed)) | set(re.findall(r"(\w+)\s*,", listed))
    for inside in re.findall(r"struct \{([^{}]*)\}", bare):  # fields
        found |= set(re.findall(r"^\s*(\w+)(?=\s|,)", inside, re.MULTILINE))
    return found


def _java(target: Target, source: Source, tests: str) -> Iterator[str]:
    bare = _NOT_CODE.sub('""', tests)
    beside = dict(_beside(target))
    own = {one.name for one in source.definitions()} | set(
        re.findall(r"\b(?:class|interface|enum) (\w+)", bare)
    )
    imported = set(re.findall(r"^import\s+[\w.]+\.(\w+);", source.text, re.MULTILINE))
    for name in dict.fromkeys(re.findall(r"(?<![\w.])[A-Z]\w*", bare)):
        is_beside = f"{name}.java" in beside
        if not (name in own or is_beside or name in imported or name in _JAVA_KNOWN or name in imports.JAVA):
            yield name
    for match in re.finditer(r"\bnew ([A-Z]\w*)(?:<[^>]*>)?\(", bare):
        text = source.text if match[1] in own else beside.get(f"{match[1]}.java", "")
        counts = _constructors(text, match[1], source)
        n_given = _n_arguments(bare, match.end())
        if counts is not None and n_given not in counts:
            yield f"new {match[1]} with {n_given} arguments"


def _constructors(text: str, name: str, source: Source) -> set[int] | None:
    """Return how many arguments the constructors of a class take; None where its source is not known."""
    parsed = code.parse(text, source.language) if text else None
    if parsed is None or not re.search(rf"\bclass {name}\b", text):
        return None
    if re.search(rf"\babstract\s+(?:\w+\s+)*class {name}\b", text):
        return set()
    makers = [one for one in parsed.definitions() if one.is_function and one.name == name]
    public = [
        one for one in makers if "private" not in parsed.text[one.span.start : one.header.end].split("(")[0]
    ]
    promises = [contract.of(parsed, one) for one in public]
    return {len(one.parameters) for one in promises if one is not None} if makers else {0}


def _n_arguments(text: str, start: int) -> int:
    depth, n_commas = 1, 0
    for at in range(start, len(text)):
        depth += (text[at] in "([{") - (text[at] in ")]}")
        n_commas += text[at] == "," and depth == 1
        if depth == 0:
            return n_commas + 1 if text[start:at].strip() else 0
    return n_commas


def _beside(target: Target) -> list[tuple[str, str]]:
    if not target.task.root:
        return []
    root = Path(target.task.root)
    path, ending = PurePosixPath(target.task.path), PurePosixPath(target.task.path).suffix
    files = sorted((root / path.parent).glob(f"*{ending}"))[:_MAX_FILES]
    return [(file.name, _read(file, root)) for file in files if file.name != path.name]


def _read(file: Path, root: Path) -> str:
    try:
        return named_files.read(file, root).text
    except InputError:
        return ""

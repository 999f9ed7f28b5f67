"""The shape of the package: which way imports go, who may know what, and what the documents must name."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from qwen_lsp.endpoints import EndpointConfig
from qwen_lsp.model.dialects.known import DIALECTS
from tests.support.places import REPOSITORY

PACKAGE = REPOSITORY / "qwen_lsp"
FILES = sorted(PACKAGE.rglob("*.py"))

# From the bottom up: a module imports its own group and lower layers, never a higher one. In one layer,
# groups named apart never import one another, except along ALLOWED.
LAYERS: list[set[str]] = [
    {
        "action_settings",
        "endpoints",
        "visible",
        "secret_files",
        "text",
        "errors",
        "trace",
        "messages",
        "child",
        "redaction",
        "files",
        "foreign_toml",
        "globs",
        "sandbox",
    },
    {"confined", "policy", "engine_settings"},
    {"config", "git", "logs", "settings_file"},
    {"schema", "trust"},
    {"syntax"},
    {"index", "model"},
    {"context"},
    {"completion", "actions", "review"},
    {"lsp"},
    {"bench"},
    {"cli"},
    {"__main__"},
]
# The demo colours its ghost text as the terminal does.
ALLOWED = {("bench", "cli")}
LIBRARIES = {
    "pygls": {"lsp"},
    "lsprotocol": {"lsp"},
    "httpx": {"model", "review"},  # to a model, and where a review is posted
    "xllamacpp": {"model"},
    "tree_sitter": {"syntax"},
    "rich": {"cli"},
    "click": {"cli"},
}
FIM_TOKEN_HOLDERS = {"model/catalog.toml", "model/catalog.py", "completion/prompt.py"}
EMPTY_NAMES = {"utils", "util", "core", "common", "helpers", "helper", "misc", "services", "managers", "base"}
MAX_LINES = 450
MAX_ARCHITECTURE_LINES = 120


@dataclass(frozen=True)
class Import:
    """One import as it is written, also of the type checker alone."""

    module: str
    target: str
    line: int


def module_name(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def group(module: str) -> str:
    """Return the part of the package that a module belongs to; "" for the package itself."""
    return [*module.split("."), ""][1]


def imports_of(path: Path) -> list[Import]:
    tree = ast.parse(path.read_text("utf-8"))
    found: list[Import] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} is a relative import"
            assert node.module
            dotted = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in dotted]
        else:
            continue
        found += [Import(module_name(path), name, node.lineno) for name in names]
    return found


IMPORTS = [entry for path in FILES for entry in imports_of(path)]
OWN = [entry for entry in IMPORTS if entry.target in MODULES]


def layer(name: str) -> int:
    found = [number for number, names in enumerate(LAYERS) if name in names]
    assert found, f"qwen_lsp.{name} has no place in the layers: give it one in {Path(__file__).name}"
    return found[0]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_one_way(module: str) -> None:
    wrong = []
    for entry in OWN:
        source, target = group(module), group(entry.target)
        if entry.module != module or not source or not target or source == target:
            continue
        is_down = layer(target) < layer(source)
        if not is_down and (source, target) not in ALLOWED:
            wrong.append(f"line {entry.line}: {source} must not import {target}")
    assert wrong == []


def test_no_cycles() -> None:
    """Not even between modules of one group, nor for the type checker alone."""
    graph: dict[str, set[str]] = {module: set() for module in MODULES}
    for entry in OWN:
        if entry.target != entry.module:
            graph[entry.module].add(entry.target)
    while free := [module for module, targets in graph.items() if not targets]:
        for module in free:
            del graph[module]
        for targets in graph.values():
            targets.difference_update(free)
    assert graph == {}, "these import one another in a circle"


@pytest.mark.parametrize("library", sorted(LIBRARIES))
def test_a_library_is_known_in_one_place(library: str) -> None:
    users = {group(entry.module) for entry in IMPORTS if entry.target.split(".")[0] == library}
    # The benchmarks look at the product and its rivals from outside; no editor ever runs them.
    assert users - {"bench"} <= LIBRARIES[library]
    assert users, "nothing imports it: drop the rule"


# Paths of endpoints' APIs, and the names of dialects: what differs between endpoints is in one place.
SPOKEN = re.compile(r"[\"']/(?:v1/|completion|props|slots|tokenize|apply-template|health|infill|api/)")
ASKED = re.compile(
    r"dialect\.name\s*[!=]=|endpoint\.kind\s*(?:[!=]=|in\b)|isinstance\([^)]*\bDialect\b"
    r"|is (LLAMA|OLLAMA|OPENAI|INFILL|VLLM|SGLANG|TENSORRT|LM_STUDIO|MODEL_STUDIO|CHAT_ONLY)\b"
)


def test_only_a_dialect_knows_an_api() -> None:
    """Everybody else asks what an endpoint can do (`can`), never what it is."""
    code = {module: path.read_text("utf-8") for module, path in MODULES.items()}
    ours = {module: text for module, text in code.items() if not module.startswith("qwen_lsp.bench")}
    speakers = {module for module, text in ours.items() if SPOKEN.search(text)}
    assert speakers
    assert {module for module in speakers if not module.startswith("qwen_lsp.model.dialects.")} == set()
    asking = {module for module, text in ours.items() if ASKED.search(text)}
    assert asking == {"qwen_lsp.model.dialects.known"}, "which is where a server is recognized"
    holders = {
        entry.module
        for entry in OWN
        if re.fullmatch(r"qwen_lsp\.model\.dialects\.(?!dialect$|known$)\w+", entry.target)
        and not entry.module.startswith("qwen_lsp.model.dialects.")
    }
    # Our own engine speaks llama.cpp's, which is also what an address without more stands for.
    engine = {f"qwen_lsp.model.{name}" for name in ("engine", "relay", "shared")}
    assert holders == {"qwen_lsp.model.client", *engine}


def test_the_settings_name_every_dialect() -> None:
    kinds = get_args(get_args(get_type_hints(EndpointConfig, include_extras=True)["kind"])[0])
    assert kinds == ("auto", *(dialect.name for dialect in DIALECTS))


def test_only_two_places_hold_fim_tokens() -> None:
    tokens = re.compile(r"<\|\w+\|>")
    holders = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*")
        if path.suffix in (".py", ".toml", ".scm") and tokens.search(path.read_text("utf-8"))
    }
    assert holders <= FIM_TOKEN_HOLDERS
    assert "model/catalog.toml" in holders


def test_names_say_something() -> None:
    empty = [module for module in MODULES if set(module.split(".")) & EMPTY_NAMES]
    assert empty == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_holds_one_noun(path: Path) -> None:
    lines = path.read_text("utf-8").count("\n")
    assert lines <= MAX_LINES, f"{lines} lines: split it where it holds two things"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_says_what_it_is(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not text or ast.get_docstring(ast.parse(text)) or path.name == "__init__.py"


def test_git_is_run_in_one_place() -> None:
    runners = {
        module
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, (ast.List, ast.Tuple))
        and node.elts
        and isinstance(node.elts[0], ast.Constant)
        and node.elts[0].value in ("git", "git.exe")
    }
    assert {module for module in runners if not module.startswith("qwen_lsp.bench.")} == set()


# The one room for each way out; everything else of foreign origin passes through it.
ONLY_WAYS = {
    r"\bclick\.(?:secho|echo)\(": "cli/echo.py",
    r"from rich\.console import .*\bConsole\b(?!Options)|console\.Console\)": "cli/console.py",
    r"\bwindow_(?:show_message|log_message)\w*\(": "lsp/client.py",
}


@pytest.mark.parametrize("way", ONLY_WAYS)
def test_foreign_text_has_one_way_out(way: str) -> None:
    users = {
        path.relative_to(PACKAGE).as_posix() for path in FILES if re.search(way, path.read_text("utf-8"))
    }
    assert users <= {ONLY_WAYS[way]}


@pytest.mark.parametrize(
    "name", ["README.md", "README.zh-CN.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE"]
)
def test_the_documents_are_there(name: str) -> None:
    assert (REPOSITORY / name).read_text("utf-8").strip()


def test_the_architecture_has_a_row_for_every_package() -> None:
    text = (REPOSITORY / "ARCHITECTURE.md").read_text("utf-8")
    packages = {path.parent.relative_to(PACKAGE).as_posix() for path in FILES} - {"."}
    floor = {path.name for path in FILES if path.parent == PACKAGE} - {"__init__.py", "__main__.py"}
    named = set(re.findall(r"`([\w/]+/|\w+\.py)`", text))
    assert {f"{name}/" for name in packages} | floor <= named
    assert len(text.splitlines()) <= MAX_ARCHITECTURE_LINES


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.name == "__init__.py"], ids=lambda path: path.parent.name
)
def test_a_package_says_what_it_owns(path: Path) -> None:
    assert len(ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "") > 40


def test_the_tests_that_the_architecture_names_exist() -> None:
    text = (REPOSITORY / "ARCHITECTURE.md").read_text("utf-8")
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", text))
    assert named, "each invariant names the test that holds it"
    assert {name for name in named if not (REPOSITORY / name).is_file()} == set()


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("__init__.py")), ids=lambda file: file.parent.name)
def test_a_package_says_what_it_owns_what_it_must_not_know_and_where_to_start(file: Path) -> None:
    text = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    owns, _, rest = text.partition("Must not ")
    assert len(owns.strip()) > 20
    start = re.search(r"\bStart with\b(.*)", rest, re.DOTALL)
    assert start
    for name in re.findall(r"`([a-z_/]+\.py)`", start[1]):
        assert (file.parent / name).is_file(), name

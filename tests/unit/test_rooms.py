"""Who may start a process, open a file, connect, run a text or print: by module, whatever it is called there.

A name is followed to where it comes from, through `import a as b` and `from a import b as c`, and counts
wherever it is mentioned, called or not.
"""

from __future__ import annotations

import ast
import re

import pytest

from tests.unit.test_architecture import MODULES

# What each way out is called at its source.
STARTING = re.compile(
    r"subprocess\.(?:run|Popen|call|check_\w+|getoutput|getstatusoutput)"
    r"|asyncio(?:\.subprocess)?\.create_subprocess_\w+|.*\.subprocess_(?:exec|shell)"
    r"|os\.(?:system|popen|exec\w+|spawn\w+|posix_spawn\w*|fork|forkpty|startfile)|pty\.(?:spawn|fork)"
    r"|multiprocessing\.\w+.*|concurrent\.futures\.ProcessPoolExecutor"
)
OPENING = re.compile(
    r"(?:builtins\.|io\.|os\.|codecs\.|gzip\.|bz2\.|lzma\.|tarfile\.|shelve\.)?open"
    r"|os\.(?:truncate|link|symlink|mkfifo)|shutil\.(?:copy\w*|move|unpack_archive)|mmap\.mmap"
    r"|tempfile\.(?:NamedTemporaryFile|TemporaryFile|SpooledTemporaryFile|mkstemp)"
    r"|.*\.(?:read|write)_(?:text|bytes)|.*\.(?:touch|symlink_to|hardlink_to)"
)
# `open` is also what a session, a status and an archive do; a file is opened with a mode or in a `with`.
PATH_OPEN = re.compile(r"[\"'](?:[rwax]b?\+?|b[rwax]|rt|wt)[\"']")
CONNECTING = re.compile(
    r"socket(?:\.\w+)*|socketserver\.\w+|ssl\.\w+|asyncio\.(?:open_\w*connection|start_\w*server)"
    r"|(?:http\.client|urllib\.request|ftplib|smtplib|telnetlib|xmlrpc)\.\w+"
)
RUNNING = re.compile(
    r"(?:builtins\.)?(?:eval|exec|__import__)|runpy\.\w+|importlib\.(?:import_module|util\.\w+)"
    r"|code\.(?:interact|InteractiveConsole|InteractiveInterpreter)|pickle\.\w+|marshal\.loads?|shelve\.\w+|ctypes\.(?:CDLL|cdll|PyDLL|WinDLL)"
)
PRINTING = re.compile(r"(?:builtins\.)?print|sys\.(?:__)?stdout(?:__)?(?:\.\w+)*")


def mentioned(source: str) -> set[str]:
    """Return the names that a module mentions, as they are called where they come from."""
    tree = ast.parse(source)
    origins: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                origins[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            origins |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    found = set(origins.values())
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found.add(_dotted(node, origins))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(origins.get(node.id, node.id))
        elif isinstance(node, ast.Call) and _dotted(node.func, origins) in ("getattr", "builtins.getattr"):
            if len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
                found.add(f"{_dotted(node.args[0], origins)}.{node.args[1].value!s}")
        elif isinstance(node, ast.Call) and _opens_a_path(node):
            found.add("?.read_text")
    return found


def _opens_a_path(node: ast.Call) -> bool:
    is_open = isinstance(node.func, ast.Attribute) and node.func.attr == "open"
    return is_open and any(PATH_OPEN.fullmatch(ast.unparse(value)) for value in node.args)


def _dotted(node: ast.expr, origins: dict[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, origins)}.{node.attr}"
    return origins.get(node.id, node.id) if isinstance(node, ast.Name) else "?"


# The benchmarks, which run what a developer names, are left out.
MENTIONED = {
    module.removeprefix("qwen_lsp."): mentioned(path.read_text("utf-8"))
    for module, path in MODULES.items()
    if not module.startswith("qwen_lsp.bench")
}


def users(way: re.Pattern[str]) -> set[str]:
    return {module for module, names in MENTIONED.items() if any(way.fullmatch(name) for name in names)}


# What is not reached through `files`: files of the package itself or of the system, weights, logs, and what
# the user names on the command line.
OPENERS = {
    *("actions.calls", "actions.verified_tests"),
    *(
        "actions.checks",
        "actions.native_parsers",
        "actions.patch",
        "child",
        "cli.review",
        "config",
        "files",
        "index.database",
        "logs",
        "policy",
    ),
    *("lsp.action_explanation", "model.catalog", "model.gguf", "model.hardware"),
    *(
        "model.packages",
        "model.part",
        "model.q8_copy",
        "model.store",
        "review.find.copies",
        "review.report.pages",
    ),
    *("review.report.posting", "sandbox", "syntax.outline", "syntax.rules"),
}
ROOMS = {
    # The pool names the type of what `child` has started.
    "start a process": (
        STARTING,
        {
            *("child", "git", "index.parse_pool", "model.engine_host", "model.keys", "model.packages"),
            *("actions.native_parsers", "actions.ruff_fixes", "confined", "model.hardware"),
            *("model.native_build", "review.find.ruff", "review.find.spelling"),
        },
    ),
    "open a file": (OPENING, OPENERS),
    # A free port for a program of the user; certificates; our own engine; the shared one and its windows.
    "connect": (
        CONNECTING,
        {
            *("model.broker", "model.engine_host", "model.hubs", "model.lease", "model.local"),
            *("model.relay", "model.tls"),
        },
    ),
    # Code of a trusted folder, in a child; our grammars and commands; what a child of ours answers; the
    # system's library.
    "run code that is a text": (
        RUNNING,
        {
            *(
                "actions.measured",
                "actions.trial",
                "child",
                "index.parse_pool",
                "model.hardware",
                "model.packages",
                "sandbox",
            ),
            *("syntax.languages", "cli.main", "lsp.lean_heap"),
        },
    ),
    # It belongs to the protocol, and of the commands only click and rich write to it.
    "print": (
        PRINTING,
        {
            *("__main__", "actions.measured", "actions.trial", "cli.action", "cli.models", "cli.review"),
            *("cli.terminal", "lsp.server"),
        },
    ),
    "match patterns of strangers": (re.compile(r"pathspec\.(?!GitIgnoreSpec$).*"), {"globs"}),
    "read TOML of strangers": (
        re.compile(r"tomllib\.loads?"),
        {"actions.checks", "config", "foreign_toml", "model.catalog", "policy", "syntax.rules"},
    ),
}


@pytest.mark.parametrize("what", ROOMS)
def test_few_rooms_do_it(what: str) -> None:
    way, rooms = ROOMS[what]
    assert users(way) - rooms == set(), f"these {what}; there is a helper for it"
    assert rooms - users(way) == set(), "these no longer do: take them out of the list"


@pytest.mark.parametrize(
    ("source", "way"),
    [
        ("import subprocess\nsubprocess.run([])", STARTING),
        ("from subprocess import run as r\nr([])", STARTING),
        ("import subprocess as s\nstart = s.Popen", STARTING),
        ("from asyncio import create_subprocess_exec as c", STARTING),
        ("import asyncio\nasyncio.create_subprocess_shell('x')", STARTING),
        ("async def f(loop):\n    await loop.subprocess_exec(None)", STARTING),
        ("from os import system", STARTING),
        ("import os as o\no.popen('x')", STARTING),
        ("import os\nos.execv('x', [])", STARTING),
        ("import os\ngetattr(os, 'system')('x')", STARTING),
        ("from multiprocessing import Process", STARTING),
        ("open('x')", OPENING),
        ("from io import open as o\no('x')", OPENING),
        ("import os\nos.open('x', 0)", OPENING),
        ("reader = path.read_text\nreader()", OPENING),
        ("import pathlib\npathlib.Path('x').write_bytes(b'')", OPENING),
        ("path.open('rb')", OPENING),
        ("import shutil as s\ns.copyfile('a', 'b')", OPENING),
        ("import socket as s\ns.create_connection(('a', 1))", CONNECTING),
        ("from asyncio import open_connection", CONNECTING),
        ("import urllib.request\nurllib.request.urlopen('x')", CONNECTING),
        ("eval('1')", RUNNING),
        ("from builtins import exec as e\ne('1')", RUNNING),
        ("from pickle import loads", RUNNING),
        ("say = print\nsay(1)", PRINTING),
        ("from sys import stdout as o\no.write('x')", PRINTING),
    ],
)
def test_no_other_name_hides_it(source: str, way: re.Pattern[str]) -> None:
    assert any(way.fullmatch(name) for name in mentioned(source))


@pytest.mark.parametrize(
    "source",
    ["status.open()", "session.open(folder)", "import re\nre.compile('x')", "text = 'subprocess.run([])'"],
)
def test_what_only_looks_like_it_does_not_count(source: str) -> None:
    names = mentioned(source)
    assert not any(way.fullmatch(name) for way, _ in ROOMS.values() for name in names)

"""One vocabulary: every setting named in any file under editors/ is one of `qwen-lsp config schema`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qwen_lsp.schema import schema
from tests.editors.readme import EDITORS
from tests.support.places import REPOSITORY

# Not ours: what installing the extension's tools brings, and what it builds.
FOREIGN = ("node_modules", "dist", "out", ".vscode-test")
# What stands beside the settings in initializationOptions.
CLIENT = set(
    re.findall(r'"(\w+)": true', (REPOSITORY / "docs" / "protocol.md").read_text("utf-8").split("## From")[0])
)
TEXT = {".md", ".txt", ".lua", ".java", ".kts", ".xml", ".json", ".ts", ".properties", ".el"}


def settings(of: dict[str, Any] | None = None, path: str = "") -> Iterator[str]:
    """Every setting's name with its section, such as `completion.lineTokens`."""
    for name, value in (of or schema())["properties"].items():
        if "properties" in value:
            yield from settings(value, f"{path}{name}.")
        else:
            yield path + name


def files() -> list[Path]:
    return [
        file
        for file in sorted(EDITORS.rglob("*"))
        if file.is_file() and file.suffix in TEXT and not set(FOREIGN) & set(file.parts)
    ]


NAMES = set(settings())
SECTIONS = {name.split(".")[0] for name in NAMES}


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(EDITORS)))
def test_dotted_names_are_settings(file: Path) -> None:
    """Such as `completion.popup`; names with a section of ours and anything behind it."""
    sections = "|".join(sorted(SECTIONS))
    found = re.findall(rf"(?<![\w.$\"'/-])(?:qwenLsp\.)?((?:{sections})\.[a-z]\w*)(?![\w(.])", prose(file))
    assert set(found) <= NAMES


def prose(file: Path) -> str:
    """What a file tells users: all of a document, the quoted and commented parts of code are not."""
    return file.read_text("utf-8") if file.suffix in (".md", ".txt") else ""


def nested(value: object, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from nested(inner, f"{path}{key}.")
    else:
        yield path.rstrip(".")


def test_examples_of_settings_in_documents() -> None:
    """JSON and Lua examples: every leaf of an example with a section of ours is a setting."""
    seen: set[str] = set()
    for file in files():
        if file.suffix not in (".md", ".txt"):
            continue
        text = file.read_text("utf-8")
        for section in SECTIONS:
            # `completion = { popup = "auto" }` and `"completion": { "popup": "auto" }`
            for body in re.findall(rf"\"?\b{section}\"?\s*[=:]\s*\{{([^{{}}]*)\}}", text):
                for name in re.findall(r"\"?(\w+)\"?\s*[=:]", body):
                    seen.add(f"{section}.{name}")
    assert seen, "there are examples"
    assert seen <= NAMES


def test_the_template_of_lsp4ij() -> None:
    values = json.loads((EDITORS / "jetbrains" / "template" / "settings.json").read_text("utf-8"))
    assert set(nested(values["qwenLsp"])) <= NAMES
    options = json.loads(
        (EDITORS / "jetbrains" / "template" / "initializationOptions.json").read_text("utf-8")
    )
    assert set(options.pop("client")) <= CLIENT
    assert set(nested(options)) <= NAMES


def test_what_clients_say_of_themselves_is_in_the_protocol() -> None:
    """The names under `client` are those of the server, in Lua and in Java alike."""
    lua = (EDITORS / "neovim" / "lua" / "qwen_lsp" / "init.lua").read_text("utf-8")
    (table,) = re.findall(r"local client = \{(.*?)\n  \}", lua, re.S)
    assert set(re.findall(r"(\w+) = ", table)) <= CLIENT
    java = next(EDITORS.rglob("QwenConnection.java")).read_text("utf-8")
    (names,) = re.findall(r"new String\[\] \{(.*?)\}", java)
    assert set(re.findall(r'"(\w+)"', names)) <= CLIENT


def test_an_editor_that_lists_settings_lists_them_all() -> None:
    """VS Code's package.json has each of them once; those of the user's own file only may be missing."""
    manifest = EDITORS / "vscode" / "package.json"
    if not manifest.is_file():
        pytest.skip("editors/vscode is not in this tree")
    configuration = json.loads(manifest.read_text("utf-8"))["contributes"]["configuration"]
    pages = configuration if isinstance(configuration, list) else [configuration]
    listed = {
        key.removeprefix("qwenLsp.")
        for page in pages
        for key in page["properties"]
        if key.startswith("qwenLsp.")
    }
    assert NAMES - set(user_only()) <= listed


def user_only(of: dict[str, Any] | None = None, path: str = "") -> Iterator[str]:
    for name, value in (of or schema())["properties"].items():
        if "properties" in value:
            yield from user_only(value, f"{path}{name}.")
        elif value.get("x-scope") == "user":
            yield path + name


def test_editors_are_thin() -> None:
    """No prompt and no model call belongs there: no control token, no engine's method, no endpoint's path."""
    for file in files():
        if file.suffix in (".lua", ".java", ".ts", ".el"):
            text = file.read_text("utf-8")
            for word in ("<|fim", '/completion"', "/v1/", "n_predict", "chat/completions"):
                assert word not in text, f"{file}: {word}"

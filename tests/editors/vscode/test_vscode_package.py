"""What the VS Code extension is made of: its settings, its texts, its code, and what is in the package."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qwen_lsp import __version__
from qwen_lsp.schema import schema
from tests.editors.vscode import host as vscode_host
from tests.editors.vscode.host import EXTENSION, Host

MANIFEST: dict[str, Any] = json.loads((EXTENSION / "package.json").read_text("utf-8"))
TEXTS: dict[str, str] = json.loads((EXTENSION / "package.nls.json").read_text("utf-8"))
CHINESE: dict[str, str] = json.loads((EXTENSION / "package.nls.zh-cn.json").read_text("utf-8"))
SOURCES = {path: path.read_text("utf-8") for path in sorted((EXTENSION / "src").rglob("*.ts"))}
# What the extension itself reads; everything else is the server's.
OWN = {
    f"qwenLsp.{name}"
    for name in ("server.path", "server.python", "server.engineIndex", "editor.pausedLanguages")
}
# The user's alone, and the extension's to pass on: VS Code takes them from no workspace, and they go on the
# command line.
PASSED_ON = {f"qwenLsp.endpoint.{part}{name}" for part in ("", "chat.") for name in ("url", "kind", "model")}
# What activation reads, and the language client, which is read when the server starts.
BUNDLES = {"dist/extension.js", "dist/client.js"}
MAX_BUNDLE_BYTES = 600 * 1024


def settings() -> dict[str, dict[str, Any]]:
    groups = MANIFEST["contributes"]["configuration"]
    return {key: value for group in groups for key, value in group["properties"].items()}


def of_the_server() -> Iterator[tuple[str, dict[str, Any]]]:
    """Settings of the server that VS Code shows, by their names here."""
    for key, setting in _below(schema(), "qwenLsp"):
        if setting.get("x-scope") != "user" or key in PASSED_ON:
            yield key, setting


def _below(node: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, value in node["properties"].items():
        if "properties" in value:
            yield from _below(value, f"{path}.{name}")
        else:
            yield f"{path}.{name}", value


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    return json.loads(json.dumps(value))


def _in_english(value: Any) -> Any:
    """Return a part of package.json with its texts in place of their names."""
    if isinstance(value, dict):
        return {key: _in_english(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_in_english(inner) for inner in value]
    return TEXTS[value.strip("%")] if isinstance(value, str) and value.strip("%") in TEXTS else value


def test_every_choice_of_a_setting_is_described() -> None:
    for key, setting in settings().items():
        if "enum" in setting:
            assert len(setting["markdownEnumDescriptions"]) == len(setting["enum"]), key


def test_what_is_said_in_the_settings_can_be_translated() -> None:
    """No text stands in package.json itself, where it would be English for everybody."""
    for key, text in _texts(settings()):
        assert text.startswith("%"), f"{key}: {text}"


def _texts(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("description", "markdownDescription") and isinstance(value, str):
                yield path, value
            else:
                yield from _texts(value, f"{path}/{key}")


def test_the_settings_are_those_of_the_server() -> None:
    expected = dict(of_the_server())
    assert set(settings()) == set(expected) | OWN
    for key, setting in expected.items():
        ours = settings()[key]
        for field in ("default", "enum", "items", "minimum", "maximum"):
            assert _in_english(ours.get(field)) == _plain(setting.get(field)), f"{key}: {field}"
        assert "anyOf" in setting or ours["type"] == setting.get("type", "string"), key
        assert TEXTS[ours["markdownDescription"].strip("%")] == setting["description"], key


def test_no_workspace_names_a_program_or_a_host() -> None:
    for key, setting in settings().items():
        if key.startswith(("qwenLsp.server.", "qwenLsp.endpoint.", "qwenLsp.actions.custom")):
            assert setting["scope"] == "machine", key
    trust = MANIFEST["capabilities"]["untrustedWorkspaces"]
    assert trust["supported"] == "limited"
    assert set(trust["restrictedConfigurations"]) == set(settings())


def test_every_text_is_in_both_languages() -> None:
    used = set(re.findall(r'"%([\w.]+)%"', json.dumps(MANIFEST)))
    assert used == set(TEXTS) == set(CHINESE)
    spoken = set()
    for source in SOURCES.values():
        spoken |= {
            literal.replace("\\'", "'")
            for literal in re.findall(r"(?:l10n\.t|\bt)\(\s*'((?:[^'\\]|\\.)*)'", source)
        }
    bundle = json.loads((EXTENSION / "l10n" / "bundle.l10n.zh-cn.json").read_text("utf-8"))
    assert spoken == set(bundle)
    for english, chinese in [*bundle.items(), *((TEXTS[key], CHINESE[key]) for key in TEXTS)]:
        holes = re.compile(r"\{\d\}|\(command:[\w.-]+\)")
        assert sorted(holes.findall(english)) == sorted(holes.findall(chinese)), english


def test_every_command_is_there() -> None:
    declared = {command["command"] for command in MANIFEST["contributes"]["commands"]}
    (extension,) = [text for path, text in SOURCES.items() if path.name == "extension.ts"]
    table = re.search(r"const commands: .*? = \{\n(.*?)\n  \}", extension, re.DOTALL)
    assert table
    registered = {f"qwen-lsp.{name}" for name in re.findall(r"^    (\w+): ", table[1], re.MULTILINE)}
    assert registered == declared


def test_tab_is_left_to_the_editor() -> None:
    keys = [binding["key"] for binding in MANIFEST["contributes"]["keybindings"]]
    assert not [key for key in keys if re.search(r"\b(tab|escape)\b", key)]


def test_the_extension_stays_thin() -> None:
    """No prompt, no control token, no request to a model, no file of the user's read past the editor."""
    for path, source in SOURCES.items():
        assert not re.search(r"<\|\w+\|>|\bfetch\(|from 'node:https?'|from 'node:net'", source), path
        if path.name != "environment.ts":
            assert "node:fs" not in source, path


def test_a_file_holds_one_noun() -> None:
    for path, source in SOURCES.items():
        assert source.count("\n") <= 300, f"{path}: split it where it holds two things"
        assert source.startswith("/**"), f"{path} does not say what it is"


def test_versions_agree() -> None:
    assert MANIFEST["version"] == __version__
    minimum = MANIFEST["engines"]["vscode"].lstrip("^")
    assert MANIFEST["devDependencies"]["@types/vscode"] == minimum


@pytest.mark.required
def test_what_is_in_the_package(vsix: Path) -> None:
    archive = zipfile.ZipFile(vsix)
    names = {name.removeprefix("extension/") for name in archive.namelist()}
    pictures = {f"media/{path.name}" for path in (EXTENSION / "media").glob("*.png")}
    walkthrough = {texts["walkthrough.server.media"] for texts in (TEXTS, CHINESE)}
    wheel = f"server/qwen_lsp-{__version__}-py3-none-any.whl"
    assert names - {"extension.vsixmanifest", "[Content_Types].xml"} == {
        "package.json",
        "package.nls.json",
        "package.nls.zh-cn.json",
        "l10n/bundle.l10n.zh-cn.json",
        *BUNDLES,
        "media/icon.svg",
        "readme.md",
        "changelog.md",
        "LICENSE.txt",
        wheel,
        *pictures,
        *walkthrough,
    }
    assert sum(archive.getinfo(f"extension/{name}").file_size for name in BUNDLES) <= MAX_BUNDLE_BYTES


@pytest.mark.required
@pytest.mark.parametrize("step", ["check", "test"])
def test_types_lint_and_units(host: Host, dependencies: None, step: str) -> None:
    print(vscode_host.run(["npm", "run", "--silent", step], EXTENSION, host.node))


def test_pictures_are_small() -> None:
    for picture in (EXTENSION / "media").glob("*.png"):
        assert os.stat(picture).st_size < (400_000 if picture.name == "film.png" else 150_000), picture

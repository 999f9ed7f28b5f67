"""A Chinese VS Code for pictures: Microsoft's translations of an npm package, by the keys of this VS Code.

The Marketplace cannot be reached from everywhere, and npm has no language pack as such. But CodinGame's
builds of VS Code for the browser have one, a list in the order of their own messages: its texts are found by
the English ones. A few hundred messages that are newer than that list stay English. Licence of both packages:
MIT. Only pictures need this.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.editors.vscode import host as vscode_host

VERSION = "25.1.2"
_SCOPE = "@codingame/monaco-vscode"
_PACKAGES = {
    f"{_SCOPE}-api": "45efa38de0932d51215ecb74c9cfb446332ce24d1ffd65497df2ed0ca7270fd1",
    f"{_SCOPE}-language-pack-zh-hans": "a8a44de3dbebad4396cac5a1ef4be1b678d4f53127e5522853dd556e44b4dc33",
}
_MESSAGE = re.compile(r"""\blocalize2?\((\d+),\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)""")
_LIST = "package/translations/main.i18n.json.js"
_EXTENSION = re.compile(r"package/translations/extensions/(vscode\.[\w-]+)\.i18n\.json")


def make(folder: Path, node: Path, code_server: Path) -> None:
    """Write the pack into a folder: `main.json` for the workbench, and `vscode.git.json` and others.

    Raises: vscode_host.Missing, when a package cannot be had.
    """
    archives = [_fetch(name, digest, folder, node) for name, digest in _PACKAGES.items()]
    english: dict[int, str] = {}
    for _, text in _texts(archives[0], re.compile(r".*\.js")):
        english |= {int(number): _unquoted(literal) for number, literal in _MESSAGE.findall(text)}
    chinese: list[str | None] = []
    for path, text in _texts(archives[1], re.compile(f"{re.escape(_LIST)}|{_EXTENSION.pattern}")):
        if path == _LIST:
            body = text[text.index("[") : text.rindex("]") + 1]
            chinese = json.loads(re.sub(r"(?m)^\tundefined(,?)$", r"\tnull\1", body).replace(",\n]", "\n]"))
        elif named := _EXTENSION.fullmatch(path):
            (folder / f"{named[1]}.json").write_text(text, "utf-8")
    known = {english[number]: text for number, text in enumerate(chinese) if text and number in english}
    out = code_server.parents[2] / "lib" / "vscode" / "out"
    contents = translated(json.loads((out / "nls.keys.json").read_text("utf-8")), _messages(out), known)
    (folder / "main.json").write_text(json.dumps({"contents": contents}, ensure_ascii=False), "utf-8")
    for archive in archives:
        archive.unlink()


def translated(keys: list[Any], messages: list[str], known: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the translations by module and key, as a language pack has them; the unknown is left out."""
    rest = iter(messages)
    found = {module: {key: known.get(next(rest)) for key in names} for module, names in keys}
    return {module: {key: text for key, text in texts.items() if text} for module, texts in found.items()}


def _messages(out: Path) -> list[str]:
    values: list[str] = json.loads((out / "nls.messages.json").read_text("utf-8"))
    return values


def _fetch(name: str, digest: str, folder: Path, node: Path) -> Path:
    printed = vscode_host.run(["npm", "pack", "--silent", f"{name}@{VERSION}"], folder, node)
    archive = folder / printed.split()[-1]
    if hashlib.sha256(archive.read_bytes()).hexdigest() != digest:
        raise vscode_host.Missing(f"{name} {VERSION} is not what it was")
    return archive


def _texts(archive: Path, wanted: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    with tarfile.open(archive) as files:
        for member in files:
            if wanted.fullmatch(member.name) and (file := files.extractfile(member)):
                yield member.name, file.read().decode("utf-8")


def _unquoted(literal: str) -> str:
    """Read a JavaScript string literal."""
    inner = literal[1:-1]
    if literal[0] != '"':
        inner = re.sub(r"""\\(['`])""", r"\1", inner).replace('"', '\\"')
    try:
        return str(json.loads(f'"{inner}"', strict=False))
    except ValueError:
        return inner

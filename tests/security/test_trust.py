"""The boundary to a folder that is not trusted: its files narrow what is done, and do nothing else."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lsprotocol import types

from qwen_lsp import trust
from qwen_lsp.actions import behaviour
from qwen_lsp.actions.target import choose
from qwen_lsp.child import Child
from qwen_lsp.cli.main import main
from qwen_lsp.config import Layer
from qwen_lsp.errors import InputError
from qwen_lsp.lsp.client import plain
from qwen_lsp.lsp.session import Session
from qwen_lsp.review import settings
from tests.support.chatting import task
from tests.support.editor import Editor, editing, within
from tests.support.engine_server import EngineServer
from tests.unit.review.repositories import repository, write

BAD = "value = eval(input())\n"
# Each hides the finding, if it counts.
HIDING = {
    "disabled rule": {".qwen-lsp.toml": '[review]\ndisabled = ["code-injection", "S307"]\n'},
    "confidence": {".qwen-lsp.toml": "[review]\nmin_confidence = 1.0\n"},
    "dismissed rule": {".qwen-lsp/dismissed.toml": '[[dismissed]]\nrule = "code-injection"\n'},
    "dismissed path": {".qwen-lsp/dismissed.toml": '[[dismissed]]\npath = "*"\n'},
}


def review(root: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.chdir(root)
    return CliRunner().invoke(main, ["review", "--fail-on", "error", *arguments])


@pytest.mark.parametrize("hiding", HIDING)
def test_a_review_hears_a_folder_only_when_it_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hiding: str
) -> None:
    root = repository(tmp_path / "r", {"a.py": "A = 1\n", **HIDING[hiding]})
    write(root, {"a.py": BAD})
    unknown = review(root, monkeypatch)
    assert unknown.exit_code == 1, unknown.output
    assert f"qwen-lsp trust {root}" in unknown.stderr
    assert CliRunner().invoke(main, ["trust", str(root)]).exit_code == 0
    known = review(root, monkeypatch)
    assert known.exit_code == 0, known.output
    assert "qwen-lsp trust" not in known.stderr
    assert CliRunner().invoke(main, ["trust", "--remove", str(root)]).exit_code == 0
    assert review(root, monkeypatch).exit_code == 1


def test_trust_does_not_open_the_gate_of_ci(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a trusted working tree says is still not what the base says."""
    root = repository(tmp_path / "r", {"a.py": "A = 1\n"})
    trust.add(root)
    write(root, {"a.py": BAD, **HIDING["disabled rule"], **HIDING["dismissed path"]})
    assert review(root, monkeypatch, "--ci").exit_code == 1
    based = repository(tmp_path / "based", {"a.py": "A = 1\n", **HIDING["disabled rule"]})
    write(based, {"a.py": BAD})
    assert review(based, monkeypatch, "--ci").exit_code == 0, "the base is heard, trusted or not"


def test_what_an_unknown_folder_may_say(tmp_path: Path) -> None:
    text = '[review]\nexclude = ["x/"]\ninclude = ["dist/"]\nlanguage = "zh"\nfail_on = "info"\n'
    write(tmp_path, {".qwen-lsp.toml": text})
    unknown = settings.load(tmp_path)
    assert unknown.settings == settings.Settings(exclude=("x/",))
    assert unknown.ignored == (".qwen-lsp.toml",)
    known = settings.load(tmp_path, is_trusted=True)
    assert (known.settings.include, known.settings.fail_on, known.ignored) == (("dist/",), "info", ())
    write(tmp_path, {".qwen-lsp.toml": '[review]\nexclude = ["x/"]\n'})
    assert settings.load(tmp_path).ignored == (), "what only narrows is in force, and nothing is missing"
    write(tmp_path, {".qwen-lsp.toml": "[review\n"})
    assert settings.load(tmp_path).ignored == (".qwen-lsp.toml",)


def test_a_linter_is_configured_by_trusted_folders_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured: dict[str, str | bytes] = {
        "a.py": "A = 1\n",
        "ruff.toml": '[lint]\nselect = []\nignore = ["F821"]\n',
    }
    root = repository(tmp_path / "r", configured)
    write(root, {"a.py": "A = nowhere_defined\n"})
    assert "F821" in review(root, monkeypatch).output
    trust.add(root)
    assert "F821" not in review(root, monkeypatch).output


def test_the_list_is_the_user_s_alone(tmp_path: Path, settings_file: Path) -> None:
    folder, other = tmp_path / "我的 project", tmp_path / "other"
    (folder / "below").mkdir(parents=True)
    other.mkdir()
    assert not trust.is_trusted(folder)
    assert trust.add(folder) == str(folder)
    assert trust.trust_file().parent == settings_file.parent
    if os.name == "posix":
        assert stat.S_IMODE(trust.trust_file().stat().st_mode) == 0o600
    assert trust.is_trusted(folder)
    assert trust.is_trusted(folder / "below")
    assert not trust.is_trusted(other)
    assert not trust.is_trusted(tmp_path)
    assert not trust.is_trusted(tmp_path / "我的 project 2")
    trust.add(other)
    assert CliRunner().invoke(main, ["trust", "--list"]).output.splitlines() == sorted(
        map(str, (folder, other))
    )
    assert trust.remove(folder)
    assert not trust.remove(folder)
    assert trust.folders() == (str(other),)
    with pytest.raises(InputError, match="not a folder"):
        trust.add(tmp_path / "nowhere")


@pytest.mark.skipif(os.name != "posix", reason="links need a right on Windows")
def test_a_link_is_what_it_leads_to(tmp_path: Path) -> None:
    good, evil = tmp_path / "good", tmp_path / "evil"
    good.mkdir()
    evil.mkdir()
    (tmp_path / "link").symlink_to(good)
    trust.add(tmp_path / "link")
    (good / "sub").symlink_to(evil)
    assert trust.is_trusted(good)
    assert not trust.is_trusted(good / "sub")
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to(evil)
    assert not trust.is_trusted(tmp_path / "link")


@pytest.mark.parametrize(
    "text", ["", "{", "5", '{"a": 1}', "[5, null]", '["."]', '[""]', "[" * 100_000, "\0"]
)
def test_a_broken_list_trusts_nothing(tmp_path: Path, text: str) -> None:
    trust.trust_file().parent.mkdir(parents=True, exist_ok=True)
    trust.trust_file().write_text(text)
    assert not trust.is_trusted(tmp_path)
    assert not trust.is_trusted(".")
    trust.add(tmp_path)
    assert trust.is_trusted(tmp_path)


def test_no_settings_of_a_client_trust_a_folder(tmp_path: Path) -> None:
    """Some editors pass on what a workspace says: only the command line, the client's own, counts."""
    asked = Session(Layer("command line", {}, trusted=True), trusts_folders=True)
    asked.open_folders([str(tmp_path / "open")])
    assert asked.trusts(tmp_path / "open" / "below")
    assert not asked.trusts(tmp_path / "elsewhere")
    plain = Session(Layer("command line", {}, trusted=True))
    plain.open_folders([str(tmp_path)])
    assert not plain.trusts(tmp_path)


FUNCTION = "def f(a):\n    return a + 1\n"


@pytest.mark.parametrize("is_trusted", [False, True])
async def test_code_of_a_folder_runs_only_where_it_is_trusted(
    monkeypatch: pytest.MonkeyPatch, is_trusted: bool
) -> None:
    started: list[str] = []

    async def start(module: str, *arguments: str) -> Child:
        started.append(module)
        raise OSError("no process in this test")

    monkeypatch.setattr("qwen_lsp.actions.behaviour.Child.start", start)
    asked = replace(task("simplify", f"⟦{FUNCTION}⟧", language="python", path="a.py"), is_trusted=is_trusted)
    target = choose(asked, "definition")
    assert target is not None
    await behaviour.changed(target, FUNCTION)
    assert started == (["qwen_lsp.actions.trial"] if is_trusted else [])


async def reviewed(editor: Editor, uri: str) -> int:
    command = types.ExecuteCommandParams("qwenLsp.review", [{"scope": "file", "uri": uri}])
    answer = await within(editor.session.request(types.WORKSPACE_EXECUTE_COMMAND, command))
    return len(plain(answer)["findings"])


async def test_the_server_says_once_what_waits_for_trust(tmp_path: Path, engine: EngineServer) -> None:
    root = repository(tmp_path / "r", {"a.py": "A = 1\n", **HIDING["dismissed path"]})
    write(root, {"a.py": BAD})
    uri = (root / "a.py").as_uri()
    async with editing(engine, root) as editor:
        await editor.session.open(uri, "python", BAD)
        assert await reviewed(editor, uri) > 0
        assert await reviewed(editor, uri) > 0
        (message,) = editor.take_messages()
        assert f"qwen-lsp trust {root}" in message
        assert "dismissed.toml" in message
    async with editing(engine, root, arguments=["--trust-folders"]) as editor:
        await editor.session.open(uri, "python", BAD)
        assert await reviewed(editor, uri) == 0


def test_doctor_says_what_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files: dict[str, str | bytes] = {
        **HIDING["disabled rule"],
        **HIDING["dismissed path"],
        "ruff.toml": "line-length = 9\n",
    }
    root = repository(tmp_path / "r", {"below/a.py": "A = 1\n", **files})
    monkeypatch.chdir(root / "below")
    said = CliRunner().invoke(main, ["doctor", "--no-engine"]).output
    assert "not in force: .qwen-lsp.toml, .qwen-lsp/dismissed.toml, ruff.toml" in said
    trust.add(root)
    said = CliRunner().invoke(main, ["doctor", "--no-engine"]).output
    assert "not in force" not in said
    assert "is trusted" in said

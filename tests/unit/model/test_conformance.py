"""The same requests to every server that people own: what works everywhere, what only some can, what then.

Against a double of each (tests/support/server_doubles.py); tests/model/test_dialects.py asks llama.cpp's real
server the same, `make test-team` a real vLLM.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from qwen_lsp.cli.endpoint import WITHOUT, endpoint
from qwen_lsp.completion import fim_check
from qwen_lsp.completion.fim_check import HOLES
from qwen_lsp.endpoints import EndpointConfig, Kind
from qwen_lsp.errors import EndpointError, EndpointRejected, EndpointUnavailable
from qwen_lsp.model import catalog, chat_check, likelihood
from qwen_lsp.model.chat import ask
from qwen_lsp.model.client import Client
from qwen_lsp.model.dialects.known import DIALECTS, others
from qwen_lsp.model.fim import render
from qwen_lsp.model.generation import ChatRequest, Chunk, Message, Request
from qwen_lsp.model.remote import RemoteEndpoint
from tests.support import server_doubles as doubles
from tests.support.doubles import CONTEXT_TOKENS, LOGPROB, Double, Model, Refused, running
from tests.support.isolation import isolate_user
from tests.support.waiting import until

TOKENS = catalog.default_profile().tokens
BEFORE, AFTER = "def add(first, second):\n    ", "\n\n\nprint(add(1, 2))\n"
RIGHT = "return first + second"
KEY = "sk-studio"


def coder(prompt: str) -> str:
    """Fill a hole as a Qwen Coder does that sees the markers; without them, talk.

    Inside a word it is lost: the beginning of a word is another token than the word.
    """
    in_chat = prompt.startswith("<|im_start|>") and "code completion assistant" in prompt
    if prompt.startswith("<|im_start|>") and not in_chat:
        return "7" if "4 + 3" in prompt else "It adds." if "Explain" in prompt else "Sure! Here it is:"
    found = re.search(r"<\|fim_prefix\|>(.*?)<\|fim_suffix\|>(.*?)<\|fim_middle\|>(.*)", prompt, re.DOTALL)
    if found is None:
        return "Sure! Here it is:"
    before = found[1] + found[3].rpartition("<|im_start|>assistant\n")[2]
    for hole in HOLES:
        whole = hole.before + hole.answer
        if whole.startswith(before) and len(before) > 10:
            rest = whole[len(before) :]
            is_inside = re.search(r"\w$", before) and re.match(r"\w", rest)
            return "lost" if is_inside else f"{rest}{found[2].split(chr(10))[0]}\n# more<|fim_pad|>"
    return "ld first"


@dataclass(frozen=True)
class Case:
    """One server: what is set for it, the dialect that is found, and what it lacks."""

    double: Callable[[Model], Double]
    dialect: str
    lacks: frozenset[str]
    kind: Kind = "auto"
    model: str = ""
    context_tokens: int = CONTEXT_TOKENS
    heals: bool = True


def lacks(*names: str) -> frozenset[str]:
    return frozenset(names)


CASES = {
    "llama.cpp": Case(doubles.LlamaCpp, "llama", lacks()),
    "llama.cpp, its OpenAI API": Case(
        doubles.LlamaCpp,
        "openai",
        lacks("likelihood", "grammar", "prompt cache", "slots"),
        kind="openai",
        context_tokens=0,
    ),
    "Ollama": Case(doubles.Ollama, "ollama", lacks("likelihood", "grammar", "slots"), context_tokens=8192),
    "LM Studio": Case(doubles.LmStudio, "lmstudio", lacks("logprobs", "likelihood", "grammar", "slots")),
    "vLLM": Case(doubles.Vllm, "vllm", lacks()),
    "SGLang": Case(doubles.SgLang, "sglang", lacks("likelihood")),
    "TensorRT-LLM": Case(doubles.TensorRt, "tensorrt", lacks("likelihood"), context_tokens=0),
    "Model Studio, Qwen2.5-Coder": Case(
        doubles.ModelStudio,
        "modelstudio",
        lacks(
            *("raw prompt", "suffix", "logprobs", "likelihood", "grammar", "prompt cache", "slots"),
            *("cancels on disconnect", "lists models"),
        ),
        kind="modelstudio",
        model="qwen2.5-coder-32b-instruct",
        context_tokens=0,
        heals=False,
    ),
    "Model Studio, Qwen3-Coder": Case(
        lambda model: doubles.ModelStudio(model, "qwen3-coder-plus"),
        "modelstudio",
        lacks(
            *("raw prompt", "suffix", "logprobs", "likelihood", "grammar", "prompt cache", "slots"),
            *("cancels on disconnect", "lists models"),
        ),
        kind="modelstudio",
        model="qwen3-coder-plus",
        context_tokens=0,
        heals=False,
    ),
    "a gateway with a suffix": Case(
        doubles.SuffixGateway,
        "suffix",
        lacks("raw prompt", "likelihood", "grammar", "prompt cache", "slots"),
        kind="suffix",
        context_tokens=0,
        heals=False,
    ),
    "a gateway with chat": Case(
        doubles.ChatGateway,
        "chat",
        lacks("raw prompt", "suffix", "logprobs", "likelihood", "grammar", "prompt cache", "slots"),
        kind="chat",
        context_tokens=0,
        heals=False,
    ),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("STUDIO_KEY", KEY)
    return isolate_user(monkeypatch, tmp_path / "home")


def settings(case: Case, double: Double, model: str = "") -> EndpointConfig:
    return EndpointConfig(url=double.url, kind=case.kind, model=model or case.model, api_key_env="STUDIO_KEY")


@asynccontextmanager
async def connected(case: Case, model: Model = coder) -> AsyncIterator[tuple[Client, Double]]:
    async with running(case.double(model)) as double:
        host = RemoteEndpoint(settings(case, double), lambda state: None)
        try:
            yield await host.ready(), double
        finally:
            await host.close()


def request(typed: str = "ret", max_tokens: int = 20, layout: str = "spm") -> Request:
    """Ask for the line at a place where a word is typed half."""
    prompt = render(TOKENS, layout, BEFORE, AFTER)
    return Request(
        prompt, max_tokens, (*TOKENS.stops, "\n"), 0, typed, n_alternatives=8, around=(BEFORE, AFTER)
    )


async def collect(client: Client, asked: Request) -> list[Chunk]:
    async with client.stream(asked) as chunks:
        return [chunk async for chunk in chunks]


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def test_every_dialect_has_a_case() -> None:
    assert {case.dialect for case in CASES.values()} == {dialect.name for dialect in DIALECTS}
    assert {case.kind for case in CASES.values()} >= {dialect.name for dialect in others("openai")}


@every_case
async def test_what_it_is_and_can_is_found_out(case: Case) -> None:
    async with connected(case) as (client, double):
        assert client.endpoint.dialect.name == case.dialect
        assert set(client.can.missing) == case.lacks
        assert client.endpoint.model.removesuffix(".gguf") == double.served
        assert client.endpoint.context_tokens == case.context_tokens
        n_asked = len(double.asked)
        host = RemoteEndpoint(settings(case, double), lambda state: None)
        first = await host.ready()
        asked = len(double.asked)
        assert await host.ready() is first
        assert len(double.asked) == asked, "it is remembered"
        assert asked > n_asked or not client.can.lists_models
        await host.close()


@every_case
async def test_a_completion_goes_on_from_a_word_that_is_typed_half(case: Case) -> None:
    async with connected(case) as (client, _):
        chunks = await collect(client, request())
        answer = text_of(chunks)
        assert answer.startswith("ret")
        if case.heals:  # from its boundary, and not from the middle of a token
            assert answer == RIGHT
        assert [chunk.stop_reason for chunk in chunks if chunk.stop_reason]
        assert max(chunk.timings.prompt_tokens for chunk in chunks) > 0
        assert bool(any(chunk.logprobs for chunk in chunks)) == client.can.logprobs


@every_case
async def test_a_completion_after_white_space(case: Case) -> None:
    async with connected(case) as (client, _):
        assert text_of(await collect(client, request("")))[: len(RIGHT)] == RIGHT


@every_case
async def test_a_word_that_the_model_would_not_write_is_gone_on_with_all_the_same(case: Case) -> None:
    async with connected(case) as (client, _):
        assert text_of(await collect(client, request("yie"))) == "yield first"


@every_case
async def test_reading_ahead_and_many_stops_are_refused_by_none(case: Case) -> None:
    async with connected(case) as (client, _):
        await collect(client, request("", max_tokens=0))
        stops = tuple(f"<stop{number}>" for number in range(12))
        asked = ChatRequest([Message("user", "Explain.")], 0, stop=stops)
        await ask(client, asked)


@every_case
async def test_leaving_ends_the_work(case: Case) -> None:
    def endless(prompt: str) -> str:
        return " x = 1" * 500

    async with connected(case, endless) as (client, double):
        double.pause_s = 0.01
        async with client.stream(request("", max_tokens=1000)) as chunks:
            async for chunk in chunks:
                if chunk.text:
                    break
        await until(lambda: double.last.state == "left", "it is left")


@every_case
async def test_a_chat(case: Case) -> None:
    async with connected(case) as (client, double):
        assert await chat_check.answers(client)
        n_probs = 2 if client.can.logprobs else 0
        reply = await ask(client, ChatRequest([Message("user", "Explain it.")], 20, n_probs=n_probs))
        assert reply.text == "It adds."
        assert bool(reply.logprobs) == client.can.logprobs
        assert not reply.is_cut_off
        assert "Explain it." in double.last.prompt
        schema = {"type": "object", "properties": {"a": {"type": "string"}}}
        await ask(client, ChatRequest([Message("user", "Explain it.")], 20, json_schema=schema))
        assert "properties" in json.dumps(double.last.body)
        assert (await ask(client, ChatRequest([Message("user", "Explain it.")], 1))).is_cut_off
        begun = ChatRequest([Message("user", "Explain it.")], 20, begins="Well: ", grammar='root ::= "x"')
        if not client.can.grammar:
            begun = ChatRequest([Message("user", "Explain it.")], 20, begins="Well: ")
        assert "It adds." in (await ask(client, begun)).text


@every_case
async def test_the_likelihood_of_a_text(case: Case) -> None:
    text = "    return 数量 + 1"
    async with connected(case) as (client, _):
        if not client.can.likelihood:
            with pytest.raises(EndpointRejected, match="cannot"):
                await likelihood.read(client, BEFORE, text, 0)
            return
        passage = await likelihood.read(client, BEFORE, text, 0)
        assert passage.text == text
        assert {token.logprob for token in passage.tokens} == {LOGPROB}
        assert [token.others for token in passage.tokens] == [(("else", -2.0),)] * len(passage.tokens)


@every_case
async def test_the_holes_show_that_markers_arrive(case: Case) -> None:
    async with connected(case) as (client, _):
        result = await fim_check.check(client, TOKENS, "spm")
        assert (result.verdict, result.n_right) == ("works", 3), result
        assert result.has_logprobs == client.can.logprobs


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "raw prompt" not in case.lacks])
async def test_a_template_that_eats_the_markers_is_seen(name: str) -> None:
    async with connected(CASES[name]) as (client, double):
        double.is_templated = True
        assert (await fim_check.check(client, TOKENS, "spm")).verdict == "template"


@every_case
async def test_a_refusal_has_the_server_s_words(case: Case) -> None:
    def refuses(prompt: str) -> str:
        raise Refused(400, "the context is full")

    async with connected(case, refuses) as (client, _):
        with pytest.raises(EndpointRejected, match=r"400: the context is full$"):
            await collect(client, request())


@every_case
async def test_a_model_that_is_not_there(case: Case) -> None:
    async with running(case.double(coder)) as double:
        host = RemoteEndpoint(settings(case, double, "no-such-model"), lambda state: None)
        if isinstance(double, doubles.LlamaCpp):  # it serves one, whatever it is called
            assert (await host.ready()).endpoint.model == "no-such-model"
        else:
            with pytest.raises(EndpointError, match="no-such-model"):
                await collect(await host.ready(), request())
        await host.close()


@every_case
async def test_what_is_missing_is_shown_with_what_is_done_about_it(case: Case) -> None:
    assert case.lacks <= WITHOUT.keys()
    async with running(case.double(coder)) as double:
        options = ["--kind", case.kind, "--model", case.model, "--key-env", "STUDIO_KEY"]
        arguments = ["test", double.url, *options]
        result = await asyncio.to_thread(CliRunner().invoke, endpoint, arguments)
        assert result.exit_code == 0, result.output
        shown = {name: f"without {name}: {what}" in result.stdout for name, what in WITHOUT.items()}
        assert {name for name, is_shown in shown.items() if is_shown} == case.lacks
        assert f"`{case.dialect}`" in result.stdout
        assert (f"{case.context_tokens} tokens" in result.stdout) == bool(case.context_tokens)
        assert "3 of 3 holes right" in result.stdout


async def test_ollama_loads_its_model_once() -> None:
    async with connected(CASES["Ollama"]) as (client, double):
        await collect(client, request())
        await ask(client, ChatRequest([Message("user", "Explain.")], 20))
        assert isinstance(double, doubles.Ollama)
        assert double.loaded == 1


async def test_an_old_ollama_has_no_probabilities() -> None:
    case = Case(lambda model: doubles.Ollama(model, version="0.12.3"), "ollama", lacks())
    async with connected(case) as (client, _):
        chunks = await collect(client, request())
        assert text_of(chunks) == RIGHT
        assert not any(chunk.logprobs for chunk in chunks)


async def test_model_studio_is_known_by_its_host_and_wants_a_name() -> None:
    host = RemoteEndpoint(
        EndpointConfig(url="https://dashscope.aliyuncs.com/compatible-mode/v1", allow_remote=True),
        lambda state: None,
    )
    with pytest.raises(EndpointUnavailable, match=r"endpoint\.model"):
        await host.ready()
    await host.close()


@pytest.mark.parametrize("name", ["a gateway with a suffix", "a gateway with chat"])
async def test_what_only_the_answers_show_is_found_out(name: str) -> None:
    case = CASES[name]
    async with running(case.double(coder)) as double:
        arguments = ["test", double.url, "--json"]
        result = await asyncio.to_thread(CliRunner().invoke, endpoint, arguments)
        assert json.loads(result.stdout)["kind"] == case.dialect, result.output
        assert result.exit_code == 0

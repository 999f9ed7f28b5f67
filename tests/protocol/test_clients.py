"""Answers that are right for every client: each one's habits, replayed against the real server.

A Client below is what one editor sends and what it does with an answer, taken from its source: trigger
kinds, the range of an item, the command after an acceptance, cancelling, capabilities that are missing.
Whatever the habit, the text after an acceptance must be the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qwen_lsp.completion.stats import database, report
from tests.support.engine_server import EngineServer, endless, says
from tests.support.places import split
from tests.support.raw import RawClient, server_command
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

URI = "file:///project/module.py"
INLINE = "textDocument/inlineCompletion"


@dataclass(frozen=True)
class Client:
    """How one client behaves.

    `triggers` are the kinds it sends, the first one when the user asks by hand. `past_cursor` says what it
    does with the part of a range that lies after the cursor. `runs_command`: it runs an item's command.
    """

    name: str
    triggers: tuple[int, int]
    encodings: tuple[str, ...] = ()
    past_cursor: str = "replaces"
    runs_command: bool = True
    selected_info: bool = False
    cancels: bool = True
    locale: str | None = "en"
    announces_inline: bool = True
    has_configuration: bool = True

    @property
    def capabilities(self) -> dict[str, Any]:
        text_document: dict[str, Any] = {"synchronization": {"didSave": True}, "completion": {}}
        if self.announces_inline:
            text_document["inlineCompletion"] = {"dynamicRegistration": True}
        workspace: dict[str, Any] = {"configuration": self.has_configuration}
        if self.runs_command:
            workspace["executeCommand"] = {"dynamicRegistration": True}
        general = {"positionEncodings": list(self.encodings)} if self.encodings else {}
        return {"textDocument": text_document, "workspace": workspace, "general": general}


VSCODE = Client("VS Code, languageclient 10 and 11", (1, 2), ("utf-16",), selected_info=True)
VSCODE_9 = Client("VS Code, languageclient 9", (0, 1), ("utf-16",), selected_info=True)
LSP4IJ = Client("LSP4IJ 0.20", (2, 2), ("utf-16",), past_cursor="appends", runs_command=False, locale=None)
NEOVIM_12 = Client("Neovim 0.12", (1, 2), ("utf-8", "utf-16", "utf-32"), cancels=False, locale=None)
OUR_NEOVIM = Client("Neovim with our ghost text", (1, 2), ("utf-8",), runs_command=False, locale="zh-CN")
BARE = Client(
    "a client that says nothing of itself",
    (1, 2),
    announces_inline=False,
    has_configuration=False,
    runs_command=False,
)
CLIENTS = [VSCODE, VSCODE_9, LSP4IJ, NEOVIM_12, OUR_NEOVIM, BARE]


@dataclass
class Editing:
    """One document in one client, kept as the client keeps it."""

    client: Client
    server: RawClient
    encoding: str
    text: str = ""
    version: int = 0

    def width(self, text: str) -> int:
        """Length in the units of the agreed encoding."""
        codec, size = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[
            self.encoding
        ]
        return len(text.encode(codec)) // size

    def position(self, offset: int) -> dict[str, int]:
        lines = self.text[:offset].split("\n")
        return {"line": len(lines) - 1, "character": self.width(lines[-1])}

    def offset(self, position: dict[str, int]) -> int:
        lines = self.text.split("\n")
        start = sum(len(line) + 1 for line in lines[: position["line"]])
        column = next(
            at
            for at in range(len(lines[position["line"]]) + 1)
            if self.width(lines[position["line"]][:at]) == position["character"]
        )
        return start + column

    def open(self, marked: str) -> int:
        before, after = split(marked)
        self.text, self.version = before + after, 1
        item = {"uri": URI, "languageId": "python", "version": 1, "text": self.text}
        self.server.notify("textDocument/didOpen", {"textDocument": item})
        return len(before)

    def type(self, at: int, text: str) -> int:
        place = self.position(at)
        self.text, self.version = self.text[:at] + text + self.text[at:], self.version + 1
        self.server.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": URI, "version": self.version},
                "contentChanges": [{"range": {"start": place, "end": place}, "text": text}],
            },
        )
        return at + len(text)

    def params(self, at: int, *, by_hand: bool) -> dict[str, Any]:
        context: dict[str, Any] = {"triggerKind": self.client.triggers[0 if by_hand else 1]}
        if self.client.selected_info:
            context["selectedCompletionInfo"] = None
        document = {"uri": URI}
        return {"textDocument": document, "position": self.position(at), "context": context}

    async def ask(self, at: int, *, by_hand: bool = True) -> list[dict[str, Any]]:
        """Ask; return the items as they came."""
        result = await self.server.request(INLINE, self.params(at, by_hand=by_hand))
        return list(result["items"])

    async def accept(self, item: dict[str, Any], at: int) -> None:
        """Do what this client does with the item's text, range and command."""
        start, end = (self.offset(item["range"][side]) for side in ("start", "end"))
        text, dropped = str(item["insertText"]), at - start
        if self.client.past_cursor == "appends":
            # It drops as many characters of the text as the range begins before the cursor, steps over
            # what the range covers after it, and inserts there.
            self.text = self.text[:end] + text[dropped:] + self.text[end:]
        else:
            self.text = self.text[:start] + text + self.text[end:]
        if self.client.runs_command and item.get("command"):
            command = item["command"]
            arguments = {"command": command["command"], "arguments": command["arguments"]}
            await self.server.request("workspace/executeCommand", arguments)


@asynccontextmanager
async def editing(client: Client, engine: EngineServer, /, **options: Any) -> AsyncIterator[Editing]:
    """Run the server as the client does: its own capabilities, and `initialize` as it sends it."""
    async with RawClient.started(server_command(engine)) as server:
        result = await server.request(
            "initialize",
            {
                "processId": None,
                "rootUri": None,
                "workspaceFolders": None,
                "capabilities": client.capabilities,
                **({"locale": client.locale} if client.locale else {}),
                "initializationOptions": options,
            },
        )
        server.notify("initialized", {})
        encoding = result["capabilities"].get("positionEncoding", "utf-16")
        assert encoding in (client.encodings or ("utf-16",))
        yield Editing(client, server, encoding)
        await server.goodbye()


def every(*clients: Client) -> Callable[[Any], Any]:
    return pytest.mark.parametrize("client", clients or CLIENTS, ids=lambda client: client.name)


# text with the cursor, what the model writes, the text after an acceptance
ACCEPTED: dict[str, tuple[str, str, str]] = {
    "at the end of a line": ("x = ║\n", "first + second", "x = first + second\n"),
    "after a half-written word": ("total = fir║\n", "st + second", "total = first + second\n"),
    "before closing brackets": ("print(sum(║))\n", "prices))", "print(sum(prices))\n"),
    "inside quotes": ('name = "║"\n', 'qwen"', 'name = "qwen"\n'),
    "several lines": (
        "def f(x):\n    ║\n",
        "if x:\n        return 1\n    return 2",
        "def f(x):\n    if x:\n        return 1\n    return 2\n",
    ),
    "after an emoji": ("face = '😀'; 长度 = ║\n", "len(face)", "face = '😀'; 长度 = len(face)\n"),
}


@every()
async def test_the_text_after_an_acceptance_is_the_same(client: Client, engine: EngineServer) -> None:
    async with editing(client, engine) as document:
        for name, (marked, answer, wanted) in ACCEPTED.items():
            for by_hand in (True, False):
                at = document.open(marked)
                engine.answer = says(answer)
                items = await document.ask(at, by_hand=by_hand)
                assert len(items) == 1, name
                assert items[0]["range"]["start"] == items[0]["range"]["end"] == document.position(at)
                await document.accept(items[0], at)
                assert document.text == wanted, name


@every(VSCODE, VSCODE_9, LSP4IJ, NEOVIM_12)
async def test_typing_at_full_speed(client: Client, engine: EngineServer) -> None:
    """Every request is answered, by the words or by an error that the client expects."""
    engine.answer = says("second + third", first_s=0.05)
    async with editing(client, engine) as document:
        at = document.open("x = ║\n")
        numbers: list[Any] = []
        for char in "first + ":
            at = document.type(at, char)
            if numbers and client.cancels:
                document.server.notify("$/cancelRequest", {"id": numbers[-1]})
            numbers.append(document.server.send_request(INLINE, document.params(at, by_hand=False)))
        answers = [await document.server.response(number) for number in numbers]
        for answer in answers[:-1]:
            assert "result" in answer or answer["error"]["code"] in (-32800, -32801), answer
        why = await document.server.request("qwenLsp/explain", {"textDocument": {"uri": URI}})
        assert answers[-1]["result"]["items"], (
            why["outcome"],
            why["detail"],
            why["raw"],
            why["prompt"],
            document.text,
        )
        (item,) = answers[-1]["result"]["items"]
        await document.accept(item, at)
        assert document.text.startswith("x = first + second")
        assert document.text.count("\n") == 1


@every(VSCODE, BARE)
async def test_a_cancelled_request_frees_the_model(client: Client, engine: EngineServer) -> None:
    engine.answer = endless()
    options = {"completion": {"answerEarly": False}}
    async with editing(client, engine, **options) as document:
        at = document.open("x = ║\n")
        number = document.server.send_request(INLINE, document.params(at, by_hand=True))
        await until(lambda: engine.running, "it is written")
        document.server.notify("$/cancelRequest", {"id": number})
        answer = await document.server.response(number)
        assert answer.get("error", {}).get("code") == -32800 or not answer["result"]["items"]
        await until(lambda: not engine.running, "the slot is free")


@every(NEOVIM_12)
async def test_without_cancelling_the_newest_request_wins(client: Client, engine: EngineServer) -> None:
    engine.answer = endless()
    async with editing(client, engine) as document:
        at = document.open("x = ║\n")
        first = document.server.send_request(INLINE, document.params(at, by_hand=True))
        await until(lambda: engine.running, "it is written")
        at = document.type(at, "other(")
        engine.answer = says("argument)")
        items = await document.ask(at)
        assert (await document.server.response(first))["result"]["items"] == []
        assert [item["insertText"] for item in items] == ["argument)"]


@every(VSCODE, VSCODE_9, NEOVIM_12)
async def test_the_accept_command_is_run_by_those_that_run_it(client: Client, engine: EngineServer) -> None:
    engine.answer = says("1 + 1")
    async with editing(client, engine) as document:
        at = document.open("x = ║\n")
        (item,) = await document.ask(at)
        assert item["command"]["command"] == "qwenLsp.didAccept"
        await document.accept(item, at)
    assert report.read(1, database.stats_file()).total == {"shown": 1, "accepted": 1, "characters": 5}


@every(LSP4IJ, OUR_NEOVIM, BARE)
async def test_no_command_for_those_that_do_not(client: Client, engine: EngineServer) -> None:
    engine.answer = says("1 + 1")
    async with editing(client, engine) as document:
        (item,) = await document.ask(document.open("x = ║\n"))
        assert item.get("command") is None


@every(VSCODE, VSCODE_9)
async def test_a_selected_item_of_the_menu(client: Client, engine: EngineServer) -> None:
    """VS Code sends what its menu has selected, and shows only suggestions that agree with it."""
    engine.answer = says("(items)")
    async with editing(client, engine) as document:
        at = document.open("x = len║\n")
        params = document.params(at, by_hand=False)
        start = document.position(at - 3)
        chosen = {"range": {"start": start, "end": document.position(at)}, "text": "length"}
        params["context"]["selectedCompletionInfo"] = chosen
        answer = await document.server.answer(INLINE, params)
        assert "error" not in answer


@every(BARE)
async def test_a_client_without_inline_completion_has_a_popup(client: Client, engine: EngineServer) -> None:
    """Emacs, Vim, Helix, Kate: an ordinary completion request of a client that says nothing special."""
    engine.answer = says("first + second")
    async with editing(client, engine) as document:
        at = document.open("x = ║\n")
        params = {
            "textDocument": {"uri": URI},
            "position": document.position(at),
            "context": {"triggerKind": 1},
        }
        result = await document.server.request("textDocument/completion", params)
        (item,) = result["items"]
        assert item["textEdit"]["newText"] == "first + second"
        assert "command" not in item


async def test_a_request_that_cannot_be_read_is_answered(engine: EngineServer) -> None:
    """Else the client waits for ever."""
    async with editing(VSCODE, engine) as document:
        answer = await document.server.answer(INLINE, {"textDocument": {"uri": URI}, "position": None})
        assert answer["error"]["code"] == -32602


async def test_settings_that_are_null_end_the_start(engine: EngineServer) -> None:
    """The answer to workspace/configuration is a list; some clients send null when there is nothing."""
    async with editing(VSCODE, engine, client={"status": True}) as document:
        document.open("x = ║\n")
        sent = document.server.notifications
        await until(
            lambda: any(message["method"] == "qwenLsp/status" for message in sent), "the status is reported"
        )


async def test_eglot_s_way_of_speaking(engine: EngineServer, tmp_path: Path) -> None:
    """Empty objects where others send null, snippets it cannot take, whole-text changes, no `context`."""
    async with RawClient.started(server_command(engine)) as server:
        await server.request(
            "initialize",
            {
                "processId": 1,
                "rootPath": str(tmp_path),
                "rootUri": tmp_path.as_uri(),
                "capabilities": {
                    "workspace": {"applyEdit": True, "configuration": True, "workspaceFolders": True},
                    "textDocument": {"completion": {"contextSupport": True}, "codeAction": {}},
                    "experimental": {},
                },
                "workspaceFolders": [{"uri": tmp_path.as_uri(), "name": "~/project/"}],
            },
        )
        server.notify("initialized", {})
        server.notify("workspace/didChangeConfiguration", {"settings": {}})
        engine.answer = says("1 + 1")
        item = {"uri": URI, "languageId": "python", "version": 0, "text": "x = \n"}
        server.notify("textDocument/didOpen", {"textDocument": item})
        change = {"textDocument": {"uri": URI, "version": 1}, "contentChanges": [{"text": "y = \n"}]}
        server.notify("textDocument/didChange", change)
        params = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 4}}
        (item,) = (await server.request("textDocument/completion", params))["items"]
        assert item["textEdit"]["newText"] == "1 + 1"
        server.notify("textDocument/didSave", {"textDocument": {"uri": URI}, "text": "y = \n"})
        server.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
        await server.goodbye()


@every(VSCODE, BARE)
async def test_methods_that_are_not_offered_are_no_end(client: Client, engine: EngineServer) -> None:
    """Clients ask for more than is offered; the answer is an error, and the session goes on."""
    engine.answer = says("1")
    async with editing(client, engine) as document:
        at = document.open("x = ║\n")
        where = {"textDocument": {"uri": URI}, "position": document.position(at)}
        for method in ("textDocument/hover", "textDocument/definition", "unknown/request"):
            answer = await document.server.answer(method, where)
            assert answer["error"]["code"] == -32601
        document.server.notify("$/setTrace", {"value": "off"})
        document.server.notify("workspace/didChangeWatchedFiles", {"changes": []})
        document.server.notify("textDocument/didSave", {"textDocument": {"uri": URI}})
        document.server.notify("unknown/notification", {})
        assert [item["insertText"] for item in await document.ask(at)] == ["1"]

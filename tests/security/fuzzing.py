"""Messages that a broken or hostile client might send: real sequences, mutated, from a seed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

Message = dict[str, Any]

_DEEP: Any = None
for _ in range(300):
    _DEEP = [_DEEP] if _ % 2 else {"a": _DEEP}
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 2**31, -(2**31), 2**63, 10**30, 1.5, -0.0, 1e308, float("inf")),
    *(
        "",
        "x",
        "\0",
        "\ud800",
        "\udc00x",
        "\u202e",
        "😀" * 50,
        "a\r\nb\u2028c\f",
        "x" * 5_000,
        "../../etc/passwd",
    ),
    *("file:///nowhere/a.py", "untitled:9", "http://[::1", "file://host/share/a", "file:///%00", "vscode:a"),
    *([], {}, [None], [[]], {"": None}, {"uri": 5}, [{}] * 50, _DEEP),
]
TEXTS = [
    "def f(a, b):\n    return a +\n",
    "",
    "x" * 3_000,
    "(" * 500,
    "😀 = 1\n",
    "值 = '你好'\r\n",
    "\r\r\n\f\u2028",
]
LANGUAGES = ["python", "typescript", "go", "markdown", "plaintext", "no-such-language", "vue", ""]


class Fuzz:
    """A source of messages about the files of one folder, whose URI this is."""

    def __init__(self, seed: int, root_uri: str) -> None:
        self.chance = Random(seed)
        self.uris = [
            f"{root_uri}/a.py",
            f"{root_uri}/b.ts",
            f"{root_uri}/deep/c.go",
            "untitled:1",
            "untitled:值",
        ]
        self.book = f"{root_uri}/n.ipynb"
        self.cells = [f"vscode-notebook-cell:{root_uri}/n.ipynb#{number}" for number in range(3)]
        self.root_uri = root_uri
        self.version = 1
        self._makers: list[tuple[int, Callable[[], Message]]] = [
            (10, self._open),
            (30, self._change),
            (4, self._close),
            (20, self._inline),
            (5, self._popup),
            (12, self._actions),
            (8, self._resolve),
            (10, self._command),
            (8, self._of_ours),
            (8, self._notebook),
            (4, self._workspace),
            (6, self._cancel),
            (4, self._protocol),
        ]

    def messages(self, count: int) -> Iterator[Message]:
        """Yield so many messages without ids; two of three are mutated."""
        for _ in range(count):
            weights = [weight for weight, _ in self._makers]
            (maker,) = self.chance.choices([make for _, make in self._makers], weights)
            message = copy.deepcopy(maker())
            if self.chance.random() < 0.67:
                for _ in range(self.chance.choice((1, 1, 1, 2, 4))):
                    message = self.mutated(message)
            yield message

    def mutated(self, message: Message) -> Message:
        """Change one place of a message, at any depth."""
        places = list(_places(message))
        if not places:
            return message
        holder, key = self.chance.choice(places)
        kind = self.chance.random()
        if kind < 0.2 and isinstance(holder, dict):
            holder.pop(key, None)
        elif kind < 0.3 and isinstance(holder[key], (list, str)) and len(holder[key]) < 5_000:
            holder[key] = holder[key] * self.chance.randint(0, 3)
        elif kind < 0.4 and isinstance(holder[key], int):
            holder[key] += self.chance.choice((-1, 1, 100, -1000, 10**9))
        else:
            holder[key] = copy.deepcopy(self.chance.choice(VALUES))
        return message

    def _uri(self) -> str:
        return self.chance.choice(self.uris + self.cells)

    def _document(self) -> Message:
        return {"uri": self._uri()}

    def _position(self) -> Message:
        return {
            "line": self.chance.choice((0, 0, 1, 2, 99)),
            "character": self.chance.choice((0, 1, 4, 9, 999)),
        }

    def _range(self) -> Message:
        return {"start": self._position(), "end": self._position()}

    def _item(self) -> Message:
        self.version += 1
        language, text = self.chance.choice(LANGUAGES), self.chance.choice(TEXTS)
        return {"uri": self._uri(), "languageId": language, "version": self.version, "text": text}

    def _open(self) -> Message:
        return {"method": "textDocument/didOpen", "params": {"textDocument": self._item()}}

    def _change(self) -> Message:
        self.version += 1
        events = [
            {"text": self.chance.choice(TEXTS)}
            | ({"range": self._range()} if self.chance.random() < 0.8 else {})
            for _ in range(self.chance.choice((1, 1, 1, 3, 0)))
        ]
        document = {"uri": self._uri(), "version": self.version}
        return {
            "method": "textDocument/didChange",
            "params": {"textDocument": document, "contentChanges": events},
        }

    def _close(self) -> Message:
        method = self.chance.choice(("textDocument/didClose", "textDocument/didSave"))
        return {"method": method, "params": {"textDocument": self._document()}}

    def _inline(self) -> Message:
        context = {"triggerKind": self.chance.choice((0, 1, 2))}
        params = {"textDocument": self._document(), "position": self._position(), "context": context}
        return {"method": "textDocument/inlineCompletion", "params": params}

    def _popup(self) -> Message:
        params = {"textDocument": self._document(), "position": self._position()}
        return {"method": "textDocument/completion", "params": params}

    def _actions(self) -> Message:
        found = {
            "range": self._range(),
            "message": self.chance.choice(("undefined name 'x'", "")),
            "severity": 1,
        }
        context = {"diagnostics": [found] * self.chance.randint(0, 2), "triggerKind": 1}
        params = {"textDocument": self._document(), "range": self._range(), "context": context}
        return {"method": "textDocument/codeAction", "params": params}

    def _data(self) -> Message:
        kind = self.chance.choice(
            ("explain", "docstring", "fix", "rewrite", "translate", "test", "types", "rename")
        )
        return {"id": "a", "kind": kind, "uri": self._uri(), "version": self.version, "range": [0, 10]}

    def _resolve(self) -> Message:
        return {"method": "codeAction/resolve", "params": {"title": "t", "data": self._data()}}

    def _command(self) -> Message:
        name, argument = self.chance.choice(
            [
                ("qwenLsp.explain", self._uri()),
                ("qwenLsp.action", self._data()),
                ("qwenLsp.didAccept", "1"),
                ("qwenLsp.review", {"scope": "file", "uri": self._uri(), "range": self._range()}),
                ("qwenLsp.dismiss", {"rule": "no-such-rule", "uri": self._uri()}),
                ("qwenLsp.forgetReview", None),
                ("qwenLsp.commitMessage", {"uri": self._uri()}),
                ("no.such.command", None),
            ]
        )
        return {"method": "workspace/executeCommand", "params": {"command": name, "arguments": [argument]}}

    def _of_ours(self) -> Message:
        name = self.chance.choice(
            ("explain", "didFocus", "didCopy", "didAccept", "didPartiallyAccept", "didDismiss")
        )
        params: Message = {
            "textDocument": self._document(),
            "position": self._position(),
            "text": "x",
            "id": "1",
        }
        return {"method": f"qwenLsp/{name}", "params": params | {"characters": 2, "diagnostics": ["d"]}}

    def _notebook(self) -> Message:
        book = {"uri": self.book, "version": self.version}
        cells = [{"kind": self.chance.choice((1, 2)), "document": uri} for uri in self.cells]
        kind = self.chance.choice(("didOpen", "didChange", "didChange", "didClose", "didSave"))
        if kind == "didOpen":
            items = [{**self._item(), "uri": uri} for uri in self.cells]
            book |= {"notebookType": "jupyter-notebook", "cells": cells}
            params: Message = {"notebookDocument": book, "cellTextDocuments": items}
        elif kind == "didChange":
            structure = {"array": {"start": self.chance.randint(0, 3), "deleteCount": 1, "cells": cells[:1]}}
            changes = [
                {"document": {"uri": self.cells[0], "version": self.version}, "changes": [{"text": "y"}]}
            ]
            change = {"cells": {"structure": structure, "data": cells, "textContent": changes}}
            params = {"notebookDocument": book, "change": change}
        else:
            params = {"notebookDocument": book, "cellTextDocuments": [{"uri": uri} for uri in self.cells]}
        return {"method": f"notebookDocument/{kind}", "params": params}

    def _workspace(self) -> Message:
        folder = {"uri": self.root_uri, "name": "root"}
        nowhere = {"uri": "file:///no/such/folder", "name": "x"}
        return self.chance.choice(
            [
                {
                    "method": "workspace/didChangeConfiguration",
                    "params": {"settings": {"qwenLsp": {"log": 1}}},
                },
                {
                    "method": "workspace/didChangeConfiguration",
                    "params": {"settings": {"completion": {"n": 1}}},
                },
                {
                    "method": "workspace/didChangeWatchedFiles",
                    "params": {"changes": [{"uri": self._uri(), "type": 2}]},
                },
                {
                    "method": "workspace/didChangeWorkspaceFolders",
                    "params": {"event": {"added": [folder, nowhere], "removed": [nowhere]}},
                },
            ]
        )

    def _cancel(self) -> Message:
        return {"method": "$/cancelRequest", "params": {"id": self.chance.choice((1, 5, "no", 10**20))}}

    def _protocol(self) -> Message:
        return self.chance.choice(
            [
                {"method": "$/setTrace", "params": {"value": "verbose"}},
                {"method": "window/workDoneProgress/cancel", "params": {"token": "t"}},
                {"method": "initialized", "params": {}},
                {"method": "textDocument/hover", "params": {"textDocument": self._document()}},
                {"method": "no/such/method", "params": [1]},
                {"method": "$/progress", "params": {"token": 1, "value": None}},
            ]
        )


# Requests of the protocol; anything else that has an id may as well be answered by an error.
REQUESTS = {
    *(
        "textDocument/inlineCompletion",
        "textDocument/completion",
        "textDocument/codeAction",
        "codeAction/resolve",
    ),
    *("workspace/executeCommand", "qwenLsp/explain", "textDocument/hover"),
}
# What ends the server in good order, or has it read a whole disk: no accident of a mutation.
FORBIDDEN = {"shutdown", "exit"}


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items)[:20]:
        yield value, key
        yield from _places(item)

"""Posting to a scripted GitHub and GitLab on this machine."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from qwen_lsp.errors import InputError
from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import Change, ChangedFile, compare
from qwen_lsp.review.report import posting
from qwen_lsp.review.report.markers import Marks
from qwen_lsp.review.report.posting import PostingError
from qwen_lsp.review.report.report import Report

AFTER = "x == y\nz is 'a'\n"


@pytest.fixture(scope="module")
def report() -> Report:
    file = ChangedFile(compare("a.py", None, AFTER), None, AFTER)
    return asyncio.run(reviewer.review(Change("t", (file,), head="2" * 40)))


class Host:
    """Comments by kind, and every request that came."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.summaries: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str, Any, dict[str, str]]] = []
        self.refuses_reviews = False
        self.redirects = False
        self.breaks_off = False

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        path, _, query = path.partition("?")
        page = int(dict(part.split("=") for part in query.split("&"))["page"]) if query else 1
        ours = {"user": {"login": "bot"}, "author": {"id": 1}}
        if path == "/user":
            return 200, {"login": "bot", "id": 1}
        if method == "GET" and path.endswith("/versions"):
            return 200, [{f"{name}_commit_sha": name for name in ("base", "start", "head")}]
        if method == "GET":
            entries = self.comments if "/pulls/" in path else self.summaries
            if path.endswith("/notes"):
                entries = [*self.comments, *self.summaries]
            return 200, entries[(page - 1) * 100 : page * 100]
        if path.endswith("/reviews"):
            if self.refuses_reviews:
                return 422, {"message": "line must be part of the diff"}
            self.comments += [{**ours, "id": len(self.comments), **comment} for comment in body["comments"]]
        elif path.endswith(("/discussions", "/pulls/7/comments")):
            if self.refuses_reviews and body.get("line") == 2:
                return 422, {"message": "no"}
            self.comments.append({**ours, "id": len(self.comments), **body})
        elif method == "POST":
            self.summaries.append({**ours, "id": 100 + len(self.summaries), **body})
            return 201, self.summaries[-1]
        else:
            (entry,) = (entry for entry in self.summaries if path.endswith(f"/{entry['id']}"))
            entry.update(body)
        return 200, {}


@pytest.fixture
def host() -> Iterator[tuple[Host, str]]:
    state = Host()

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.loads(data) if data else None
            state.requests.append((self.command, self.path, body, dict(self.headers)))
            if state.redirects:
                self.send_response(302)
                self.send_header("Location", "http://127.0.0.1:9/")
                self.end_headers()
                return
            status, answer = state.answer(self.command, self.path, body)
            self.send_response(status)
            if state.breaks_off:
                self.send_header("Content-Length", "10000")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_GET = do_POST = do_PATCH = do_PUT = do

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield state, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def github(url: str) -> dict[str, str]:
    return {
        "GITHUB_TOKEN": "t0ken",
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_REF": "refs/pull/7/merge",
        "GITHUB_API_URL": url,
    }


def gitlab(url: str) -> dict[str, str]:
    return {"GITLAB_TOKEN": "t0ken", "CI_PROJECT_ID": "5", "CI_MERGE_REQUEST_IID": "7", "CI_API_V4_URL": url}


def test_github_gets_it_once(host: tuple[Host, str], report: Report) -> None:
    state, url = host
    assert posting.to_github(report, github(url)) == posting.Posted(2, 0, 0)
    (review,) = (body for _, path, body, _ in state.requests if path.endswith("/reviews"))
    assert (review["event"], review["commit_id"]) == ("COMMENT", "2" * 40)
    assert posting.to_github(report, github(url)) == posting.Posted(0, 2, 0)
    assert (len(state.comments), len(state.summaries)) == (2, 1)
    assert all(headers["Authorization"] == "Bearer t0ken" for *_, headers in state.requests)


def test_what_others_say_is_not_ours(host: tuple[Host, str], report: Report) -> None:
    state, url = host
    for finding in report.findings:
        body = Marks("github:o/r#7").sign(finding.fingerprint)
        state.comments.append({"id": 1, "user": {"login": "mallory"}, "body": body})
    assert posting.to_github(report, github(url)).comments == 2


def test_a_mark_counts_only_signed_at_the_end_and_in_its_place(
    host: tuple[Host, str], report: Report
) -> None:
    """Our own comment may quote code with a mark in it, and a mark of another request may be copied."""
    state, url = host
    own = Marks("github:o/r#7", "key")
    forged = [
        f"a suggestion with {own.sign(one.fingerprint)}\nand more"
        if number
        else Marks("github:o/r#8", "key").sign(one.fingerprint)
        for number, one in enumerate(report.findings)
    ]
    state.comments = [{"id": 1, "user": {"login": "bot"}, "body": body} for body in forged]
    unsigned = Marks("github:o/r#7").sign("summary5")
    state.summaries = [
        {"id": 5, "user": {"login": "bot"}, "body": unsigned},
        {"id": 6, "user": {"login": "bot"}, "body": own.sign("summary5")},
    ]
    environment = github(url) | {"QWEN_LSP_MARKER_KEY": "key"}
    assert posting.to_github(report, environment) == posting.Posted(2, 0, 0)
    assert [entry["id"] for entry in state.summaries] == [5, 6, 102]
    assert state.summaries[0]["body"] == unsigned
    assert posting.to_github(report, environment) == posting.Posted(0, 2, 0)
    assert len(state.summaries) == 3


def test_a_refused_anchor_costs_one_comment(host: tuple[Host, str], report: Report) -> None:
    state, url = host
    state.refuses_reviews = True
    assert posting.to_github(report, github(url)) == posting.Posted(1, 0, 1)
    (summary,) = state.summaries
    assert "identity-of-values" in summary["body"]


def test_gitlab_gets_it_once(host: tuple[Host, str], report: Report) -> None:
    state, url = host
    assert posting.to_gitlab(report, gitlab(url)) == posting.Posted(2, 0, 0)
    assert state.comments[0]["position"] == {
        "base_sha": "base",
        "start_sha": "start",
        "head_sha": "head",
        "position_type": "text",
        "old_path": "a.py",
        "new_path": "a.py",
        "new_line": 1,
    }
    assert "```suggestion:-0+0\nx = y\n```" in state.comments[0]["body"]
    assert posting.to_gitlab(report, gitlab(url)) == posting.Posted(0, 2, 0)
    assert (len(state.comments), len(state.summaries)) == (2, 1)


def test_the_token_follows_no_redirect(host: tuple[Host, str], report: Report) -> None:
    state, url = host
    state.redirects = True
    with pytest.raises(PostingError, match="302"):
        posting.to_gitlab(report, gitlab(url))


@pytest.mark.parametrize("post", [posting.to_github, posting.to_gitlab])
def test_a_host_that_breaks_off_is_an_error_that_says_so(
    host: tuple[Host, str], report: Report, post: Callable[..., Any]
) -> None:
    state, url = host
    state.breaks_off = True
    with pytest.raises(PostingError, match="cannot be reached"):
        post(report, github(url) | gitlab(url))


@pytest.mark.parametrize("missing", ["GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_REF"])
def test_what_is_missing_is_named(report: Report, missing: str) -> None:
    environment = {key: value for key, value in github("http://127.0.0.1:9").items() if key != missing}
    with pytest.raises(InputError, match=r"GITHUB_TOKEN|GITHUB_REPOSITORY|--pull"):
        posting.to_github(report, environment)

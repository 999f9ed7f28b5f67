"""Post a review to GitHub or GitLab, once: nothing is posted twice, the summary is replaced.

Only on request, with a token from the environment, which goes to the named host and nowhere else: redirects
are not followed. Comments of other people never count as ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from qwen_lsp.endpoints import keeps_key
from qwen_lsp.errors import InputError, QwenLspError
from qwen_lsp.model import tls
from qwen_lsp.model.tls import NO_TLS
from qwen_lsp.review.report import pull_request
from qwen_lsp.review.report.markers import Marks, marks
from qwen_lsp.review.report.report import Report

_TIMEOUT_S = 30
_PAGE = 100
_MAX_PAGES = 50


class PostingError(QwenLspError):
    """Raised when a host refuses a review; the message has its own words."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a review. `refused`: comments that the host would not take; the summary has them."""

    comments: int
    known: int
    refused: int


class _Api:
    """JSON over HTTP with one host."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        if not keeps_key(url):
            raise InputError(f"{url}: the token goes only over https, or to this machine")
        import httpx  # brings the terminal library along, which a review without posting need not wait for

        self._url = url.rstrip("/")
        self._http = httpx.Client(
            headers={"Accept": "application/json", "User-Agent": "qwen-lsp", **headers},
            verify=tls.context(NO_TLS) if url.startswith("https:") else True,
            timeout=_TIMEOUT_S,
            follow_redirects=False,
        )

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        import httpx

        try:
            response = self._http.request(method, self._url + path, json=body)
            if response.status_code >= 300:
                message = f"{method} {self._url}{path}: {response.status_code} {response.text[:300]}"
                raise PostingError(message, response.status_code)
            return response.json() if response.content else None
        except (httpx.HTTPError, ValueError) as error:
            raise PostingError(f"{self._url} cannot be reached: {error or type(error).__name__}") from error

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield every entry of a list."""
        for page in range(1, _MAX_PAGES + 1):
            entries = self("GET", f"{path}?per_page={_PAGE}&page={page}")
            yield from entries
            if len(entries) < _PAGE:
                return


def to_github(report: Report, environment: Mapping[str, str], number: int | None = None) -> Posted:
    """Post to a pull request of GitHub.

    Raises: InputError when the environment lacks something, PostingError when GitHub refuses.
    """
    token, repository = _needed(environment, "GITHUB_TOKEN"), _needed(environment, "GITHUB_REPOSITORY")
    number = number or _github_number(environment)
    headers = {"Authorization": f"Bearer {token}", "X-GitHub-Api-Version": "2022-11-28"}
    api = _Api(environment.get("GITHUB_API_URL", "https://api.github.com"), headers)
    pull = f"/repos/{repository}/pulls/{number}"
    is_ours = _github_author(api)
    own = marks(f"github:{repository}#{number}", environment)
    known = _known((entry for entry in api.pages(f"{pull}/comments") if is_ours(entry)), own)
    made, _ = pull_request.comments(report)
    fresh = [comment for comment in made if comment.fingerprint not in known]
    refused = 0
    if fresh:
        head = report.head or api("GET", pull)["head"]["sha"]
        bodies = [pull_request.github_comment(comment, own) for comment in fresh]
        try:
            api("POST", f"{pull}/reviews", {"commit_id": head, "event": "COMMENT", "comments": bodies})
        except PostingError as error:
            if error.status != 422:
                raise
            # One bad anchor loses the whole review: say them one by one, and the rest in the summary.
            refused = sum(
                not _posted(api, f"{pull}/comments", {"commit_id": head, **body}) for body in bodies
            )
    notes = f"/repos/{repository}/issues"
    mine = [entry for entry in api.pages(f"{notes}/{number}/comments") if is_ours(entry)]
    old = _summary(mine, own) or api("POST", f"{notes}/{number}/comments", _summarized(report))["id"]
    api("PATCH", f"{notes}/comments/{old}", _summarized(report, own.sign(f"summary{old}")))
    return Posted(len(fresh) - refused, len(made) - len(fresh), refused)


def to_gitlab(report: Report, environment: Mapping[str, str], number: int | None = None) -> Posted:
    """Post to a merge request of GitLab.

    Raises: InputError when the environment lacks something, PostingError when GitLab refuses.
    """
    token, project = _needed(environment, "GITLAB_TOKEN"), _needed(environment, "CI_PROJECT_ID")
    number = number or int(_needed(environment, "CI_MERGE_REQUEST_IID"))
    api = _Api(environment.get("CI_API_V4_URL", "https://gitlab.com/api/v4"), {"PRIVATE-TOKEN": token})
    merge = f"/projects/{quote(project, safe='')}/merge_requests/{number}"
    me = api("GET", "/user").get("id")
    notes = [entry for entry in api.pages(f"{merge}/notes") if entry.get("author", {}).get("id") == me]
    own = marks(f"gitlab:{project}!{number}", environment)
    known = _known(iter(notes), own)
    made, _ = pull_request.comments(report)
    fresh = [comment for comment in made if comment.fingerprint not in known]
    refused = 0
    if fresh:
        version = api("GET", f"{merge}/versions")[0]
        shas = {
            name: version[f"{name.removesuffix('_sha')}_commit_sha"]
            for name in ("base_sha", "start_sha", "head_sha")
        }
        refused = sum(
            not _posted(api, f"{merge}/discussions", pull_request.gitlab_discussion(comment, shas, own), 400)
            for comment in fresh
        )
    old = _summary(notes, own) or api("POST", f"{merge}/notes", _summarized(report))["id"]
    api("PUT", f"{merge}/notes/{old}", _summarized(report, own.sign(f"summary{old}")))
    return Posted(len(fresh) - refused, len(made) - len(fresh), refused)


def _needed(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise InputError(f"posting needs {name} in the environment; docs/review.md has ready recipes")
    return value


def _github_number(environment: Mapping[str, str]) -> int:
    if match := re.fullmatch(r"refs/pull/(\d+)/\w+", environment.get("GITHUB_REF", "")):
        return int(match.group(1))
    try:
        event = json.loads(Path(environment.get("GITHUB_EVENT_PATH", "")).read_text("utf-8"))
        return int(event["pull_request"]["number"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError("which pull request? name it with --pull NUMBER") from error


def _github_author(api: _Api) -> Callable[[dict[str, Any]], bool]:
    """Return the question whether an entry is by us; a workflow's own token has no user, and is a bot."""
    try:
        login = api("GET", "/user").get("login")
    except PostingError:
        return lambda entry: (entry.get("user") or {}).get("login") == "github-actions[bot]"
    return lambda entry: (entry.get("user") or {}).get("login") == login


def _known(entries: Iterator[dict[str, Any]], own: Marks) -> set[str]:
    return {found for entry in entries if (found := own.read(str(entry.get("body", ""))))}


def _summary(entries: list[dict[str, Any]], own: Marks) -> int | None:
    return next((entry["id"] for entry in entries if own.is_summary(entry)), None)


def _summarized(report: Report, mark: str = "") -> dict[str, str]:
    """Return the summary; the mark holds its id, so it can only be added when the host has given one."""
    return {"body": f"{pull_request.summary(report).rstrip()}\n\n{mark}".rstrip()}


def _posted(api: _Api, path: str, body: dict[str, Any], refusal: int = 422) -> bool:
    try:
        api("POST", path, body)
    except PostingError as error:
        if error.status != refusal:
            raise
        return False
    return True

"""Find secrets in a text: by their form, or by a name that says what they are.

`redact` shows a report without them; `mask` replaces each with a placeholder of the same length and kind, so
that offsets, prompts and their caches stay as they are. Both are linear in the text. Knows no reader of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

MARK = "‹redacted›"
Span = tuple[int, int]
# Finds further secrets in one line: pairs of offsets. model/gate.py brings those of a maintained detector.
Detector = Callable[[str], tuple[Span, ...]]

# Every repetition is bounded, or ends where nothing else can begin: no text costs more than its length.
_BY_FORM = re.compile(
    r"\b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,255}|\bgithub_pat_[A-Za-z0-9_]{30,255}"
    r"|\bgl(?:pat|rt|dt|ptt|soat)-[\w-]{16,255}|\bxox[a-z]-[A-Za-z0-9-]{10,255}|\bxapp-[A-Za-z0-9-]{10,255}"
    r"|\bAIza[\w-]{35}|\bya29\.[\w-]{20,512}|\bGOCSPX-[\w-]{20,64}|\bsk-[A-Za-z0-9_-]{20,255}"
    r"|\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,255}|\bwhsec_[A-Za-z0-9]{20,255}|\bhf_[A-Za-z0-9]{20,255}"
    r"|\bSG\.[\w-]{16,64}\.[\w-]{16,64}|\b(?:SK|AC)[0-9a-f]{32}\b|\bkey-[0-9a-f]{32}\b|\b[0-9a-f]{32}-us\d{1,3}\b"
    r"|\bnpm_[A-Za-z0-9]{30,255}|\bpypi-[\w-]{40,512}|\brubygems_[0-9a-f]{40,64}|\bdckr_pat_[\w-]{20,64}"
    r"|\beyJ[\w-]{8,2048}\.eyJ[\w-]{8,4096}\.[\w-]{8,1024}|\bdop_v1_[0-9a-f]{64}|\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"
    r"|\bsq0[a-z]{3}-[\w-]{22,64}|\bEAAA[\w-]{60}|\bdapi[0-9a-f]{32}|\bhv[sb]\.[\w-]{20,512}|\blin_api_[A-Za-z0-9]{30,64}"
    r"|\bATATT3[\w=-]{30,512}|\bAGE-SECRET-KEY-1[0-9A-Z]{58}|\b\d{8,10}:[\w-]{35}\b"
    r"|\b[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,40}"
    r"|hooks\.slack\.com/services/[\w/]{20,100}|(?<=AccountKey=)[A-Za-z0-9+/=]{40,120}"
    r"|(?<=SharedAccessKey=)[A-Za-z0-9+/=]{30,120}"
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?P<key>[\s\S]*?)"
    r"(?:-----END [A-Z0-9 ]{0,60}PRIVATE KEY(?: BLOCK)?-----|\Z)"
)
_KEY_LINES = re.compile(
    r"(?m)^[A-Za-z0-9+/]{64}(?:\r?\n[A-Za-z0-9+/]{64}){2,}(?:\r?\n[A-Za-z0-9+/=]{1,64}$)?"
)
_IN_URL = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"']{0,256}:([^\s@/\"'{}<>$]{3,256})@", re.IGNORECASE
)
_AUTHORIZATION = re.compile(
    r"\b(?:bearer|basic|token)[ \t]{1,4}(?=[A-Za-z_.~+/=-]{0,400}\d)([\w.~+/=-]{16,4096})", re.IGNORECASE
)
# A name and what assigns to it, with or without a type; only behind a secret's is the value looked at.
_ASSIGNMENT = re.compile(
    r"(?<![\w.-])(?P<name>[\w.-]{2,80})[\"']?\]?[ \t]{0,8}"
    r"(?:(?P<sign>=>|:=|=(?!=)|:(?!:))|[ \t](?=[\"']))"
    r"(?P<type>[ \t]{0,4}[A-Za-z_][\w.\[\] |]{0,40}?[ \t]{0,4}=(?!=))?"
)
_VALUE = re.compile(
    r"[ \t]{0,8}(?:[rbufRBUF]{0,2}(?P<quote>[\"'`])(?P<quoted>[^\"'`\r\n]{4,400})"
    r"|(?P<bare>[^\s\"'`,;(){}\[\]<>$#]{6,400}))"
)
_SECRET_NAME = re.compile(
    r"passw|passphrase|(?:^|[_.-])pwd|pwd$|secret|token|credential|bearer|api[_.-]?key|access[_.-]?key|auth[_.-]?key"
    r"|private[_.-]?key|signing[_.-]?key|encryption[_.-]?key|account[_.-]?key|master[_.-]?key|(?:^|[_.-])auth$"
    r"|deploy[_.-]?key|service[_.-]?key|licen[sc]e[_.-]?key|webhook[_.-]?url|connection[_.-]?string|(?:^|[_.-])salt$",
    re.IGNORECASE,
)
# Names of these endings speak about a secret, and hold none.
_ABOUT = re.compile(
    r"(?:type|name|names|field|fields|count|counts|limit|length|len|size|url|uri|path|file|dir|env|header|prefix|suffix"
    r"|class|id|ids|index|pos|re|regex|pattern|kind|tokens|secrets|hint|label|help|map|list|budget|ms|min|max|version"
    r"|error|errors|message|required|policy|reset|format|mode|hash_algorithm|expiry|expires|at|timeout)$",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|[A-Za-z_]+\d?")
_WORDS = re.compile(r"[a-z]+(?:[ _.:/-][a-z]+)*|[A-Z]+(?:[ _.-][A-Z]+)*|[A-Z]?[a-z]+(?:[A-Z][a-z]+)*")
_MAX_KEPT_CHARS = 1000
_MAX_LINE_CHARS = 20_000


def redact(text: str) -> str:
    """Return the text with the values of secrets replaced by a mark, for people to read."""
    pieces: list[str] = []
    end = 0
    for start, stop in spans(text):
        pieces += (text[end:start], MARK)
        end = stop
    return "".join((*pieces, text[end:]))


def mask(text: str, detector: Detector | None = None) -> tuple[str, int]:
    """Return the text with each secret as a placeholder of its length and kind, and how many there were."""
    found = spans(text, detector)
    pieces: list[str] = []
    end = 0
    for start, stop in found:
        pieces += (text[end:start], _placeholder(text[start:stop]))
        end = stop
    return "".join((*pieces, text[end:])), len(found)


def spans(text: str, detector: Detector | None = None) -> list[Span]:
    """Return where the values of secrets stand, in order and apart from one another."""
    found = [match.span("key") for match in _PRIVATE_KEY.finditer(text)]
    found += [match.span() for match in _KEY_LINES.finditer(text)]
    at = 0
    for line in text.splitlines(keepends=True):
        # A keystroke changes one line of a prompt: the others are known.
        of_line = _kept_in_line if len(line) <= _MAX_KEPT_CHARS else _in_line
        found += [(at + start, at + stop) for start, stop in of_line(line)]
        if detector is not None and len(line) <= _MAX_LINE_CHARS:
            found += [(at + start, at + stop) for start, stop in detector(line)]
        at += len(line)
    merged: list[Span] = []
    for start, stop in sorted(found):
        if stop <= start:
            continue
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], stop)
        else:
            merged.append((start, stop))
    return merged


def _in_line(line: str) -> tuple[Span, ...]:
    """Return where secrets stand in one line."""
    found = [match.span() for match in _BY_FORM.finditer(line)]
    found += [match.span(1) for match in _IN_URL.finditer(line)]
    found += [match.span(1) for match in _AUTHORIZATION.finditer(line)]
    return (*found, *_assigned(line))


_kept_in_line = lru_cache(16_384)(_in_line)


def _assigned(text: str) -> Iterator[Span]:
    at = 0
    while (match := _ASSIGNMENT.search(text, at)) is not None:
        name, sign = match["name"], match["sign"] or ""
        is_typed = sign == ":" and match["type"] is not None
        at = match.end() if is_typed else match.end("sign") if sign else match.end("name")
        if _SECRET_NAME.search(name) is None or _ABOUT.search(name):
            if is_typed:  # "it failed: PASSWORD=..." is no name with a type
                at = match.end("sign")
            continue
        value = _VALUE.match(text, at)
        if value is None:
            continue
        if value["quoted"] is not None:
            if _is_quoted_secret(value["quoted"]):
                yield value.span("quoted")
        elif _is_bare_secret(name, sign, value["bare"]):
            yield value.span("bare")


def _is_quoted_secret(value: str) -> bool:
    """Whether a text in quotes is a value and no template, sentence or name of something."""
    if len(value) < 6 or any(char in value for char in "{}<>$%"):
        return False
    if " " in value:
        return False
    return _WORDS.fullmatch(value) is None or len(value) >= 24 or (value.isalpha() and len(value) >= 14)


def _is_bare_secret(name: str, sign: str, value: str) -> bool:
    """Whether a text without quotes is a value as environment files, YAML and INI write them, and no code."""
    value = value.rstrip(".")
    if name.isupper() and sign == "=" and not value.startswith(("$", "%", "/", "./", "~")):
        is_long = len(value) >= 20 and "." not in value
        return is_long or (len(value) >= 8 and not _ATTRIBUTE.fullmatch(value))
    has_both = any(char.isdigit() for char in value) and any(char.isalpha() for char in value)
    is_code = _ATTRIBUTE.fullmatch(value) is not None or value.startswith(("self.", "/", "./"))
    return len(value) >= 8 and has_both and not is_code and "://" not in value


def _placeholder(secret: str) -> str:
    """Return a text of the same length with the same kinds of characters at the same places."""
    head = re.match(
        r"(?:AKIA|ASIA|AIza|eyJ|sk-|gh[a-z]_|hf_|npm_|xox[a-z]-|[sr]k_(?:live|test)_|glpat-)?", secret
    )
    kept = head.end() if head is not None else 0
    return secret[:kept] + "".join(
        "0" if char.isdigit() else "X" if char.isupper() else "x" if char.isalpha() else char
        for char in secret[kept:]
    )

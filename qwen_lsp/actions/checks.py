"""Whether rewritten code may take the place of the old: each check returns a Refused, or None.

`rewritten` runs them in order, the cheap and the telling ones first. A check without a grammar passes:
parsing never fails a feature (invariant 6).
"""

from __future__ import annotations

import builtins
import keyword
import re
import tomllib
import warnings
from collections import Counter
from functools import cache
from importlib.resources import files

from qwen_lsp.actions.target import Target
from qwen_lsp.actions.task import Refused, RepositoryContext
from qwen_lsp.syntax import code, compiling, python_bound, rules, scopes, work
from qwen_lsp.syntax.code import Source
from qwen_lsp.syntax.languages import Language
from qwen_lsp.text import Document

# Actions after which the code must do the same, and be better for it.
SAME = {"simplify", "optimise"}
# Actions that may change what a function is called with.
_MAY_CHANGE_SIGNATURES = {"edit", "types"}
# The least share of the tokens that must be left; rewriting simpler may leave fewer than repairing.
_MIN_LEFT = {"simplify": 0.2, "optimise": 0.2, "edit": 0.0, "extract": 0.5}
_MIN_LEFT_ELSE = 0.6
_MAX_GROWTH = 6.0
_WORD = re.compile(r"\w")
# What may go when errors are handled: `const` before a `try`, Go's `_`, an empty handler, a class of errors.
_MAY_GO = re.compile(r"const|let|var|val|final|_|pass|\w*(Error|Exception|Throwable)")

_PYTHON = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | {"self", "cls", "__file__", "__name__"}


@cache
def known_names(language: Language) -> frozenset[str] | None:
    """Return the names that need no definition; None for a language whose names nobody has listed."""
    if language.id == "python":
        return _PYTHON
    lists = tomllib.loads(files("qwen_lsp.actions").joinpath("globals.toml").read_text("utf-8"))
    words = lists.get(
        {"typescript": "javascript", "typescriptreact": "javascript"}.get(language.id, language.id)
    )
    return frozenset(words.split()) if words else None


def rewritten(target: Target, new_region: str, after: str, context: RepositoryContext) -> Refused | None:
    """Judge a region that was rewritten; `after` is the whole text with it in its place."""
    task = target.task
    language = task.language
    before_source, after_source = target.source, code.parse(after, language)
    if before_source is None or after_source is None:
        return introduced_vulnerabilities(task.document, after, language)
    return (
        syntax(before_source, after_source)
        or _deleted(target, new_region)
        or _doubled(before_source, after_source)
        or _signatures(target, before_source, after_source)
        or names(before_source, after_source, context)
        or introduced_vulnerabilities(task.document, after, language)
        or _taken_away(target, new_region)
        or _lost_comments(target, new_region)
        or _no_better(target, new_region)
    )


def syntax(before: Source, after: Source) -> Refused | None:
    """No new syntax errors, and what one file shows of compiling holds.

    In Python, the language's own parser must still take a file that it took.
    """
    if after.error_count() > before.error_count():
        return Refused("syntax")
    if wrong := sorted(compiling.faults(after) - compiling.faults(before)):
        return Refused("syntax", wrong[0][:80])
    if before.language.id == "python" and python_error(before.text) is None:
        error = python_error(after.text)
        if error is not None:
            return Refused("syntax", error)
    return None


def is_broken(text: str, language: Language) -> bool:
    """Whether the language's own parser, where we have it, refuses a text."""
    return language.id == "python" and python_error(text) is not None


def python_error(text: str) -> str | None:
    """Return what Python's own parser says against a text, None when it takes it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(text, "<text>", "exec", dont_inherit=True, flags=0)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return str(error)
    return None


def _deleted(target: Target, new_region: str) -> Refused | None:
    """Definitions stay, and most of the code does."""
    language = target.task.language
    old, new = code.parse(target.shown, language), code.parse(new_region, language)
    if old is None or new is None:
        return None
    kept = {definition.name for definition in new.definitions()}
    lost = [definition.name for definition in old.definitions() if definition.name not in kept]
    if lost and target.task.kind != "edit":
        return Refused("deleted", ", ".join(lost))
    n_old, n_new = len(old.tokens()), len(new.tokens())
    kind = target.task.kind if target.task.custom is None else "edit"
    if n_old > 12 and n_new < n_old * _MIN_LEFT.get(kind, _MIN_LEFT_ELSE):
        return Refused("deleted")
    if n_old > 12 and n_new > n_old * _MAX_GROWTH + 200:
        return Refused("grown")
    return None


def _taken_away(target: Target, new_region: str) -> Refused | None:
    """Handling errors adds to code: each word of it is still there, in the old order.

    Only how a value is declared, a value that was ignored, and which errors are caught may change with it.
    What is thrown stays to the letter, with its cause.
    """
    language = target.task.language
    old, new = code.parse(target.shown, language), code.parse(new_region, language)
    if target.task.kind != "errors" or target.task.custom is not None or old is None or new is None:
        return None
    if old.tokens() == new.tokens():  # comments that say what could be done
        return Refused("unchanged")
    thrown, text = (re.findall(r"\b(?:throw|raise)\b[^;\n]*", old.text), "".join(new.text.split()))
    changed = [one for one in thrown if "".join(one.split()) not in text]
    if changed:
        return Refused("deleted", changed[0].strip())
    left = iter(new.tokens())
    for token in old.tokens():
        is_word = _WORD.match(token) and not token.startswith("block:")
        if is_word and not _MAY_GO.fullmatch(token) and token not in left:
            return Refused("deleted", token)
    return None


def _lost_comments(target: Target, new_region: str) -> Refused | None:
    """What does the same keeps its comments."""
    if target.task.kind not in SAME or target.task.custom is not None:
        return None
    old, new = (code.parse(text, target.task.language) for text in (target.shown, new_region))
    left = Counter(" ".join(one.text.split()) for one in new.prose()) if new is not None else Counter()
    lost = [one for one in (old.prose() if old is not None else ()) if not left[" ".join(one.text.split())]]
    return Refused("deleted", lost[0].text[:80]) if lost else None


def _no_better(target: Target, new_region: str) -> Refused | None:
    """What is to be simpler or faster is so, by figures."""
    language, kind = target.task.language, target.task.kind
    old, new = code.parse(target.shown, language), code.parse(new_region, language)
    if kind not in SAME or target.task.custom is not None or old is None or new is None:
        return None
    before, after = work.of(old), work.of(new)
    is_better = after.is_less(before) if kind == "optimise" else after.is_simpler(before)
    return None if is_better else Refused("not_better")


def _doubled(before: Source, after: Source) -> Refused | None:
    """Nothing that the file defines is defined once more; overloads that were there may stay."""
    old, new = (
        Counter(item.name for item in source.definitions() if item.name) for source in (before, after)
    )
    twice = [name for name, n in new.items() if name in old and n > old[name]]
    return Refused("doubled", ", ".join(twice)) if twice else None


def _signatures(target: Target, before: Source, after: Source) -> Refused | None:
    if target.task.kind in _MAY_CHANGE_SIGNATURES or target.task.custom is not None:
        return None
    old, new = signatures(before), signatures(after)
    changed = [name for name in old if name in new and old[name] != new[name]]
    return Refused("signature", ", ".join(changed)) if changed else None


def signatures(source: Source) -> dict[str, list[list[str]]]:
    """Return the tokens of every function's header, annotations apart, by the function's name."""
    found: dict[str, list[list[str]]] = {}
    for definition in source.definitions():
        if definition.is_function and definition.parameters is not None:
            header = source.text[definition.header.start : definition.header.end]
            found.setdefault(definition.name, []).append(re.findall(r"\w+|[^\w\s]", header.split("#")[0]))
    return found


def names(before: Source, after: Source, context: RepositoryContext) -> Refused | None:
    """Names that are newly used exist: in the file, in the language, or in the repository.

    What a block declares is not used behind it.
    """
    unknown = [name for name in new_names(before, after) if not context.is_known(name)]
    unknown += sorted(scopes.unreachable(after) - scopes.unreachable(before))
    if after.language.id == "python":
        unknown += dict.fromkeys(one.name for one in python_bound.newly_unbound(before.text, after.text))
    return Refused("names", ", ".join(unknown)) if unknown else None


def new_names(before: Source, after: Source) -> list[str]:
    """List the names that are newly used and come neither from the file nor from the language."""
    known = known_names(before.language)
    if known is None or _imports_everything(before.text):
        return []
    return sorted(after.used() - before.identifiers() - after.bound() - known)


def _imports_everything(text: str) -> bool:
    return re.search(r"^\s*from\s+\S+\s+import\s+\*", text, re.MULTILINE) is not None


def introduced_vulnerabilities(document: Document, after: str, language: Language | None) -> Refused | None:
    """Nothing insecure is added, by the rules of review."""
    found = rules.introduced_vulnerabilities(document.text, after, language, document.path or "")
    return Refused("danger", ", ".join(found)) if found else None

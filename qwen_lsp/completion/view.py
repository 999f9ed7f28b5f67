"""What one request looks like to the model: the prompt, and what stopping and filters know of the cursor.

Pure, made from a snapshot. It knows no engine and no cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qwen_lsp.completion import prompt, stopping
from qwen_lsp.completion.budget import Budget
from qwen_lsp.completion.filters import Case
from qwen_lsp.completion.prompt import FimPrompt
from qwen_lsp.completion.stopping import Mode, Surroundings
from qwen_lsp.config import CompletionConfig
from qwen_lsp.model.catalog import Profile
from qwen_lsp.syntax import languages, parsing
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.parsing import PlaceKind
from qwen_lsp.text import Cursor


@dataclass(frozen=True, slots=True)
class View:
    """What the model sees of one place, and what is known of the place to judge its answer."""

    uri: str
    prompt: FimPrompt
    around: Surroundings
    mode: Mode
    language: Language | None
    stops: tuple[str, ...]
    place: PlaceKind = "code"

    @property
    def case(self) -> Case:
        """The same, as the filters want it."""
        return Case(self.prompt.prefix, self.prompt.suffix, self.mode, self.around, self.stops)

    def typed_since(self, earlier: View) -> str | None:
        """Return what was typed since an earlier view; None when anything else has changed."""
        before, now = earlier.prompt, self.prompt
        is_same = self.uri == earlier.uri and now.suffix == before.suffix
        return now.prefix[len(before.prefix) :] if is_same and now.prefix.startswith(before.prefix) else None


def view_of(
    cursor: Cursor,
    path: str | None,
    profile: Profile,
    config: CompletionConfig,
    budget: Budget,
    files: Sequence[tuple[str, str]] = (),
    window: tuple[str, str] | None = None,
) -> View:
    """Render the prompt of a place; `files` and `window` are as in `prompt.fim`."""
    document = cursor.document
    language = languages.find(document.language, document.path)
    layout = profile.fim_layout if config.layout == "auto" else config.layout
    fim = prompt.fim(cursor, profile.tokens, layout, budget, path, language, files, window)
    place = parsing.place_kind(fim.prefix, fim.suffix, language)
    around = stopping.surroundings(cursor, language, place)
    return View(
        uri=document.uri,
        prompt=fim,
        around=around,
        mode=stopping.mode(around),
        language=language,
        stops=profile.tokens.stops,
        place=place,
    )

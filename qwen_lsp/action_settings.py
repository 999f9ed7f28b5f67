"""The settings of code actions, also of the own ones of a user. Knows nothing of what is done with them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class CustomAction(msgspec.Struct, frozen=True, rename="camel"):
    """A code action of the user's own."""

    name: Annotated[
        str, Meta(pattern="^[a-z][a-z0-9-]*$", description="How the command line calls it; unique.")
    ]
    title: Annotated[str, Meta(min_length=1, description="What the editor's menu shows.")]
    prompt: Annotated[
        str,
        Meta(
            min_length=1,
            description="What the model is to do with the code; `{language}`, `{path}` and `{diagnostics}` "
            "are filled in.",
        ),
    ]
    languages: Annotated[
        tuple[str, ...], Meta(description="LSP identifiers of the languages it is offered in; none: all.")
    ] = ()
    kind: Annotated[
        str, Meta(description="Kind of the action, as editors filter by it, such as `refactor.rewrite`.")
    ] = "refactor.rewrite"
    output: Annotated[
        Literal["edit", "text"], Meta(description="`edit`: rewrite the code; `text`: say something about it.")
    ] = "edit"


class ActionsConfig(msgspec.Struct, frozen=True, rename="camel"):
    """Code actions."""

    enabled: Annotated[bool, Meta(description="Offer code actions.")] = True
    timeout_ms: Annotated[
        int,
        Meta(
            ge=1000, le=3_600_000, description="Maximum time to wait for an answer once the engine is ready."
        ),
    ] = 180_000
    custom: Annotated[tuple[CustomAction, ...], Meta(description="Code actions of your own.")] = ()

    def named(self, name: str) -> CustomAction | None:
        """Return the user's own action of that name."""
        return next((action for action in self.custom if action.name == name), None)

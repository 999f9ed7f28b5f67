"""The settings as a JSON Schema, for editors and `qwen-lsp config schema`. Knows only their definition."""

from __future__ import annotations

from typing import Any

import msgspec

from qwen_lsp.config import Config


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the settings, self-contained and with every default."""
    (root,), definitions = msgspec.json.schema_components([Config], ref_template="#/$defs/{name}")

    def inline(node: Any) -> Any:
        if isinstance(node, dict):
            if set(node) & {"$ref", "allOf"}:
                ref = node.get("$ref") or node["allOf"][0]["$ref"]
                return inline(definitions[ref.rsplit("/", 1)[1]])
            # The generator's own titles are names of classes; below `properties` a title is a setting.
            return {
                key: inline(value) for key, value in node.items() if key != "title" or isinstance(value, dict)
            }
        return [inline(item) for item in node] if isinstance(node, list) else node

    document: dict[str, Any] = inline(root)

    def set_defaults(node: dict[str, Any], struct: msgspec.Struct) -> None:
        for entry in msgspec.structs.fields(struct):
            value, child = getattr(struct, entry.name), node["properties"][entry.encode_name]
            if isinstance(value, msgspec.Struct):
                child.pop("default", None)
                set_defaults(child, value)
            else:
                child["default"] = value

    set_defaults(document, Config())
    document["additionalProperties"] = False
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "qwen-lsp settings",
        **document,
    }

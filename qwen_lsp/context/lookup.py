"""What the names around a cursor mean: definitions, types, members, found through the index.

A Look keeps the index's answers for the time of one gathering. It judges nothing; sources.py asks it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from qwen_lsp.context.place import TYPE_KINDS, Binding, Place, bindings, camel
from qwen_lsp.context.snippets import Recent
from qwen_lsp.index.extract import module_stem, path_stem
from qwen_lsp.index.reader import Index, IndexedDefinition
from qwen_lsp.index.source import NOTEBOOK
from qwen_lsp.syntax import languages
from qwen_lsp.syntax.outline import Import

# Bounds that keep one gathering within its time whatever the repository.
MAX_NAMES = 20
MAX_MEMBERS = 200
_MAX_MEANINGS = 3
_MAX_LOOKUPS = 80
_MAX_TYPES = 8
_MAX_BASES = 3
_MAX_CHAINS, _CHAIN_CHARS = 6, 1500
_CHAINED = 0.8

CALLED = {"function", "method", "macro"}
_WORD = re.compile(r"[^\W\d]\w*")
_CHAIN = re.compile(r"((?:[^\W\d]\w*(?:\?\.|\.|->)){2,3})(?=[^\W\d])")
_RESULT = re.compile(r"(?:->|\)\s*:)\s*([^{=]+?)\s*$")
_FAMILIES = {"javascript": "web", "typescript": "web", "typescriptreact": "web", "c": "c", "cpp": "c"}
_CONSTRUCTORS = ("__init__", "constructor", "new", "initialize", "init")
_OWN = {"self", "this", "cls", "super"}
KEYWORDS = frozenset(
    _WORD.findall("""
    return await async yield import from class def function const let var new for while if elif else not and
    or is in try except finally raise throw catch with as pass break continue lambda None True False null true
    false undefined self this cls super public private protected static final void int str float bool string
    number boolean list dict set tuple isinstance len type interface export default extends implements
    """)
)


class Look:
    """A place, the index, and the answers it has given for this place."""

    def __init__(self, place: Place, index: Index, recent: Recent) -> None:
        self.place = place
        self.index = index
        self.recent = recent
        self.imports: Sequence[Import] = index.imports_of(place.path)
        self._imported = {
            entry.alias or entry.name: entry for entry in self.imports if entry.name not in (None, "*")
        }
        self._named: dict[str, list[IndexedDefinition]] = {}
        self._owners: dict[tuple[str, str], str] = {}
        self._modules: dict[str, list[str]] = {}
        self._types: dict[IndexedDefinition, float] | None = None
        self._variables: dict[str, list[IndexedDefinition]] = {}
        self._members: dict[IndexedDefinition, list[IndexedDefinition]] = {}
        self.bindings = {**bindings(place.around), **bindings(place.scope_text)}

    def resolve(self, name: str) -> list[IndexedDefinition]:
        """The definitions that a plain name may mean here: through imports, else by name, near ones first."""
        if name not in self._named:
            self._named[name] = self._resolved(name)
        return self._named[name]

    def _resolved(self, name: str) -> list[IndexedDefinition]:
        entry = self._imported.get(name)
        if entry is not None:
            found = [
                definition
                for path in self.files_of(entry)
                for definition in self.index.definitions_of(path, entry.name or "")
                if not definition.container
            ]
            if found:
                return found[:1]
        # The names nearest to the cursor were asked first; a bound keeps the time the same everywhere.
        if len(self._named) >= _MAX_LOOKUPS:
            return []
        return self.named(entry.name if entry is not None and entry.name else name)

    def named(self, name: str) -> list[IndexedDefinition]:
        """The definitions of a name that stand for themselves: members of types are reached through these."""
        found = self.index.definitions_named([name], limit=8, near=self.place.path)
        family = _family(self.place.path)
        found = [
            one
            for one in found
            if (not one.container or one.kind in TYPE_KINDS) and _family(one.path) == family
        ]
        # What many files define is a convention; which of them is meant is unknown.
        return found[:2] if len({one.path for one in found}) <= _MAX_MEANINGS else []

    def files_of(self, entry: Import) -> list[str]:
        """The files that an import may mean, the one whose path agrees best with the module first."""
        key = f"{entry.module}\0{entry.name or ''}"
        if key not in self._modules:
            stems = [module_stem(entry.module, entry.name or "")]
            if entry.name and entry.name != "*":
                stems.append(entry.name.lower())  # `from package import module`
            parts = {part for part in re.split(r"\W+", entry.module) if part}
            name = (entry.name or "").lower()
            paths = [path for stem in stems if stem for path in self.index.paths_matching(stem)]

            def agreement(path: str) -> tuple[int, bool, int]:
                own = set(path.rpartition(".")[0].split("/"))
                # Of a package and a module in it, `from package import module` means the module.
                is_named = path_stem(path) == name
                return len(parts & own), is_named, _shared_folders(path, self.place.path)

            self._modules[key] = sorted(dict.fromkeys(paths), key=agreement, reverse=True)[:2]
        return self._modules[key]

    def owner_signature(self, one: IndexedDefinition) -> str:
        """The first line of the type that a member belongs to; "" for what belongs to none."""
        if not one.container:
            return ""
        key = one.path, one.container
        if key not in self._owners:
            outer, _, name = one.container.rpartition(".")
            owners = (
                owner.signature
                for owner in self.index.definitions_of(one.path, name)
                if owner.container == outer
            )
            self._owners[key] = next(owners, name)
        return self._owners[key]

    def types_in_scope(self) -> dict[IndexedDefinition, float]:
        """The repository's types that variables near the cursor have, with how near, the nearest first."""
        if self._types is None:
            self._types = _types_in_scope(self)
        return self._types

    def type_of_chain(self, chain: Sequence[str]) -> list[IndexedDefinition]:
        """The types of `a.b.c`, from left to right through members and results of calls."""
        first, *rest = chain
        if first in _OWN:
            types = [one for one in self.place.enclosing if one.kind in TYPE_KINDS][-1:]
        else:
            types = self.type_of_variable(first)
            if not types:
                types = [kind for one in self.resolve(first) for kind in self.result_types(one)]
        for name in rest:
            found = [kind for one in types for kind in self._type_of_member(one, name)]
            types = found[:2] or self._types_named(camel(name))
        return types

    def type_of_variable(self, name: str) -> list[IndexedDefinition]:
        """The types of a plain name: as its annotation says, or what made it, or else its own name."""
        if name not in self._variables:
            self._variables[name] = []  # for a name whose value is made from itself
            binding = self.bindings.get(name, Binding())
            types = [kind for word in binding.types for kind in self._types_named(word)]
            if not types and binding.maker:
                types = self.type_of_chain(binding.maker)
            self._variables[name] = types or self._types_named(name) or self._types_named(camel(name))
        return self._variables[name]

    def _types_named(self, name: str) -> list[IndexedDefinition]:
        return [one for one in self.resolve(name) if one.kind in TYPE_KINDS]

    def _type_of_member(self, owner: IndexedDefinition, name: str) -> list[IndexedDefinition]:
        members = self.members(owner)
        for member in members:
            if member.name != name:
                continue
            if found := self.result_types(member):
                return found
            # `self.md = md`: the constructor's parameter says it.
            maker = _binding(member).maker or (name,)
            for constructor in members:
                if constructor.name in (*_CONSTRUCTORS, owner.name):
                    binding = bindings(constructor.signature).get(maker[0], Binding())
                    if found := [kind for word in binding.types for kind in self._types_named(word)]:
                        return found
        return []

    def result_types(self, definition: IndexedDefinition) -> list[IndexedDefinition]:
        """The types that a call of a function gives, or that a field has, as its signature says."""
        if definition.kind in CALLED:
            match = _RESULT.search(definition.signature)
            words = _WORD.findall(match[1]) if match else []
        else:
            binding = _binding(definition)
            words = list(binding.types or binding.maker[-1:])
        return [kind for word in words for kind in self._types_named(word)][:2]

    def members(self, owner: IndexedDefinition) -> list[IndexedDefinition]:
        """The members of a type and of those it is made from, its own first."""
        if owner not in self._members:
            self._members[owner] = self._members_of(owner, 0)[:MAX_MEMBERS]
        return self._members[owner]

    def _members_of(self, owner: IndexedDefinition, depth: int) -> list[IndexedDefinition]:
        qualified = f"{owner.container}.{owner.name}" if owner.container else owner.name
        own = self.index.members_of(owner.path, qualified, limit=MAX_MEMBERS)
        names = {one.name for one in own}
        if depth < _MAX_BASES:
            for word in _WORD.findall(owner.signature.partition(owner.name)[2]):
                for base in self._types_named(word):
                    if base != owner:
                        inherited = self._members_of(base, depth + 1)
                        own += [one for one in inherited if one.name not in names]
        return own


def _types_in_scope(look: Look) -> dict[IndexedDefinition, float]:
    place = look.place
    found: dict[IndexedDefinition, float] = {}

    def add(types: Iterable[IndexedDefinition], nearness: float) -> None:
        for one in types:
            if one.path != place.path or one not in place.enclosing:
                found[one] = max(found.get(one, 0.0), nearness)

    names = [*look.bindings, *(name for name in place.near if name not in look.bindings)]
    names = [name for name in names if name not in KEYWORDS]
    for name in names[:MAX_NAMES]:
        if len(found) >= _MAX_TYPES:
            break
        add(look.type_of_variable(name), place.near.get(name, 0.1))
    attributes = dict.fromkeys(re.findall(r"\b(?:self|this)\.(\w+)", place.around))
    for name in list(attributes)[:MAX_NAMES]:
        if len(found) >= 2 * _MAX_TYPES:
            break
        add(look.type_of_chain(["self", name]), 0.8 * place.near.get(name, 0.1))
    # What is reached through a chain is often reached once more: `agent.metrics.add(usage)`.
    for chain in _chains_above(place):
        if len(found) >= 3 * _MAX_TYPES:
            break
        add(look.type_of_chain(chain), _CHAINED * place.near.get(chain[-1], 0.1))
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _chains_above(place: Place) -> list[tuple[str, ...]]:
    """List the chains `a.b.` of the text before the cursor, the nearest first."""
    before = place.cursor.document.text[: place.cursor.offset][-_CHAIN_CHARS:]
    chains = [tuple(_WORD.findall(at[1])) for at in _CHAIN.finditer(before)]
    return list(dict.fromkeys(chain for chain in reversed(chains) if chain[0] not in _OWN))[:_MAX_CHAINS]


def _binding(field: IndexedDefinition) -> Binding:
    """Read the signature of a field, which may be an assignment to an attribute of `self`."""
    signature = re.sub(r"^(?:self|this|cls)\.", "", field.signature)
    return bindings(signature).get(field.name, Binding())


@lru_cache(maxsize=4096)
def _family(path: str) -> str:
    """Return the languages that may use one another's definitions, as one word."""
    if path.endswith(NOTEBOOK):
        return "python"  # hardly any has another language, and none that says so in its name
    language = languages.find("", path)
    return _FAMILIES.get(language.id, language.id) if language else ""


def _shared_folders(first: str, second: str) -> int:
    count = 0
    for one, other in zip(first.split("/"), second.split("/"), strict=False):
        if one != other:
            break
        count += 1
    return count

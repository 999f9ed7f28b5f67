"""What is reviewed: a Change holds each changed file with its patch and its text before and after.

A change comes from git (two commits, the index, the working tree with the unsaved text of an editor) or
from a diff alone. Where only a diff is known, the text around it is looked for on the disk and used when
it agrees; else the unknown lines are empty, so that line numbers stay right.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from qwen_lsp.errors import InputError
from qwen_lsp.review.change import git
from qwen_lsp.review.change.diff import Broken, FilePatch, Hunk, Line, Patch, parse
from qwen_lsp.text import Document, decode

Scope = Literal["range", "base", "staged", "unstaged", "default"]

# Beyond this many lines a diff without its files is taken for damaged.
_MOST_BLANK_LINES = 200_000


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """One file of a change.

    `before` and `after` are None where the file is not there, or not text. `is_partial`: only the lines of
    the diff are known. `is_generated`: the repository's attributes say so.
    """

    patch: FilePatch
    before: str | None
    after: str | None
    is_partial: bool = False
    is_generated: bool = False

    @property
    def path(self) -> str:
        """The file's path, with forward slashes, relative to the root."""
        return self.patch.path

    @property
    def document(self) -> Document:
        """The text after the change; its `path` is relative."""
        return Document(self.path, self.after or "", path=self.path)


@dataclass(frozen=True, slots=True)
class Change:
    """A change set. `title` says what it is; `base` and `head` are commit ids where there are such."""

    title: str
    files: tuple[ChangedFile, ...]
    broken: tuple[Broken, ...] = ()
    root: Path | None = None
    base: str | None = None
    head: str | None = None
    notes: tuple[str, ...] = ()


def from_git(
    folder: Path,
    scope: Scope = "default",
    name: str = "",
    *,
    unsaved: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
) -> Change:
    """Collect a change of the repository that holds `folder`.

    Shape: `name` is `BASE..HEAD` for `range` and a reference for `base`; `unsaved` maps paths below the root
    to the text an editor has; `only` limits the change to these paths.
    Raises: InputError when git or a name is missing.
    """
    root = git.top(folder)
    if scope == "range":
        return _range(root, name, only)
    if scope == "staged":
        base = git.head(root) or git.empty_tree(root)
        return _collect(
            root, "staged changes", base, "", git.diff(root, "--cached", base, paths=only), only=only
        )
    if scope == "unstaged":
        return _collect(root, "unstaged changes", "", None, git.diff(root, paths=only), unsaved, only)
    base, title, notes = _base(root, name if scope == "base" else "")
    patch = git.diff(root, base, paths=only)
    change = _collect(root, title, base, None, patch, unsaved, only, with_new=True)
    return Change(change.title, change.files, change.broken, root, base, change.head, notes)


def _range(root: Path, name: str, only: Sequence[str]) -> Change:
    left, mark, right = name.partition("...") if "..." in name else name.partition("..")
    if not mark:
        raise InputError(f"{name!r} is no range: write BASE..HEAD, or use --base {name}")
    base, head = git.commit(root, left or "HEAD"), git.commit(root, right or "HEAD")
    parted = git.merge_base(root, base, head)
    notes = () if parted else (f"{name} has no common commit in this clone; compared with {left} itself",)
    base = parted or base
    change = _collect(root, name, base, head, git.diff(root, base, head, paths=only), only=only)
    return Change(change.title, change.files, change.broken, root, base, head, notes)


def _base(root: Path, name: str) -> tuple[str, str, tuple[str, ...]]:
    """Return the commit to compare the working tree with, what to call that, and what to tell of it."""
    head = git.head(root)
    if head is None:
        return git.empty_tree(root), "working tree, before the first commit", ()
    against = name or git.default_branch(root)
    if against is None:
        return head, "working tree against HEAD", ()
    base = git.commit(root, against)
    parted = git.merge_base(root, base, head)
    short = against.removeprefix("refs/heads/").removeprefix("refs/remotes/")
    if parted is None:
        note = f"{short} has no common commit with HEAD in this clone; compared with it directly"
        return base, f"working tree against {short}", (note,)
    return parted, f"working tree against {short}", ()


def _collect(
    root: Path,
    title: str,
    base: str,
    head: str | None,
    diff: bytes,
    unsaved: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    *,
    with_new: bool = False,
) -> Change:
    """Read both sides of each file. `base`, `head`: ids, "" for the index, None for the working tree."""
    unsaved = unsaved or {}
    patch = parse(diff)
    if with_new:
        fresh = [path for path in git.untracked(root) if not only or path in only]
        known = {file.path for file in patch.files}
        added = (_new_file(root, path) for path in fresh if path not in known and path not in unsaved)
        patch = Patch((*patch.files, *added), patch.broken)
    patch = _with_unsaved(root, base, patch, unsaved)
    before = git.blobs(root, [f"{base}:{file.old_path}" for file in patch.files])
    if head is None:
        after = [None if file.path in unsaved else _read(root, file.path) for file in patch.files]
    else:
        after = git.blobs(root, [f"{head}:{file.path}" for file in patch.files])
    generated = git.generated(root, [file.path for file in patch.files])
    files = []
    for file, old, new in zip(patch.files, before, after, strict=True):
        old_text = None if file.status == "added" else _text(old)
        new_text = None if file.status == "deleted" else unsaved.get(file.path, _text(new))
        files.append(
            ChangedFile(
                _worded(file, old_text, new_text), old_text, new_text, is_generated=file.path in generated
            )
        )
    return Change(title, tuple(files), patch.broken, root, base or None, head or None)


def _worded(file: FilePatch, before: str | None, after: str | None) -> FilePatch:
    """Take the words of the lines from the files: a whole file tells its encoding better than a few lines."""
    if all(line.text.isascii() for hunk in file.hunks for line in hunk.lines):
        return file
    old, new = Document("", before or ""), Document("", after or "")

    def worded(line: Line) -> Line:
        document, number = (new, line.new) if line.new is not None else (old, line.old)
        known = number is not None and number <= document.line_count
        return replace(line, text=document.line(number - 1)) if known and number else line

    hunks = (replace(hunk, lines=tuple(worded(line) for line in hunk.lines)) for hunk in file.hunks)
    return replace(file, hunks=tuple(hunks))


def _with_unsaved(root: Path, base: str, patch: Patch, unsaved: Mapping[str, str]) -> Patch:
    """Replace the patch of each file that an editor holds by one against the text in the editor."""
    names = {file.path: file.old_path for file in patch.files}
    paths = list(unsaved)
    olds = git.blobs(root, [f"{base}:{names.get(path, path)}" for path in paths])
    kept = [file for file in patch.files if file.path not in unsaved]
    for path, old in zip(paths, olds, strict=True):
        before = _text(old)
        made = compare(path, before, unsaved[path])
        if made.hunks or made.status == "added":
            kept.append(made)
    return Patch(tuple(sorted(kept, key=lambda file: file.path)), patch.broken)


def compare(path: str, before: str | None, after: str) -> FilePatch:
    """Make the patch from one text to another; `before` is None for a new file."""
    old, new = Document(path, before or ""), Document(path, after)
    lines = [[document.line(number) for number in range(document.line_count)] for document in (old, new)]
    for document, side in zip((old, new), lines, strict=True):
        if not side[-1] and (len(side) > 1 or not document.text):  # the end of the last line starts no line
            side.pop()
    hunks = []
    for group in difflib.SequenceMatcher(a=lines[0], b=lines[1], autojunk=False).get_grouped_opcodes(3):
        made: list[Line] = []
        for tag, old_at, old_end, new_at, new_end in group:
            if tag == "equal":
                pairs = zip(range(old_at, old_end), range(new_at, new_end), strict=True)
                made += [Line("context", lines[0][one], one + 1, two + 1) for one, two in pairs]
                continue
            made += [Line("removed", lines[0][number], number + 1, None) for number in range(old_at, old_end)]
            made += [Line("added", lines[1][number], None, number + 1) for number in range(new_at, new_end)]
        first, last = group[0], group[-1]
        hunks.append(Hunk(first[1] + 1, first[3] + 1, last[4] - first[3], tuple(made)))
    return FilePatch(path, path, "added" if before is None else "modified", tuple(hunks))


def as_added(path: str, text: str, first: int, last: int) -> ChangedFile:
    """Take lines of a text for added ones, so that all of them are reviewed. Units: lines from 0, both in."""
    document = Document(path, text)
    end = document.starts[last + 1] if last + 1 < document.line_count else len(text)
    n_lines = document.line_count - (not document.line(document.line_count - 1))
    above, below = range(max(first - 3, 0), first), range(last + 1, min(last + 4, n_lines))
    made = [Line("context", document.line(number), number + 1, number + 1) for number in above]
    made += [Line("added", document.line(number), None, number + 1) for number in range(first, last + 1)]
    gone = last - first + 1
    made += [Line("context", document.line(number), number + 1 - gone, number + 1) for number in below]
    hunk = Hunk(above.start + 1, above.start + 1, len(made), tuple(made))
    before = text[: document.starts[first]] + text[end:]
    return ChangedFile(FilePatch(path, path, "modified", (hunk,)), before, text)


def _new_file(root: Path, path: str) -> FilePatch:
    data = _read(root, path)
    text = _text(data)
    if text is None:
        return FilePatch(path, path, "added", kind="binary")
    return compare(path, None, text)


def _read(root: Path, path: str) -> bytes | None:
    """Read a file of the working tree; None for a link, a folder, and what lies outside."""
    file = root / path
    try:
        if file.is_symlink() or not file.resolve().is_relative_to(root.resolve()):
            return None
        return file.read_bytes()
    except (OSError, ValueError):
        return None


def _text(data: bytes | None) -> str | None:
    if data is None:
        return None
    try:
        return decode(data)[0]
    except ValueError:
        return None


def from_diff(data: bytes, folder: Path, title: str) -> Change:
    """Make a change of a diff alone; the files below `folder` give the rest of the text where they agree.

    Raises: InputError when the diff is not one.
    """
    patch = parse(data)
    if data.strip() and not patch.files and not patch.broken:
        raise InputError(f"{title} is not a unified diff: make one with `git diff`, or `diff -u`")
    files = []
    for file in patch.files:
        text = _text(_read(folder, file.path)) if file.kind == "text" and file.status != "deleted" else None
        if text is not None and _agrees(file, Document(file.path, text)):
            files.append(ChangedFile(file, _reversed(file, text), text))
        else:
            before, after = _sparse(file, new=False), _sparse(file, new=True)
            if file.kind == "text" and after is None:
                broken = Broken(file.path, "its line numbers are beyond any file")
                patch = Patch(patch.files, (*patch.broken, broken))
                continue
            is_new, is_gone = file.status == "added", file.status == "deleted"
            files.append(
                ChangedFile(
                    file, None if is_new else before, None if is_gone else after, is_partial=not is_new
                )
            )
    return Change(title, tuple(files), patch.broken)


def _agrees(file: FilePatch, after: Document) -> bool:
    """Whether a text holds every line that the new side of a patch shows, where it shows it."""
    return all(
        line.new is None or (line.new <= after.line_count and after.line(line.new - 1) == line.text)
        for hunk in file.hunks
        for line in hunk.lines
    )


def _reversed(file: FilePatch, text: str) -> str:
    """Take a patch back."""
    lines = text.split("\n")
    for hunk in reversed(file.hunks):
        old = [line.text for line in hunk.lines if line.old is not None]
        # A hunk that only removes is placed after the line that its head names.
        start = hunk.new_start - 1 if hunk.new_length else hunk.new_start
        lines[start : start + hunk.new_length] = old
    return "\n".join(lines)


def _sparse(file: FilePatch, *, new: bool) -> str | None:
    """Lay the lines of one side where they belong, empty lines between them; None when that is absurd."""
    if file.kind != "text":
        return None
    known = {
        number: line.text
        for hunk in file.hunks
        for line in hunk.lines
        if (number := line.new if new else line.old) is not None
    }
    last = max(known, default=0)
    if last > _MOST_BLANK_LINES + 10 * len(known):
        return None
    return "".join(f"{known.get(number, '')}\n" for number in range(1, last + 1))

"""What is reviewed: a Change holds each changed file with its patch and its text before and after.

A change comes from git (two commits, the index, the working tree with the unsaved text of an editor) or
from a diff alone. Where only a diff is known, the text around it is looked for on the disk and used when
it agrees; else the unknown lines are empty, so that line numbers stay right.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from qwen_lsp import files
from qwen_lsp.errors import InputError
from qwen_lsp.review.change import git
from qwen_lsp.review.change.diff import Broken, FilePatch, Hunk, Line, Patch, parse
from qwen_lsp.text import Document, decode

Scope = Literal["range", "base", "staged", "unstaged", "default"]

# What git does not take for the end of a line, and every editor does; or for text.
_OWN_LINES = re.compile("\r(?!\n)|\0")
# More pairs of lines than this are compared by their rarer lines only.
_MAX_PAIRS = 4_000_000
_MAX_FILE_BYTES = 20_000_000
# Beyond this many lines a diff without its files is taken for damaged.
_MAX_BLANK_LINES = 200_000


@dataclass(frozen=True)
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
        """The file's path, with forward slashes, relative to the root; bytes that are no text as escapes."""
        return printable(self.patch.path)

    @cached_property
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
    is_strict: bool = False


def printable(path: str) -> str:
    """Return a path that can be written anywhere: bytes that are no UTF-8 become escapes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class _Sides:
    """What is compared. `base`, `head`: ids, "" for the index, None for the working tree.

    `arguments` say the same to `git diff`. `is_strict`: the change has no say in how it is read.
    """

    root: Path
    title: str
    base: str
    head: str | None
    arguments: tuple[str, ...]
    only: Sequence[str] = ()
    is_strict: bool = False


def from_git(
    folder: Path,
    scope: Scope = "default",
    name: str = "",
    *,
    unsaved: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    is_strict: bool = False,
) -> Change:
    """Collect a change of the repository that holds `folder`.

    Shape: `name` is `BASE..HEAD` for `range` and a reference for `base`; `unsaved` maps paths below the root
    to the text an editor has; `only` limits the change to these paths. With `is_strict` attributes are those
    of the base, every file is compared as text, and a renamed file counts as new.
    Raises: InputError when git or a name is missing.
    """
    root = git.top(folder)
    if scope == "range":
        return _range(root, name, only, is_strict)
    if scope == "staged":
        base = git.head(root) or git.empty_tree(root)
        sides = _Sides(root, "staged changes", base, "", ("--cached", base), only, is_strict)
        return _collect(sides)
    if scope == "unstaged":
        return _collect(_Sides(root, "unstaged changes", "", None, (), only, is_strict), unsaved)
    base, title, notes = _base(root, name if scope == "base" else "")
    change = _collect(_Sides(root, title, base, None, (base,), only, is_strict), unsaved, with_new=True)
    return replace(change, base=base, notes=notes)


def _range(root: Path, name: str, only: Sequence[str], is_strict: bool) -> Change:
    left, mark, right = name.partition("...") if "..." in name else name.partition("..")
    if not mark:
        raise InputError(f"{name!r} is no range: write BASE..HEAD, or use --base {name}")
    head = git.commit(root, right or "HEAD")
    base, is_commit = _left(root, left or "HEAD")
    parted = git.merge_base(root, base, head) if is_commit else base
    if parted == head != base:
        raise InputError(
            f"{name} is empty, because {left} already contains {right or 'HEAD'}: "
            f"did you mean {right or 'HEAD'}..{left}?"
        )
    notes = () if parted else (f"{name} has no common commit in this clone; compared with {left} itself",)
    base = parted or base
    change = _collect(_Sides(root, name, base, head, (base, head), only, is_strict))
    return replace(change, base=base, notes=notes)


def _left(root: Path, name: str) -> tuple[str, bool]:
    """Return what a range starts at, and whether it is a commit: a tree has no history to compare with.

    The parent of the first commit is the empty tree.
    """
    try:
        return git.commit(root, name), True
    except InputError:
        if (found := git.tree(root, name)) is not None:
            return found, False
        child = re.sub(r"(?:\^|~1?)$", "", name)
        if child == name or git.has_parent(root, git.commit(root, child)):
            raise
        return git.empty_tree(root), False


def _base(root: Path, name: str) -> tuple[str, str, tuple[str, ...]]:
    """Return the commit to compare the working tree with, what to call that, and what to tell of it."""
    head = git.head(root)
    if head is None:
        return git.empty_tree(root), "working tree, before the first commit", ()
    against = name or git.default_branch(root)
    if against is None:
        return head, "working tree against HEAD", ()
    base, is_commit = _left(root, against)
    parted = git.merge_base(root, base, head) if is_commit else base
    short = against.removeprefix("refs/heads/").removeprefix("refs/remotes/")
    if parted is None:
        note = f"{short} has no common commit with HEAD in this clone; compared with it directly"
        return base, f"working tree against {short}", (note,)
    return parted, f"working tree against {short}", ()


def _collect(sides: _Sides, unsaved: Mapping[str, str] | None = None, *, with_new: bool = False) -> Change:
    """Read both sides of each file."""
    root, only, unsaved = sides.root, sides.only, unsaved or {}
    patch = parse(git.diff(root, *sides.arguments, paths=only, is_strict=sides.is_strict))
    listed = git.listed(root, *sides.arguments, paths=only, is_strict=sides.is_strict)
    entries = {entry.path: entry for entry in listed}
    patch = _with_lost(patch, entries)
    if with_new:
        fresh = [path for path in git.untracked(root) if not only or path in only]
        known = {file.path for file in patch.files}
        added = (_new_file(root, path) for path in fresh if path not in known and path not in unsaved)
        patch = Patch((*patch.files, *added), patch.broken)
    patch = _with_unsaved(root, sides.base, patch, unsaved)
    olds = git.blobs(root, [_blob(entries, file, f"{sides.base}:{file.old_path}", 0) for file in patch.files])
    if sides.head is None:
        news = [None if file.path in unsaved else _read(root, file.path) for file in patch.files]
    else:
        news = git.blobs(root, [_blob(entries, file, f"{sides.head}:{file.path}", 1) for file in patch.files])
    attributes_of = sides.base if sides.is_strict else None
    generated = git.generated(root, [file.path for file in patch.files], attributes_of or None)
    files = []
    for file, old, new in zip(patch.files, olds, news, strict=True):
        old_text = None if file.status == "added" else _text(old)
        new_text = None if file.status == "deleted" else unsaved.get(file.path, _text(new))
        shown = _recompared(file, old_text, new_text, has_old=old is not None)
        is_generated = file.path in generated
        files.append(
            ChangedFile(_worded(shown, old_text, new_text), old_text, new_text, is_generated=is_generated)
        )
    return Change(
        sides.title, tuple(files), patch.broken, root, sides.base or None, sides.head or None,
        is_strict=sides.is_strict,
    )  # fmt: skip


def _blob(entries: Mapping[str, git.Listed], file: FilePatch, name: str, side: int) -> str:
    """Return how to ask git for one side of a file: by its id, which no name can confuse, else by name."""
    entry = entries.get(file.path)
    return ((entry.old_id, entry.new_id)[side] if entry else "") or name


def _with_lost(patch: Patch, entries: Mapping[str, git.Listed]) -> Patch:
    """Report the files that git lists and the patch does not show: none is lost in silence."""
    shown = {file.path for file in patch.files} | {entry.path for entry in patch.broken}
    lost = (
        Broken(printable(path), "not in the diff that git wrote") for path in entries if path not in shown
    )
    return Patch(patch.files, (*patch.broken, *lost))


def _recompared(file: FilePatch, before: str | None, after: str | None, *, has_old: bool) -> FilePatch:
    """Compare the texts where git compared bytes: UTF-16, and lines that a CR alone ends."""
    if file.kind not in ("text", "binary") or after is None or (has_old and before is None):
        return file
    if file.kind == "text" and not any(_OWN_LINES.search(text) for text in (before or "", after)):
        return file
    return replace(compare(file.path, before, after), old_path=file.old_path, status=file.status)


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
    for group in _grouped(lines[0], lines[1]):
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


def _grouped(old: Sequence[str], new: Sequence[str]) -> Iterator[Sequence[tuple[str, int, int, int, int]]]:
    """Group what differs with three lines around it; equal lines cost no more than different ones."""
    head = next(
        (at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new))
    )
    most = min(len(old), len(new)) - head
    ends = zip(reversed(old), reversed(new), strict=False)
    tail = next((at for at, (a, b) in enumerate(ends) if a != b or at >= most), most)
    first, last = max(head - 3, 0), max(tail - 3, 0)
    one, other = old[first : len(old) - last], new[first : len(new) - last]
    is_large = len(one) * len(other) > _MAX_PAIRS
    matcher = difflib.SequenceMatcher(a=one, b=other, autojunk=is_large)
    for group in matcher.get_grouped_opcodes(3):
        yield [(tag, a + first, b + first, c + first, d + first) for tag, a, b, c, d in group]


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
    """Read a file of the working tree; None for a folder, a link, what lies behind one, and a huge one."""
    try:
        return files.read_below(root, path, _MAX_FILE_BYTES)
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
    if last > _MAX_BLANK_LINES + 10 * len(known):
        return None
    return "".join(f"{known.get(number, '')}\n" for number in range(1, last + 1))

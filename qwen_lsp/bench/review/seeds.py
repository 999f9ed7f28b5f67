"""Seeded bugs for `bench review`: one change of real code each, with the line that must be found.

A seed rewrites a piece of a package as somebody careless would, at a place drawn at random; its clean twin
makes a change of the same size that means no harm. Places are found by the standard library's syntax tree,
not by the rules that are measured.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp.errors import InputError
from qwen_lsp.review.change.change import ChangedFile, compare
from qwen_lsp.review.change.selecting import Selection, skip_reason

_MAX_CHARS = 60_000
_MAX_TRIES = 20


@dataclass(frozen=True, slots=True)
class Seed:
    """A change. `lines` are those of the bug in `after`, numbered from 1; empty for a clean change."""

    kind: str
    path: str
    before: str
    after: str
    lines: tuple[int, ...]

    @property
    def file(self) -> ChangedFile:
        """The change as a review takes it."""
        return ChangedFile(compare(self.path, self.before, self.after), self.before, self.after)


# What a bug needs: the text, its tree, a source of chance; returns the new text and the bug's lines.
_Made = tuple[str, tuple[int, ...]] | None
Mutation = Callable[[str, ast.Module, random.Random], _Made]


def sources(packages: Sequence[Path]) -> list[tuple[str, str]]:
    """List path and text of the Python files of packages.

    Raises: InputError when there are none.
    """
    found = []
    for package in packages:
        for file in sorted(package.rglob("*.py")):
            text = file.read_text("utf-8", errors="replace")
            path = file.relative_to(package.parent).as_posix()
            parts = set(Path(path).parts)
            if not text.strip() or len(text) > _MAX_CHARS or parts & {"tests", "test", "testing", "_vendor"}:
                continue
            whole = ChangedFile(compare(path, None, text), None, text)
            if skip_reason(whole, Selection()) is None and _is_code(text, ""):
                found.append((path, text))
    if not found:
        raise InputError("no Python files there: name folders of packages, such as site-packages/httpx")
    return found


def seeded(files: Sequence[tuple[str, str]], n: int, seed: int) -> Iterator[Seed]:
    """Yield seeded bugs, each kind as often as the others, where the code has places for it."""
    chance = random.Random(seed)
    kinds = list(MUTATIONS)
    trees = {path: ast.parse(text) for path, text in files}
    made = turn = 0
    for tried in range(1, 200 * n):
        kind = kinds[turn % len(kinds)]
        path, before = chance.choice(files)
        result = MUTATIONS[kind](before, trees[path], chance)
        if result is None or result[0] == before or not _is_code(result[0], kind):
            turn += tried % _MAX_TRIES == 0  # this code may have no place for it at all
            continue
        made += 1
        turn += 1
        yield Seed(kind, path, before, result[0], result[1])
        if made == n:
            return


def _is_code(text: str, kind: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return kind == "conflict-marker"
    return True


def clean(files: Sequence[tuple[str, str]], n: int, seed: int) -> Iterator[Seed]:
    """Yield harmless changes: a function of the package that is new to the file it was taken out of."""
    chance = random.Random(seed + 1)
    made = 0
    for _ in range(200 * n):
        if made == n:
            return
        path, after = chance.choice(files)
        functions = [node for node in _functions(ast.parse(after)) if 3 <= _length(node) <= 60]
        if not functions:
            continue
        node = chance.choice(functions)
        lines = after.split("\n")
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
        before = "\n".join(lines[:first] + lines[node.end_lineno or first :])
        made += 1
        yield Seed("clean", path, before, after, ())


def _functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def _length(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _insert(text: str, at: ast.stmt, code: Sequence[str], bug: Sequence[int]) -> _Made:
    """Put lines before a statement, with its indent; `bug` counts from the first of them."""
    lines = text.split("\n")
    here = lines[at.lineno - 1]
    if here[: at.col_offset].strip():
        return None  # after a semicolon or a colon
    indent = here[: at.col_offset]
    lines[at.lineno - 1 : at.lineno - 1] = [indent + line for line in code]
    return "\n".join(lines), tuple(at.lineno + offset for offset in bug)


def _body(tree: ast.Module, chance: random.Random) -> tuple[ast.FunctionDef, ast.stmt] | None:
    """Draw a function with a parameter, and a statement of its body that is no docstring."""
    found = [
        node
        for node in _functions(tree)
        if isinstance(node, ast.FunctionDef) and _parameter(node) and len(node.body) > 1
    ]
    if not found:
        return None
    node = chance.choice(found)
    statements = [entry for entry in node.body[1:] if not isinstance(entry, (ast.FunctionDef, ast.ClassDef))]
    return (node, chance.choice(statements)) if statements else None


def _parameter(node: ast.FunctionDef) -> str:
    names = [argument.arg for argument in node.args.args if argument.arg not in ("self", "cls")]
    return names[0] if names else ""


def _inserted(*variants: tuple[Sequence[str], Sequence[int]]) -> Mutation:
    """Make a mutation that writes one of several pieces of code into a function; NAME is its parameter."""

    def mutate(text: str, tree: ast.Module, chance: random.Random) -> _Made:
        if (place := _body(tree, chance)) is None:
            return None
        code, bug = chance.choice(variants)
        name = _parameter(place[0])
        return _insert(text, place[1], [line.replace("NAME", name) for line in code], bug)

    return mutate


def _line(*lines: str) -> tuple[Sequence[str], Sequence[int]]:
    return lines, (len(lines) - 1,)


def _replaced(
    choose: Callable[[ast.AST], str | None], keep: Callable[[str, ast.AST], bool] = lambda _text, _node: True
) -> Mutation:
    """Make a mutation that rewrites an expression; `choose` returns the new text, None to leave it."""

    def mutate(text: str, tree: ast.Module, chance: random.Random) -> _Made:
        found = [
            (node, new)
            for node in ast.walk(tree)
            if (new := choose(node)) is not None
            and getattr(node, "lineno", None) == getattr(node, "end_lineno", 0)
            and keep(text, node)
        ]
        if not found:
            return None
        node, new = chance.choice(found)
        lines = text.split("\n")
        at = getattr(node, "lineno", 1) - 1
        raw = lines[at].encode()
        start, end = getattr(node, "col_offset", 0), getattr(node, "end_col_offset", 0)
        lines[at] = (raw[:start] + new.encode() + raw[end:]).decode()
        return "\n".join(lines), (at + 1,)

    return mutate


def _none_compared(node: ast.AST) -> str | None:
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], (ast.Is, ast.IsNot)):
        right = node.comparators[0]
        if isinstance(right, ast.Constant) and right.value is None:
            sign = "==" if isinstance(node.ops[0], ast.Is) else "!="
            return f"{ast.unparse(node.left)} {sign} None"
    return None


def _text_compared(node: ast.AST) -> str | None:
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
        right = node.comparators[0]
        if isinstance(right, ast.Constant) and isinstance(right.value, str):
            sign = "is" if isinstance(node.ops[0], ast.Eq) else "is not"
            return f"{ast.unparse(node.left)} {sign} {ast.unparse(right)}"
    return None


def _raise_dropped(text: str, tree: ast.Module, chance: random.Random) -> _Made:
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and node.cause is None
        and ast.unparse(node.exc.func).endswith(("Error", "Exception"))
    ]
    if not found:
        return None
    node = chance.choice(found)
    lines = text.split("\n")
    lines[node.lineno - 1] = lines[node.lineno - 1].replace("raise ", "", 1)
    return "\n".join(lines), (node.lineno,)


def _except_widened(text: str, tree: ast.Module, chance: random.Random) -> _Made:
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and node.type is not None
        and node.name is None
        and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
    ]
    if not found:
        return None
    node = chance.choice(found)
    lines = text.split("\n")
    line = lines[node.lineno - 1]
    lines[node.lineno - 1] = line[: node.col_offset] + "except:"
    return "\n".join(lines), (node.lineno,)


def _conflict(text: str, tree: ast.Module, chance: random.Random) -> _Made:
    place = _body(tree, chance)
    if place is None:
        return None
    lines = text.split("\n")
    at = place[1].lineno - 1
    line = lines[at]
    lines[at : at + 1] = ["<<<<<<< HEAD", line, "=======", line, ">>>>>>> feature"]
    return "\n".join(lines), (at + 1, at + 5)


def _assert_wrapped(node: ast.AST) -> str | None:
    if isinstance(node, ast.Assert) and node.msg is not None:
        return f"assert ({ast.unparse(node.test)}, {ast.unparse(node.msg)})"
    return None


MUTATIONS: dict[str, Mutation] = {
    "sql-injection": _inserted(
        _line("""cursor.execute(f"SELECT id FROM items WHERE name = '{NAME}'")"""),
        _line("""cursor.execute("DELETE FROM items WHERE name = '%s'" % NAME)"""),
        _line("""rows = db.execute("SELECT * FROM items WHERE name = '" + NAME + "'").fetchall()"""),
        _line('query = "UPDATE items SET seen = 1 WHERE id = {}".format(NAME)', "connection.execute(query)"),
        _line("""sql = f"SELECT * FROM items ORDER BY {NAME}\"""", "self.session.execute(text(sql))"),
    ),
    "command-injection": _inserted(
        _line('os.system("convert " + NAME)'),
        _line('subprocess.run(f"tar xf {NAME}", shell=True, check=True)'),
        _line("subprocess.check_output(NAME, shell=True)"),
        _line('command = "git show %s" % NAME', "output = os.popen(command).read()"),
    ),
    "code-injection": _inserted(_line("value = eval(NAME)"), _line("exec(NAME)")),
    "unsafe-deserialization": _inserted(
        _line("settings = yaml.load(NAME)"),
        _line("data = pickle.loads(NAME)"),
        _line("data = yaml.load(NAME, Loader=yaml.Loader)"),
    ),
    "path-traversal": _inserted(
        _line('path = os.path.join(FOLDER, request.args["name"])', "data = open(path).read()"),
        _line('return send_file("files/" + request.args.get("name"))'),
    ),
    "weak-hash": _inserted(
        _line("digest = hashlib.md5(password.encode()).hexdigest()"),
        _line("digest = hashlib.sha1(user.password).hexdigest()"),
    ),
    "hardcoded-secret": _inserted(
        _line('api_key = "9f8a7b6c5d4e3f2a1b0c"'),
        _line('client = connect(NAME, password="Tr0ub4dor3x")'),
        _line('self.token = "ghp_0123456789abcdefghijABCDEFGHIJ012345"'),
    ),
    "tls-verification-off": _inserted(
        _line("response = requests.get(NAME, verify=False)"),
        _line("context = ssl._create_unverified_context()"),
        _line("context.check_hostname = False"),
    ),
    "insecure-random": _inserted(
        _line("token = str(random.random())[2:]"),
        _line('password = "".join(random.choice(letters) for _ in range(12))'),
    ),
    "mutable-default": lambda text, tree, chance: _with_default(text, tree, chance),
    "bare-except": _except_widened,
    "swallowed-error": _inserted(
        (["try:", "    prepare(NAME)", "except Exception:", "    pass"], (2,)),
        (["try:", "    prepare(NAME)", "except Exception as error:", "    pass"], (2,)),
    ),
    "resource-not-closed": _inserted(
        _line('open(NAME, "w").write("done")'),
        (["handle = open(NAME)", "first = handle.readline()"], (0,)),
    ),
    "compare-to-none": _replaced(_none_compared),
    "compare-to-nan": _inserted(
        (['if NAME == float("nan"):', "    return None"], (0,)),
        (["if NAME != math.nan:", "    return None"], (0,)),
    ),
    "identity-of-values": _replaced(_text_compared),
    "off-by-one": _inserted(
        (["for index in range(len(NAME) + 1):", "    use(NAME[index])"], (0,)),
        _line("last = NAME[len(NAME)]"),
    ),
    "conflict-marker": _conflict,
    "debug-leftover": _inserted(
        _line("breakpoint()"), _line("import pdb", "pdb.set_trace()"), _line('print("DEBUG", NAME)')
    ),
    "bidi-character": _inserted(_line('level = "user\u202e\u2066# only admins\u2069\u2066"')),
    "assert-on-tuple": _inserted(_line('assert (NAME is not None, "a value is needed")')),
    "same-operands": _inserted(
        (["if NAME == NAME:", "    return None"], (0,)), _line("is_ready = NAME.ready and NAME.ready")
    ),
    "return-in-finally": _inserted(
        (["try:", "    prepare(NAME)", "finally:", "    return None"], (3,)),
    ),
    "unreachable-code": _inserted((["if NAME:", "    return NAME", '    log("never")'], (2,))),
    "duplicate-key": _inserted(_line('names = {"one": NAME, "two": 2, "one": 1}')),
    "duplicate-condition": _inserted(
        (["if NAME == 1:", "    kind = 1", "elif NAME == 1:", "    kind = 2"], (2,))
    ),
    "error-not-raised": _raise_dropped,
    "comparison-as-statement": _inserted(_line("NAME.ready == True"), _line("NAME == 0")),
    "changed-while-iterating": _inserted(
        (["for entry in NAME:", "    if not entry:", "        NAME.remove(entry)"], (2,)),
    ),
    "lost-await": lambda text, tree, chance: _await_dropped(text, tree, chance),
    "world-writable": _inserted(_line("os.chmod(NAME, 0o777)")),
}


def _with_default(text: str, tree: ast.Module, chance: random.Random) -> _Made:
    found = [
        node
        for node in _functions(tree)
        if node.args.args
        and not node.args.defaults
        and not node.args.vararg
        and not node.args.kwonlyargs
        and node.args.args[-1].annotation is None
        and node.args.args[-1].arg not in ("self", "cls")
        and node.args.args[-1].lineno == node.lineno
        and len(node.body) > 1
    ]
    if not found:
        return None
    node = chance.choice(found)
    argument = node.args.args[-1]
    lines = text.split("\n")
    line, end = lines[node.lineno - 1], argument.end_col_offset or 0
    lines[node.lineno - 1] = f"{line[:end]}={chance.choice(['[]', '{}'])}{line[end:]}"
    changed = "\n".join(lines)
    use = f"{argument.arg}.append(1)" if "=[]" in lines[node.lineno - 1] else f"{argument.arg}[1] = 1"
    made = _insert(changed, node.body[1], [use], [0])
    return (made[0], (node.lineno,)) if made else None


def _await_dropped(text: str, tree: ast.Module, chance: random.Random) -> _Made:
    place = _body(tree, chance)
    if place is None:
        return None
    function = place[0]
    first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
    anchor = ast.Pass(lineno=first, col_offset=function.col_offset)
    is_method = bool(function.args.args) and function.args.args[0].arg == "self"
    receiver, self_ = ("self.", "self") if is_method else ("", "")
    code = [
        f"async def flush_all({self_}):",
        "    pass",
        "",
        f"async def finish({self_}):",
        f"    {receiver}flush_all()",
        "",
    ]
    return _insert(text, anchor, code, [4])

"""An answer in the middle of a block keeps the line that closes it, and goes no further than its own unit."""

# ruff: noqa: E501  -- a row of the table is read as one line
from __future__ import annotations

import pytest

from qwen_lsp.completion import stopping
from qwen_lsp.syntax import languages, parsing
from tests.support.places import cursor, split

# (language, place, whole answer, what a model goes on to write)
UNITS = [
    ("python", "def f(a):\n    ║\n    return x\n", 'x = {\n        "a": a,\n    }', "\n    y = x\n"),
    ("python", "def f(a):\n    ║\n    return x\n", "if a:\n        x = 1\n    else:\n        x = 2", "\n    y = x\n"),
    ("python", "def f(a):\n    ║\n    return x\n", 'x = """\none\n"""', "\n    y = x\n"),
    ("python", "class A:\n    ║\n\n    def g(self):\n        pass\n", "@property\n    def f(self):\n        return 1", "\n\n    def h(self):\n"),
    ("javascript", "function f(a) {\n  ║\n  return a + 1;\n}\n", "if (a < 0) {\n    return 0;\n  }", "\n  a += 1;\n"),
    ("javascript", "function f(a) {\n  ║\n  return a + 1;\n}\n", "if (a < 0) {\n    return 0;\n  } else {\n    a += 1;\n  }", "\n  a += 1;\n"),
    ("javascript", "function f(a) {\n  ║\n  return b;\n}\n", "const b = a\n    .map((x) => x)\n    .filter(Boolean);", "\n  a += 1;\n"),
    ("typescript", "function f(a: A[]) {\n  ║\n  return b;\n}\n", "const b: Array<string> = a.map((x) => {\n    return x.id;\n  });", "\n  a = [];\n"),
    ("typescriptreact", "const A = () => (\n  <ul>\n    ║\n    <li>b</li>\n  </ul>\n);\n", "<li>\n      {a}\n    </li>", "\n    <li>c</li>\n"),
    ("typescriptreact", "const A = () => (\n  <ul>\n    ║\n    <li>b</li>\n  </ul>\n);\n", "<Item\n      onClick={() => f(1)}\n    />", "\n    <li>c</li>\n"),
    ("java", "class A {\n  int f(int a) {\n    ║\n    return a + 1;\n  }\n}\n", "if (a < 0) {\n      return 0;\n    }", "\n    a++;\n"),
    ("java", "class A {\n  int f(int a) {\n    ║\n    return a + 1;\n  }\n}\n", "try {\n      g();\n    } catch (E e) {\n      h();\n    } finally {\n      i();\n    }", "\n    a++;\n"),
    ("kotlin", "fun f(a: Int): Int {\n    ║\n    return a + 1\n}\n", "if (a < 0) {\n        return 0\n    }", "\n    b()\n"),
    ("scala", "def f(a: Int): Int = {\n  ║\n  a + 1\n}\n", "if (a < 0) {\n    return 0\n  }", "\n  b()\n"),
    ("go", "func f(a int) int {\n\t║\n\treturn a + 1\n}\n", "if a < 0 {\n\t\treturn 0\n\t}", "\n\ta++\n"),
    ("go", "func f(a []int) {\n\t║\n\tg(a)\n}\n", "sort.Slice(a, func(i, j int) bool {\n\t\treturn a[i] < a[j]\n\t})", "\n\th(a)\n"),
    ("rust", "fn f(a: i32) -> i32 {\n    ║\n    a + 1\n}\n", "if a < 0 {\n        return 0;\n    }", "\n    let b = 1;\n"),
    ("rust", "fn f(a: &'static str) -> i32 {\n    ║\n    a + 1\n}\n", "let b = match a {\n        'x'..='(' => 1,\n        _ => 2,\n    };", "\n    let c = 1;\n"),
    ("c", "int f(int a)\n{\n    ║\n    return a + 1;\n}\n", "if (a < 0)\n    {\n        return 0;\n    }", "\n    a++;\n"),
    ("c", "int f(int a) {\n    ║\n    return a + 1;\n}\n", "do {\n        a++;\n    } while (a < 10);", "\n    a++;\n"),
    ("cpp", "int f(int a) {\n    ║\n    return a + 1;\n}\n", "for (const auto& x : xs) {\n        a += x;\n    }", "\n    a++;\n"),
    ("csharp", "class A\n{\n    int F(int a)\n    {\n        ║\n        return a + 1;\n    }\n}\n", "if (a < 0)\n        {\n            return 0;\n        }\n        else\n        {\n            a++;\n        }", "\n        a++;\n"),
    ("php", "<?php\nfunction f($a) {\n    ║\n    return $a + 1;\n}\n", "if ($a < 0) {\n        return 0;\n    }", "\n    $a++;\n"),
    ("swift", "func f(_ a: Int) -> Int {\n    ║\n    return a + 1\n}\n", "guard a > 0 else {\n        return 0\n    }", "\n    let b = 1\n"),
    ("ruby", "def f(a)\n  ║\n  a + 1\nend\n", "if a < 0\n    return 0\n  end", "\n  a += 1\n"),
    ("ruby", "def f(a)\n  ║\n  a + 1\nend\n", "begin\n    g(a)\n  rescue E\n    h\n  ensure\n    i\n  end", "\n  a += 1\n"),
    ("ruby", "def f(a)\n  ║\n  a + 1\nend\n", "case a\n  when 1\n    g\n  when 2\n    h\n  end", "\n  a += 1\n"),
    ("lua", "local function f(a)\n  ║\n  return a + 1\nend\n", "if a < 0 then\n    return 0\n  end", "\n  a = 1\n"),
    ("lua", "local function f(a)\n  ║\n  return a + 1\nend\n", "if a < 0 then\n    a = 0\n  elseif a > 9 then\n    a = 9\n  else\n    b()\n  end", "\n  a = 1\n"),
    ("shellscript", "f() {\n  ║\n  echo done\n}\n", "if [ $# -lt 1 ]; then\n    exit 1\n  fi", "\n  g\n"),
    ("shellscript", "f() {\n  ║\n  echo done\n}\n", "for x in *; do\n    rm $x\n  done", "\n  g\n"),
    ("shellscript", "f() {\n  ║\n  echo done\n}\n", "case $1 in\n    a) b ;;\n    *) c ;;\n  esac", "\n  g\n"),
    ("html", "<ul>\n  ║\n  <li>b</li>\n</ul>\n", "<li>\n    a\n  </li>", "\n  <li>c</li>\n"),
    ("html", "<ul>\n  ║\n  <li>b</li>\n</ul>\n", '<img\n    src="a.png"\n  >', "\n  <li>c</li>\n"),
    ("vue", "<template>\n  <ul>\n    ║\n    <li>b</li>\n  </ul>\n</template>\n", "<li>\n      a\n    </li>", "\n    <li>c</li>\n"),
    ("svelte", "<script>\n  function f(a) {\n    ║\n    return a + 1;\n  }\n</script>\n", "if (a < 0) {\n      return 0;\n    }", "\n    a++;\n"),
    ("svelte", "<ul>\n  ║\n  <li>b</li>\n</ul>\n", "{#if a}\n    <li>a</li>\n  {:else}\n    <li>c</li>\n  {/if}", "\n  <li>d</li>\n"),
    ("wxml", "<view>\n  ║\n  <text>b</text>\n</view>\n", "<view>\n    <text>a</text>\n  </view>", "\n  <text>c</text>\n"),
    ("xml", "<a>\n  ║\n  <c/>\n</a>\n", "<b>\n    <d/>\n  </b>", "\n  <e/>\n"),
    ("css", "@media print {\n  ║\n  a { color: red; }\n}\n", "p {\n    margin: 0;\n  }", "\n  b { margin: 0; }\n"),
    ("scss", ".a {\n  ║\n  color: red;\n}\n", "&:hover {\n    margin: 0;\n  }", "\n  margin: 0;\n"),
    ("json", '{\n  ║\n  "b": 2\n}\n', '"a": {\n    "c": 1\n  },', '\n  "d": 3,\n'),
    ("yaml", "jobs:\n  ║\n  test:\n    runs-on: x\n", "lint:\n    runs-on: y", "\n  build:\n    runs-on: z\n"),
    ("toml", "[a]\n║\nb = 2\n", "c = [\n  1,\n  2,\n]", "\nd = 3\n"),
    ("objective-c", "- (int)f:(int)a {\n    ║\n    return a + 1;\n}\n", "if (a < 0) {\n        return 0;\n    }", "\n    a++;\n"),
    ("dart", "double f(double a) {\n  ║\n  return a;\n}\n", "if (a < 0) {\n    return 0;\n  }", "\n  a++;\n"),
    ("elixir", "def f(a) do\n  ║\n  a + 1\nend\n", "if a < 0 do\n    0\n  else\n    1\n  end", "\n  b(a)\n"),
    ("julia", "function f(a)\n    ║\n    a + 1\nend\n", "for x in a\n        g(x)\n    end", "\n    b(a)\n"),
    ("powershell", "function F($a) {\n    ║\n    return $a\n}\n", "if ($a) {\n        G\n    }", "\n    H\n"),
    ("terraform", 'resource "a" "b" {\n  ║\n  c = 1\n}\n', 'tags = {\n    d = "e"\n  }', "\n  f = 2\n"),
    ("proto3", "message A {\n  ║\n  int64 b = 1;\n}\n", "message C {\n    int64 d = 1;\n  }", "\n  int64 e = 2;\n"),
    ("makefile", "all:\n\t./all\n\n║\n\nclean:\n\trm a\n", "ifeq ($(A),1)\nB = 1\nelse\nB = 2\nendif", "\nC = 3\n"),
    ("latex", "\\section{A}\n║\n\\section{B}\n", "\\begin{itemize}\n  \\item a\n\\end{itemize}", "\nText\n"),
    ("solidity", "function f(uint a) public {\n    ║\n    g(a);\n}\n", "if (a > 0) {\n        h(a);\n    }", "\n    i(a);\n"),
    ("zig", "fn f(a: i32) i32 {\n    ║\n    return a;\n}\n", "if (a > 0) {\n        h(a);\n    }", "\n    i(a);\n"),
    ("perl", "sub f {\n    ║\n    return 1;\n}\n", "foreach my $x (@a) {\n        h($x);\n    }", "\n    i(a);\n"),
    ("r", "f <- function(a) {\n  ║\n  a\n}\n", "if (a > 0) {\n    h(a)\n  }", "\n  i(a)\n"),
    ("plaintext", 'rule "a" then\n  ║\n  apply 1\nend\n', "when big then\n    apply 2\n  end", "\n  apply 3\n"),
]  # fmt: skip
IDS = [f"{language}-{number}" for number, (language, *_) in enumerate(UNITS)]


def around(language: str, marked: str) -> stopping.Surroundings:
    known = languages.find(language, None)
    return stopping.surroundings(cursor(marked, language), known, parsing.place_kind(*split(marked), known))


def test_the_table_holds_the_languages_that_people_have() -> None:
    assert len({language for language, *_ in UNITS}) >= 21


@pytest.mark.parametrize(("language", "marked", "answer", "more"), UNITS, ids=IDS)
def test_the_closing_line_is_kept(language: str, marked: str, answer: str, more: str) -> None:
    place = around(language, marked)
    assert stopping.mode(place) == "block"
    assert stopping.finish(answer, "block", place, hit_limit=False) == answer


@pytest.mark.parametrize(("language", "marked", "answer", "more"), UNITS, ids=IDS)
def test_nothing_after_the_unit_is_kept(language: str, marked: str, answer: str, more: str) -> None:
    place = around(language, marked)
    written = f"{answer}{more}"
    assert stopping.finish(written, "block", place, hit_limit=False) == answer
    ended = stopping.cut(written + "    zz\n" * 8, "block", place)
    assert ended.reason
    assert ended.text == answer


@pytest.mark.parametrize(("language", "marked", "answer", "more"), UNITS, ids=IDS)
def test_no_part_of_it_ends_too_early(language: str, marked: str, answer: str, more: str) -> None:
    """The stream is looked at after each chunk, whatever a chunk is."""
    place = around(language, marked)
    for end in range(1, len(answer) + 1):
        assert stopping.cut(answer[:end], "block", place) == stopping.Cut(answer[:end], None)


# At the first column nothing tells the file's own closing line from the answer's.
INDENTED = [unit for unit in UNITS if "\n║" not in unit[1]]


@pytest.mark.parametrize(("language", "marked", "answer", "more"), INDENTED)
def test_what_closes_the_block_around_the_cursor_is_not_kept(
    language: str, marked: str, answer: str, more: str
) -> None:
    """The reverse case: the model goes on to close what is closed already."""
    closing = marked.rstrip("\n").rsplit("\n", 1)[-1]
    written = f"{answer}\n{closing.lstrip()}\n"
    assert stopping.finish(written, "block", around(language, marked), hit_limit=False) == answer

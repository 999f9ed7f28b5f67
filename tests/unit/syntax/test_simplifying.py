"""Rewrites that are certain: what they make, and where they keep their hands off."""

from __future__ import annotations

import pytest

from qwen_lsp.actions.task import apply
from qwen_lsp.syntax import code, simplifying
from qwen_lsp.syntax.languages import Language, find
from qwen_lsp.text import Span


def language(name: str) -> Language:
    found = find(name, "")
    assert found is not None
    return found


def simplified(name: str, text: str) -> str:
    for _ in range(9):
        source = code.parse(text, language(name))
        assert source is not None
        assert source.error_count() == 0, text
        edit = simplifying.step(source, Span(0, len(text)))
        if edit is None:
            break
        text = apply(text, (edit,))
    return text


IN_A_CLASS = "class A {{\n  {}\n}}\n"
REWRITES = [
    (
        "java",
        "int f(int a) {\n    if (a > 0) {\n      return 1;\n    } else if (a < -9) {\n      return 2;\n    } else {\n"
        "      int b = g(a); // why\n      return b;\n    }\n  }",
        "int f(int a) {\n    if (a > 0) {\n      return 1;\n    } else if (a < -9) {\n      return 2;\n    }\n"
        "    int b = g(a); // why\n    return b;\n  }",
    ),
    (
        "java",
        "boolean f(int a) {\n    if (g(a)) {\n      return true;\n    }\n    return false;\n  }",
        "boolean f(int a) {\n    return g(a);\n  }",
    ),
    (
        "java",
        "boolean f(A a) {\n    if (a == null || a.b()) {\n      return false;\n    } else {\n      return true;\n"
        "    }\n  }",
        "boolean f(A a) {\n    return !(a == null || a.b());\n  }",
    ),
    (
        "java",
        "void f(A a) {\n    if (a == b || c) {\n      if (a.d()) {\n        e();\n      }\n    }\n    return;\n  }",
        "void f(A a) {\n    if ((a == b || c) && a.d()) {\n      e();\n    }\n  }",
    ),
    (
        "javascript",
        "function f(a) {\n  if (a) {\n    return 1\n  }\n  else {\n    const b = g(a)\n    return b\n  }\n}\n",
        "function f(a) {\n  if (a) {\n    return 1\n  }\n  return g(a)\n}\n",
    ),
    (
        "javascript",
        "function f(a) {\n  if (a !== 1) {\n    return false\n  }\n  return true\n}\n",
        "function f(a) {\n  return a === 1\n}\n",
    ),
    (
        "go",
        "package a\n\nfunc f(a int) (int, error) {\n\tif a > 1 {\n\t\treturn 1, nil\n\t} else {\n\t\tb := a\n"
        "\t\treturn b, nil\n\t}\n}\n",
        "package a\n\nfunc f(a int) (int, error) {\n\tif a > 1 {\n\t\treturn 1, nil\n\t}\n\tb := a\n"
        "\treturn b, nil\n}\n",
    ),
    (
        "typescript",
        "function f(a: A) {\r\n  if (a.b) {\r\n    throw a;\r\n  } else {\r\n    g(a);\r\n  }\r\n}\r\n",
        "function f(a: A) {\r\n  if (a.b) {\r\n    throw a;\r\n  }\r\n  g(a);\r\n}\r\n",
    ),
]


@pytest.mark.parametrize(("name", "before", "after"), REWRITES)
def test_the_same_in_fewer_words(name: str, before: str, after: str) -> None:
    frame = IN_A_CLASS if name == "java" else "{}"
    assert simplified(name, frame.format(before)) == frame.format(after)


LEFT = [
    # a value that is no truth value
    ("javascript", "function f(a) {\n  if (a) {\n    return true\n  }\n  return false\n}\n"),
    # a comment would be lost, or stand elsewhere
    ("javascript", "function f(a) {\n  if (a > 1) {\n    return true // yes\n  }\n  return false\n}\n"),
    ("javascript", "function f(a) {\n  if (a > 1) {\n    return true\n  }\n  // no\n  return false\n}\n"),
    ("javascript", "function f(a) {\n  if (a) {\n    return 1\n  }\n  // else\n  else {\n    return g(a)\n  }\n}\n"),
    # the name is another one's outside
    (
        "javascript",
        "function f(a) {\n  const b = 1\n  if (a) {\n    return 1\n  } else {\n    const b = g(a)\n    h(b)\n  }\n"
        "  return b\n}\n",
    ),
    # the text of several lines has its own indentation
    ("javascript", "function f(a) {\n  if (a) {\n    return 1\n  } else {\n    g(`a\n    b`)\n  }\n}\n"),
    # one of the branches goes on
    ("javascript", "function f(a) {\n  if (a) {\n    return 1\n  } else if (b) {\n    g()\n  } else {\n    return 2\n  }\n}\n"),
    ("javascript", "function f(a) {\n  if (a) {\n    return 1\n  } else if (b) {\n    return 2\n  }\n}\n"),
    ("javascript", "function f(a) {\n  const b = g(\n    a\n  )\n  return b\n}\n"),
    # `b` is used twice
    ("javascript", "function f(a) {\n  let b = () => b\n  return b\n}\n"),
    # the first does not leave
    ("java", "class A {\n  int f(int a) {\n    if (a > 0) {\n      g();\n    } else {\n      h();\n    }\n    return 1;\n  }\n}\n"),
    # the value that an `if` declares
    ("go", "package a\n\nfunc f() int {\n\tif b := g(); b > 1 {\n\t\treturn 1\n\t} else {\n\t\treturn b\n\t}\n}\n"),
    ("java", "class A {\n  void f() {\n    return;\n  }\n}\n"),
    ("python", "def f(a):\n    if a:\n        return 1\n    else:\n        return 2\n"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), LEFT)
def test_what_is_not_certain_stays(name: str, text: str) -> None:
    assert simplified(name, text) == text

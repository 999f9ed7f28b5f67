"""Entry point of `qwen-lsp` and `python -P -m qwen_lsp`: run a command, turn our errors into one line.

Without `-P`, Python looks for modules in the working folder first, which may be anybody's; by the time this
runs, all that can be done is to take it out again.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    del sys.path[0]


def main() -> None:
    """Run the command line; exit 0, 1 for a negative answer, 2 for an error, 130 when interrupted."""
    from qwen_lsp.cli import main as cli
    from qwen_lsp.errors import QwenLspError

    # Windows consoles and bare containers default to encodings that cannot print Chinese or ghost text.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        cli.main(prog_name="qwen-lsp")
    except QwenLspError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
    except BrokenPipeError:  # the reader of our output went away, such as `| head`
        sys.stderr.close()
        sys.exit(1)
    except Exception:
        from qwen_lsp import logs

        sys.stderr.write(f"error: something went wrong inside qwen-lsp; {logs.record_crash()}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()

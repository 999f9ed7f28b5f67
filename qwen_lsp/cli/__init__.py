"""The command line: one file a command, a few lines and one call each; how results look on a terminal.

Must not know how anything works. Start with `main.py`, which lists the commands.
"""

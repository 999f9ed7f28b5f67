"""The fixtures of tests/support/workspace.py."""

from tests.support.workspace import *  # noqa: F403  pytest finds fixtures by name here

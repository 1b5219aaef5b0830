# SPDX-License-Identifier: MIT
"""The folder below which everything is built and measured: make's O=, usually build."""

import os

USUAL = "build"
FOLDER = os.environ.get("O") or USUAL


def option():
    """The word that a command needs to find this folder again, with a space before it; "" for the usual folder."""
    return "" if FOLDER == USUAL else f" O={FOLDER}"

# SPDX-License-Identifier: MIT
"""Starts machines and native programs, watches them, and reports. Modules of tools/ can be imported from here."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "tools"))

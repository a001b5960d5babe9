"""`python -m tests.protocols.h2_conformance HOST PORT`: see runner.py."""

from __future__ import annotations

import sys

from .runner import main

sys.exit(min(main(), 125))

"""Tries every attack; `write` writes the table, anything else prints the rows it names.

Read next: ../test_attacks.py
"""

from __future__ import annotations

import logging
import sys
import time

from . import ATTACKS
from .table import FILE, row, written

logging.disable()
wanted = " ".join(sys.argv[1:])
values = {}
for name, attack in ATTACKS.items():
    if wanted == "write" or wanted in name:
        began = time.process_time()
        values[attack] = attack.measure()
        print(row(attack, values[attack]), f"({time.process_time() - began:.1f} s)", flush=True)
        if attack.tls and wanted != "write":
            print("  over TLS:", attack.measure(tls=True))
if wanted == "write":
    FILE.write_text(written(values))

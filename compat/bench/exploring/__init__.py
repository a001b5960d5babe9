"""The benchmark of exploring: schedules per second, next to other tools that explore them.

Reading order: scenarios.py (the programs), tools.py and worlds.py (what explores them),
rows.py (what is timed), goals.py (what is to be reached), commands.py (the command line).
"""

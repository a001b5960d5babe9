"""The benchmarks: the same rows of work on asyncio, uvloop, rloop and miniloop.

Reading order: model.py (the words), scheduling.py (the rows), child.py (measures one
sample), children.py (the processes), rounds.py (who is measured when), summary.py
(statistics), report.py and table.py (what is said), thresholds.py (what is to be reached),
conducting.py (what every command does), command.py (the command line); then network/,
exploring/ and http/.
"""

"""What programs wait with, built on Future and on the running loop's public methods.

Nothing in here knows which loop it runs on: all of it works while asyncio's or
uvloop's loop runs, too.  Read in this order: mixins.py (how an object finds its
loop), sleeping.py, locks.py, barriers.py, queues.py, timeouts.py,
taskgroups.py, combinators.py, threads.py, asyncgens.py, runners.py, graph.py.
"""

"""The heart: coroutines, futures, timers, tasks and the loop that runs them.

Read in this order, one sitting each:

1.  ``coroutines.py``   what a program yields, and to whom
2.  ``handles.py``      one callback waiting for its turn
3.  ``timers.py``       callbacks that wait for a time
4.  ``futures.py``      a result that is not there yet
5.  ``tasks.py``        a coroutine that is driven step by step
6.  ``readiness.py``    descriptors: what may happen outside
7.  ``loop.py``         the hot loop: five phases on one screen
8.  ``watch.py``        the seams: who chooses, who is told, debug mode
9.  ``reports.py``      where an exception goes that nobody caught
10. ``guest.py``        the same loop, driven by somebody else's loop

``describe.py`` writes all of them down as text, ``current.py`` knows which loop
is meant when none is named, and ``states.py`` draws the state tables.
"""

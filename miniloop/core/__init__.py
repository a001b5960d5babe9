"""The heart: coroutines, futures, timers, tasks and the loop that runs them.

Read in this order, one sitting each:
1.  ``coroutines.py``   what a program yields, and to whom
2.  ``handles.py``      one callback waiting for its turn
3.  ``timers.py``       callbacks that wait for a time
4.  ``futures.py``      a result that is not there yet
5.  ``tasks.py``        a coroutine that is driven step by step
6.  ``loop.py``         the hot loop: five phases on one screen
What it leans on is in ``support/``.
"""

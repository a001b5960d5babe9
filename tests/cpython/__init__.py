"""The interpreter's own asyncio tests, run against this package.

The modules of ``test.test_asyncio`` are used where the interpreter has them
installed; nothing of them is copied.  Each module runs in a process of its own,
in a *cell*:

    names   the test module's ``asyncio`` is miniloop: its classes and functions
    loop    asyncio's own names, but every loop that is made is the target's

The target is the class of the loops that are made: ``miniloop``, ``uvloop`` for
comparison, or ``control``, a plain subclass of asyncio's own.  The control loop under
asyncio's own names must fail nothing, which shows that the harness adds no failures;
under miniloop's names it shows that they work while asyncio's loop runs.

Networking modules run like the others.  Two classes are off unless asked for with
``--more``, because much of each looks at how asyncio does it: test_base_events'
BaseEventLoopWithSelectorTests, and test_unix_events' SelectorEventLoopSignalTests.

By hand:   python -m tests.cpython --module test_tasks --mode names
In pytest: tests/cpython/test_cpython.py

Read in this order: cells.py (what runs), expected.py (what may fail, and why),
targets.py and substitute.py (how miniloop gets in), child.py and run.py (how it
is run), report.py (how it is told).
"""

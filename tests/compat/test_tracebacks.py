"""Library frames go, the program's stay, and types are found."""

from compat.tracebacks import cleaned, exceptions, warnings

TRACEBACK = """\
Traceback (most recent call last):
  File "/home/x/program.py", line 9, in <module>
    asyncio.run(main())
  File "/usr/lib/python3.12/asyncio/runners.py", line 190, in run
    return runner.run(main)
           ^^^^^^^^^^^^^^^^
  File "/x/site-packages/miniloop/core/loop.py", line 1, in run
    go()
  File "uvloop/loop.pyx", line 1515, in uvloop.loop.Loop.run_until_complete
  File "/home/x/program.py", line 5, in main
    raise asyncio.QueueEmpty
asyncio.queues.QueueEmpty: nothing
after
""".splitlines()

GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "/home/x/program.py", line 9, in <module>
  |     main()
  |   File "/usr/lib/python3.12/asyncio/taskgroups.py", line 1, in f
  |     raise
  | ExceptionGroup: two (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/home/x/program.py", line 3, in fail
    |     1 / 0
    |     ~~^~~
    | ZeroDivisionError: division by zero
    +------------------------------------
""".splitlines()


def test_only_the_programs_frames_stay() -> None:
    assert list(cleaned(TRACEBACK)) == [TRACEBACK[n] for n in (0, 1, 2, 9, 10, 11, 12)]


def test_frames_inside_groups() -> None:
    assert list(cleaned(GROUP)) == [
        line for line in GROUP if "raise" not in line and "/usr" not in line
    ]


def test_exceptions_are_found() -> None:
    assert exceptions(TRACEBACK) == ["QueueEmpty"]
    assert exceptions(GROUP) == ["ExceptionGroup", "ZeroDivisionError"]
    assert exceptions(["ValueError: printed by the program"]) == []


def test_a_warning_in_a_library_loses_its_place() -> None:
    lines = [
        "/usr/lib/python3.12/asyncio/base_events.py:12: RuntimeWarning: coroutine 'f' was never",
        "  self._ready.append(handle)",
        "/home/x/program.py:3: UserWarning: here",
        "  warn()",
    ]
    assert list(cleaned(lines)) == ["RuntimeWarning: coroutine 'f' was never", *lines[2:]]
    assert warnings(lines) == ["RuntimeWarning: coroutine 'f' was never", "UserWarning: here"]

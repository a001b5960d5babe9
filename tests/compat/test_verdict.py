"""What is certain and what is only timing, on runs made by hand."""

from hypothesis import given
from hypothesis import strategies as st

from compat.capturing import Line, Run
from compat.verdict import Verdict, judge

from .cells import OURS, PLAIN


def run(*lines: str, status: int | None = 0, err: tuple[str, ...] = (), step: float = 0.01) -> Run:
    printed = [Line("out", text, step * place) for place, text in enumerate(lines)]
    printed += [Line("err", text, 1.0) for text in err]
    return Run(OURS, status, tuple(printed), 1.0, 0.1)


def kinds(verdict: Verdict) -> list[tuple[str, bool]]:
    return [(item.kind, item.certain) for item in verdict.differences]


def test_equal_runs_do_not_differ() -> None:
    assert judge([run("a", "b"), run("a", "b")], [run("a", "b")]).differences == ()


def test_a_missing_line_is_certain_and_shown_against_nothing() -> None:
    (item,) = judge([run("a", "b", "c")], [run("a", "c")]).differences
    assert (item.kind, item.certain, item.baseline, item.cell) == ("line", True, "b", None)


def test_a_changed_line_is_shown_side_by_side() -> None:
    (item,) = judge([run("a", "total 3", "c")], [run("a", "total 4", "c")]).certain
    assert (item.baseline, item.cell) == ("total 3", "total 4")


def test_one_of_several_equal_lines_missing_is_shown_once() -> None:
    (item,) = judge([run("x", "x", "x")], [run("x", "x")]).certain
    assert (item.baseline, item.cell) == ("x", None)


def test_lines_that_vary_within_a_cell_are_timing() -> None:
    verdict = judge([run("a", "left"), run("a", "right")], [run("a", "left")])
    assert verdict.same
    assert judge([run("a", "b"), run("a")], [run("a")]).same


def test_an_inverted_pair_is_certain_if_every_run_has_it() -> None:
    (item,) = judge([run("a", "b", "c")] * 2, [run("b", "a", "c")] * 3).certain
    assert (item.kind, item.baseline, item.cell) == ("order", "a\nb", "b\na")


def test_an_order_that_varies_is_timing() -> None:
    baseline = [run("a", "b", "c"), run("b", "a", "c")]
    assert judge(baseline, [run("b", "a", "c")]).differences == ()
    assert kinds(judge(baseline, [run("a", "c", "b")])) == [("order", True)]
    assert kinds(judge(baseline[:1] * 2, [run("b", "a", "c"), run("a", "b", "c")])) == []


def test_repeated_lines_are_told_apart_by_their_number() -> None:
    assert kinds(judge([run("tick", "tock", "tick")], [run("tick", "tick", "tock")])) == [
        ("order", True)
    ]


def test_numbers_are_timing() -> None:
    assert kinds(judge([run("took 0.50 s")], [run("took 0.61 s")])) == [("number", False)]


def test_status_and_running_out_of_time() -> None:
    assert kinds(judge([run(), run()], [run(status=1)])) == [("status", True)]
    (item,) = judge([run()], [run(status=None)]).certain
    assert (item.baseline, item.cell) == ("exit status 0", "ran out of time")
    assert judge([run(), run(status=1)], [run(status=1)]).same
    assert judge([run(status=-9)], [run(status=-9)]).differences == ()


def test_exceptions_and_warnings_are_told_from_other_lines() -> None:
    trace = ("Traceback (most recent call last):", '  File "p.py", line 1, in f')
    verdict = judge([run(err=(*trace, "ValueError: x"))], [run(err=(*trace, "KeyError: x"))])
    assert not verdict.agrees("exception")
    assert verdict.agrees("warning", "order", "status")
    warned = run(err=("p.py:3: RuntimeWarning: coroutine 'f' was never awaited",))
    assert not judge([run()], [warned]).agrees("warning")


def test_a_log_on_standard_output_may_have_other_library_frames() -> None:
    def logged(*frames: str) -> Run:
        return run("Traceback (most recent call last):", *frames, "KeyError: 1")

    own = ('  File "/home/x/program.py", line 3, in f', "    d[1]")
    theirs = ('  File "/usr/lib/python3.12/asyncio/events.py", line 9, in _run', "    run()")
    ours = ('  File "/x/miniloop/core/loop.py", line 7, in iterations', "    entry()")
    assert judge([logged(*theirs, *own)], [logged(*ours, *own)]).differences == ()
    assert judge([logged(*theirs, *own)], [logged(*ours)]).certain


def test_the_order_between_the_two_streams_does_not_count() -> None:
    one = Run(PLAIN, 0, (Line("out", "a", 0), Line("err", "b", 0)), 0, 0)
    two = Run(OURS, 0, (Line("err", "b", 0), Line("out", "a", 0)), 0, 0)
    assert judge([one], [two]).differences == ()


def test_a_line_at_another_time_is_timing() -> None:
    assert kinds(judge([run("a", "b", step=0.01)], [run("a", "b", step=2.0)])) == [
        ("moment", False)
    ]


some_lines = st.lists(st.sampled_from(["a", "b", "c 1", "c 2", "took 0.1 s", ""]), max_size=8)


@given(st.lists(some_lines, min_size=1, max_size=3), some_lines)
def test_a_run_that_agrees_with_some_run_of_the_baseline_is_never_different(
    runs: list[list[str]], more: list[str]
) -> None:
    baseline = [run(*lines) for lines in runs]
    assert judge(baseline, [run(*runs[-1]), run(*more)]).same


@given(some_lines, some_lines)
def test_runs_that_print_different_things_are_always_different(
    left: list[str], right: list[str]
) -> None:
    assert judge([run(*left)] * 2, [run(*right)] * 2).same == (left == right)

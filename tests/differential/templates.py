"""What a random program can do: Python source with holes to fill.

An operation is a line of `EXPRESSIONS`, whose value is noted, or a piece of
`STATEMENTS`.  A hole ``{name}`` is filled by one of `DOMAINS`; by a block of
operations where it stands alone on a line (``{body}``, ``{rest}``); or by the
name of a function whose body is a block: ``{child}`` a coroutine function,
``{generator}`` an asynchronous generator function, ``{callback}`` a plain one.
A digit at the end of a hole makes it another hole of the same kind.

Operations belong to families; a program uses some of the families only, so that
its tasks have much to do with one another.
"""

from __future__ import annotations

_EXCEPTIONS = (
    "ValueError('v')",
    "ValueError('v')",
    "LookupError()",
    "OSError(5, 'o')",
    "Boom('b', 1)",
    "asyncio.TimeoutError()",
    "asyncio.CancelledError('by hand')",
    "asyncio.InvalidStateError('i')",
    "Grave('g')",  # not an Exception
    "ExceptionGroup('eg', [ValueError('v'), Boom()])",
)

#: What a hole can be filled with, equally likely each.
DOMAINS: dict[str, tuple[str, ...]] = {
    "delay": ("0", "0", "1", "1", "1", "2", "2", "3", "0.5", "0.1", "-1"),
    "timeout": ("None", "0", "0", "-1", "0.1", "0.5", "1", "1", "1", "2", "2", "3"),
    "value": ("None", "1", "2", "'x'"),
    "item": ("1", "2", "3"),
    "index": ("0", "1", "2", "3", "4", "5"),
    "small": ("0", "1", "1", "2", "3"),
    "few": ("1", "2", "3"),
    "flag": ("False", "True"),
    "message": ("", "", "'stop'", "None", "7"),
    "exception": _EXCEPTIONS,
    "settable": (*_EXCEPTIONS, "ValueError"),
    "raised": (*_EXCEPTIONS, "StopIteration(1)", "StopAsyncIteration()", "SystemExit(3)"),
    "catch": ("ValueError", "Exception", "asyncio.CancelledError", "BaseException"),
    "when": ("FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"),
    "queue": ("queue0", "queue0", "queue1", "queue2"),
    "lock": ("lock0", "lock0", "sem0", "sem1", "cond0", "cond1"),
    "sem": ("sem0", "sem0", "sem1"),
    "cond": ("cond0", "cond0", "cond1"),
    "event": ("event0", "event0", "event1"),
    "future": ("future0", "future0", "future1", "future2"),
    "var": ("var0", "var1"),
    "maxsize": ("0", "1", "1", "2", "-1"),
    "units": ("0", "1", "1", "2", "3"),
    "parties": ("1", "2", "2", "3"),
    "soon": ("call_soon", "call_soon", "call_soon_threadsafe"),
    "create": (
        "asyncio.create_task",
        "asyncio.create_task",
        "loop.create_task",
        "asyncio.ensure_future",
    ),
    "waitable": (
        "{queue}.get()",
        "{queue}.put({item})",
        "{queue}.join()",
        "{lock}.acquire()",
        "{event}.wait()",
        "barrier0.wait()",
        "asyncio.sleep({delay}, {value})",
    ),
}

#: The objects that the functions of a program share; those that it uses are made.
SHARED: dict[str, str] = {
    "queue0": "asyncio.Queue({maxsize})",
    "queue1": "asyncio.PriorityQueue({maxsize})",
    "queue2": "asyncio.LifoQueue({maxsize})",
    "lock0": "asyncio.Lock()",
    "sem0": "asyncio.Semaphore({units})",
    "sem1": "asyncio.BoundedSemaphore({units})",
    "cond0": "asyncio.Condition()",
    "cond1": "asyncio.Condition(lock0)",
    "event0": "asyncio.Event()",
    "event1": "asyncio.Event()",
    "barrier0": "asyncio.Barrier({parties})",
    "future0": "loop.create_future()",
    "future1": "asyncio.Future(loop=loop)",
    "future2": "loop.create_future()",
    "var0": "ContextVar('var0', default='unset')",
    "var1": "ContextVar('var1', default='unset')",
}

#: Holes for objects of which a program may use one only.
MEETING_PLACES = ("queue", "lock", "sem", "cond", "event", "future", "var")

#: Operations whose value is noted, by family and kind.
EXPRESSIONS: dict[str, dict[str, str]] = {
    "core": {
        "sleep": "await asyncio.sleep({delay}, {value})",
        "turn": "await asyncio.sleep(0)",
        "cancel": "pick({index}).cancel({message})",
    },
    "self": {
        "cancel_self": "asyncio.current_task().cancel({message})",
        "cancelling": "asyncio.current_task().cancelling()",
        "name": "asyncio.current_task().get_name()",
        "set_name": "named(asyncio.current_task(), {value})",
        "all_tasks": "len(asyncio.all_tasks(loop))",
        "bad_yield": "await bare({value})",
        "yield_future": "await bare({future})",
    },
    "uncancel": {
        "uncancel": "asyncio.current_task().uncancel()",
        "uncancel_other": "pick({index}).uncancel()",
        "cancel_uncancel": "(pick({index}).cancel(), pick({index}).uncancel())",
    },
    "queue": {
        "put": "await {queue}.put({item})",
        "get": "await {queue}.get()",
        "put_nowait": "{queue}.put_nowait({item})",
        "get_nowait": "{queue}.get_nowait()",
        "task_done": "{queue}.task_done()",
        "join": "await {queue}.join()",
        "get_crowd": "crowd({few}, {queue}.get)",
        "put_crowd": "crowd({few}, {queue}.put, {item})",
        "put_three": "[{queue}.put_nowait(each) for each in ({item}, {item2}, {item3})]",
        "get_all": "[{queue}.get_nowait() for _ in range({queue}.qsize())]",
        "looks": "({queue}.qsize(), {queue}.full(), {queue}.empty(), {queue}.maxsize)",
    },
    "shutdown": {
        "shutdown": "{queue}.shutdown({flag})",
        "shutdown_get": "await {queue}.get()",
        "shutdown_put": "await {queue}.put({item})",
    },
    "lock": {
        "acquire": "await {lock}.acquire()",
        "release": "{lock}.release()",
        "acquire_crowd": "crowd({few}, {lock}.acquire)",
        "locked": "{lock}.locked()",
    },
    "semaphore": {
        "sem_acquire": "await {sem}.acquire()",
        "sem_release": "{sem}.release()",
        "sem_crowd": "crowd({few}, {sem}.acquire)",
        "sem_locked": "{sem}.locked()",
    },
    "condition": {
        "notify_only": "{cond}.notify({small})",
        "notify_all": "{cond}.notify_all()",
        "cond_locked": "{cond}.locked()",
        "wait_only": "await {cond}.wait()",
        "fill": "box.append({value})",
        "cond_crowd": "crowd({few}, wait_in, {cond})",
    },
    "event": {
        "event_wait": "await {event}.wait()",
        "event_crowd": "crowd({few}, {event}.wait)",
        "event_set": "{event}.set()",
        "event_pulse": "({event}.set(), {event}.clear())",
        "event_clear": "{event}.clear()",
        "is_set": "{event}.is_set()",
    },
    "barrier": {
        "barrier_wait": "await barrier0.wait()",
        "barrier_crowd": "crowd({few}, barrier0.wait)",
        "barrier_reset": "await barrier0.reset()",
        "barrier_abort": "await barrier0.abort()",
        "barrier_looks": "(barrier0.n_waiting, barrier0.broken, barrier0.parties)",
    },
    "future": {
        "await_future": "await {future}",
        "future_crowd": "crowd({few}, wait_for_it, {future})",
        "set_result": "{future}.set_result({value})",
        "set_exception": "{future}.set_exception({settable})",
        "set_stop_iteration": "{future}.set_exception(StopIteration(1))",
        "cancel_future": "{future}.cancel({message})",
        "future_looks": "({future}.done(), {future}.cancelled())",
        "result": "{future}.result()",
        "exception": "{future}.exception()",
        "add_done_callback": "{future}.add_done_callback({callback})",
        "add_and_remove": "removed({future}, {callback})",
    },
    "callback": {
        "call_soon": "keep_handle(loop.{soon}({callback}, {value}))",
        "call_later": "keep_handle(loop.call_later({delay}, {callback}, {value}))",
        "call_at": "keep_handle(loop.call_at(loop.time() + {delay}, {callback}, {value}))",
        "cancel_handle": "pick_handle({index}).cancel()",
        "handle_cancelled": "pick_handle({index}).cancelled()",
        "handle_when": "pick_handle({index}).when()",
        "many_timers": "many_timers({delay}, {callback})",
        "report": "loop.call_exception_handler({{'message': 'm', 'exception': {exception}}})",
    },
    "spawn": {
        "spawn": "keep({create}({child}()))",
        "spawn_again": "keep({create}({child}()))",
        "spawn_named": "keep(asyncio.create_task({child}(), name={value}))",
        "spawn_made": "keep(asyncio.Task({child}(), loop=loop))",
        "spawn_dropped": "told(asyncio.create_task({child}()))",
        "await_task": "await later({me}, {index})",
        "task_result": "pick({index}).result()",
        "task_exception": "pick({index}).exception()",
        "task_callback": "pick({index}).add_done_callback({callback})",
        "task_set_result": "pick({index}).set_result({value})",
    },
    "gather": {
        "gather_coroutines": (
            "await asyncio.gather({child}(), {child2}(), return_exceptions={flag})"
        ),
        "gather_one": "await asyncio.gather({child}(), {future}, return_exceptions={flag})",
        "gather_pending": "await asyncio.gather(*pending({future}, {future2}, *all_later({me})))",
        "gather_tasks": "await asyncio.gather(*all_later({me}), return_exceptions={flag})",
        "gather_cancelled": (
            "await cancelled_after({delay}, asyncio.gather({child}(), {child2}(), "
            "return_exceptions={flag}), {message})"
        ),
        "gather_left": "keep_future(asyncio.gather({child}(), {child2}(), {future}))",
        "gather_same": "await asyncio.gather({future}, {future2}, {future3})",
        "gather_nothing": "await asyncio.gather()",
    },
    "wait": {
        "wait_new": (
            "await asyncio.wait(in_order({create}({child}()), {create2}({child2}()), {future}), "
            "timeout={timeout}, return_when=asyncio.{when})"
        ),
        "wait_failing": (
            "await asyncio.wait(in_order({create}(failing({exception})), {future}, "
            "{create2}({child}())), timeout={timeout}, return_when=asyncio.{when})"
        ),
        "wait_old": (
            "await asyncio.wait(in_order({future}, *all_later({me})), "
            "timeout={timeout}, return_when=asyncio.{when})"
        ),
    },
    "shield": {
        "shield_new": "await asyncio.shield({child}())",
        "shield_old": "await asyncio.shield(later({me}, {index}))",
        "shield_future": "await asyncio.shield({future})",
        "shield_cancelled": "await cancelled_after({delay}, asyncio.shield({child}()), {message})",
    },
    "wait_for": {
        "wait_for_new": "await asyncio.wait_for({child}(), {timeout})",
        "wait_for_old": "await asyncio.wait_for(later({me}, {index}), {timeout})",
        "wait_for_future": "await asyncio.wait_for({future}, {timeout})",
        "wait_for_shield": "await asyncio.wait_for(asyncio.shield({future}), {timeout})",
        "wait_for_waitable": "await asyncio.wait_for({waitable}, {timeout})",
    },
    "generator": {
        "generator_kept": "await anext(keep_generator({generator}()))",
        "generator_next": "await anext(pick_generator({index}), 'ended')",
        "generator_close": "await pick_generator({index}).aclose()",
        "generator_throw": "await pick_generator({index}).athrow({exception})",
    },
    "context": {
        "var_get": "{var}.get()",
        "var_set": "told({var}.set({value}))",
        "spawn_inheriting": "keep(asyncio.create_task({child}()))",
        "call_soon_context": "keep_handle(loop.call_soon({callback}, context=contexts[0]))",
        "call_later_context": "keep_handle(loop.call_later({delay}, {callback}))",
        "task_context": "keep(asyncio.create_task({child}(), context=contexts[0]))",
        "done_context": "{future}.add_done_callback({callback}, context=contexts[0])",
        "run_in_context": "contexts[0].run({var}.get)",
    },
    "orphan": {
        "orphan": "told(asyncio.create_task(orphan()))",
        "await_self": "told(asyncio.create_task(waits_for_itself()))",
        "failed_orphan": "told(asyncio.create_task(failing({exception})))",
        "collect": "collect_soon()",
    },
}

#: Operations that are more than an expression, by family and kind.
STATEMENTS: dict[str, dict[str, str]] = {
    "core": {
        "raise": "raise {raised}",
        "try_finally": "try:\n    {body}\nfinally:\n    {rest}",
        "try_except": "try:\n    {body}\nexcept {catch} as error:\n    s(error)\n    {rest}",
    },
    "lock": {"hold": "async with {lock}:\n    {body}"},
    "semaphore": {"sem_hold": "async with {sem}:\n    {body}"},
    "condition": {
        "cond_wait": "async with {cond}:\n    {body}\n    s(await {cond}.wait())",
        "cond_wait_for": (
            "async with {cond}:\n    s(await {cond}.wait_for(lambda: len(box) > {small}))"
        ),
        "notify": "async with {cond}:\n    {cond}.notify({small})",
        "fill_notify": "async with {cond}:\n    box.append(1)\n    {cond}.notify_all()",
    },
    "barrier": {"barrier_with": "async with barrier0 as position:\n    s(position)\n    {body}"},
    "future": {
        "renew": "if {future}.done():\n    {future} = asyncio.Future()",
    },
    "wait_for": {
        "timeout": (
            "async with asyncio.timeout({timeout}) as limit:\n    {body}\ns(limit.expired())"
        ),
    },
    "timeout": {
        "timeout_at": (
            "async with asyncio.timeout_at(loop.time() + {delay}) as limit:\n"
            "    {body}\ns(limit.expired())"
        ),
        "timeout_moved": (
            "async with asyncio.timeout({timeout}) as limit:\n    {body}\n"
            "    limit.reschedule(loop.time() + {delay})\n    {rest}\ns(limit.expired())"
        ),
        "timeout_twice": (
            "async with asyncio.timeout({timeout}), asyncio.timeout({timeout2}) as limit:\n"
            "    {body}\ns((limit.expired(), asyncio.current_task().cancelling()))"
        ),
    },
    "group": {
        "group": (
            "async with ordered(asyncio.TaskGroup()) as group:\n"
            "    keep(group.create_task({child}()))\n"
            "    told(group.create_task({child2}(), name={value}))\n"
            "    {body}"
        ),
        "group_one": (
            "async with ordered(asyncio.TaskGroup()) as group:\n"
            "    {body}\n    keep(group.create_task({child}()))\n    {rest}"
        ),
        "group_given": (
            "async with ordered(asyncio.TaskGroup()) as group:\n"
            "    loop.call_later({delay}, attempt, group.create_task, {child})\n"
            "    keep(group.create_task({child2}()))"
        ),
    },
    "as_completed": {
        "as_completed": (
            "for each in asyncio.as_completed(in_order({create}({child}()), "
            "{create2}({child2}()), {future}), timeout={timeout}):\n"
            "    s(await each)"
        ),
        "as_completed_old": (
            "for each in asyncio.as_completed(in_order(*all_later({me}))):\n"
            "    s(await each)\n    {body}"
        ),
        "as_completed_async": (
            "async for each in asyncio.as_completed(in_order({create}({child}()), "
            "{create2}({child2}())), timeout={timeout}):\n    s(each)"
        ),
    },
    "generator": {
        "generator_left": "async for item in {generator}():\n    s(item)\n    break",
        "generator_run": "async for item in {generator}():\n    s(item)\n    {body}",
        "comprehension": "s([item async for item in {generator}()])",
    },
}

#: What is left out where tasks start eagerly: starting a task in a context that its creator
#: runs in fails then, and asyncio's C task leaves the loop with a wrong current task.
NOT_IF_EAGER = frozenset({"task_context"})

#: What most operations of a program are about; most often it is what tasks wait with.
FAMILIES = (
    *(family for family in (EXPRESSIONS | STATEMENTS) if family != "core"),
    *("queue", "lock", "semaphore", "condition", "event"),
)

// Events and states in plain sentences.

const STATE_WORDS = {
  running: "running",
  ready: "ready",
  waiting: "waiting",
  done: "done",
  unborn: "not made yet",
  select: "in the selector",
};
const STATE_SIGNS = { running: "▶", ready: "▷", waiting: "‖", done: "✓", unborn: "·", select: "⟳" };
const MODES = { r: "readable", w: "writable", rw: "readable and writable" };

function seconds(value) {
  if (value === null || value === undefined) return "for ever";
  const size = Math.abs(value);
  if (size === 0) return "0 s";
  if (size < 1e-3) return `${trim(value * 1e6)} µs`;
  if (size < 1) return `${trim(value * 1e3)} ms`;
  return `${trim(value)} s`;
}

function trim(number) {
  return String(Number(number.toPrecision(3)));
}

function count(number, one, many = one + "s") {
  return `${number} ${number === 1 ? one : many}`;
}

function ordinal(number) {
  const tail = number % 100 > 10 && number % 100 < 14 ? 0 : number % 10;
  return number + (["th", "st", "nd", "rd"][tail] || "th");
}

function capital(text) {
  return text && text[0].toUpperCase() + text.slice(1);
}

// What an entry of the ready queue is called.
function entryName(item) {
  if (item.task !== undefined) return item.task;
  return item.label || `entry ${item.entry}`;
}

// What a task waits for, from its `suspend` event.
function waitsFor(event) {
  const on = event?.on || {};
  const what = on.label || on.kind || "something";
  if (on.kind === "turn") return "one more turn, at the end of the queue";
  let text = on.kind === "timer" && on.timer !== undefined ? `timer ${on.timer}: ${what}` : what;
  if (on.kind === "fd" && on.fd !== undefined) text = `descriptor ${on.fd}: ${what}`;
  if (on.kind === "future" && on.future && on.future !== what) text = `${on.future}: ${what}`;
  if (on.kind === "task" && on.task && !what.includes(on.task)) text = `${what} (${on.task})`;
  if (on.held_by?.length) text += `, held by ${on.held_by.join(" and ")}`;
  return text;
}

const WHY = {
  created: "it was created",
  woken: "it was woken",
  yielded: "it asked for one more turn",
  call_soon: "it was scheduled with call_soon()",
  threadsafe: "another thread called in",
  due: "its timer is due",
  ready: "its descriptor is ready",
  "done callback": "a future was done",
};

// The cause of an `add` in words: who put it into the queue, and by what.
function reason(model, i) {
  const event = model.events[i];
  if (!event || event.kind !== "add") return "it was put there before the recording began";
  const why = WHY[event.why] || event.why || "it was put there";
  if (event.thread) return `${why} (thread ${event.thread})`;
  const source = model.steps[model.stepBehind(i)];
  const who = source ? entryName(source.item) : "";
  for (let k = event.by; k && model.events[k].by < k; k = model.events[k].by) {
    const cause = model.events[k];
    if (cause.kind === "run") break;
    if (cause.kind === "timer_due")
      return `${why}: timer ${cause.timer} was due${source ? ` (set in step ${source.number})` : ""}`;
    if (cause.kind === "fd_ready") return `${why}: descriptor ${cause.fd} was ${MODES[cause.mode] || "ready"}`;
    if (model.inStep[k] < 0) continue;
    const by = ` by ${who} in step ${source.number}`;
    if (cause.kind === "future_set" && cause.outcome === "result") return `${why}${by}, which set ${cause.future}`;
    if (cause.kind === "cancel_request") return `${why}${by}, which cancelled it`;
    if (cause.kind === "task_done") return `${why}${by}: ${cause.task} was done`;
  }
  return source && event.why !== "yielded" ? `${why} by ${who} in step ${source.number}` : why;
}

// One sentence for one event.
function sentence(model, i) {
  if (!i) return "Nothing has happened yet.";
  const event = model.events[i];
  const say = SENTENCES[event.kind];
  return say ? say(event, model, i) : capital(event.kind.replaceAll("_", " ")) + ".";
}

function nextIteration(model, i) {
  return model.phase[i] === 5 ? ", so it runs in the next iteration" : "";
}

const SENTENCES = {
  loop_start: () => "The loop starts: from now on it goes round its five phases.",
  loop_stop: () => "The loop stops.",
  loop_close: () => "The loop is closed.",
  iter_begin: (e) => `Iteration ${e.it} begins with ${count(e.ready, "entry", "entries")} in the ready queue.`,
  select_begin(e) {
    const why = e.why ? `: ${e.why}` : "";
    if (e.timeout === 0) return `The loop asks the selector and does not wait${why}.`;
    if (e.timeout === null || e.timeout === undefined)
      return `The loop sleeps in the selector until something arrives${why}.`;
    return `The loop sleeps in the selector for at most ${seconds(e.timeout)}${why}.`;
  },
  select_end(e) {
    const fds = e.fds || [];
    if (!fds.length) return "No descriptor is ready.";
    return `Ready: ${fds.map(([fd, mode]) => `descriptor ${fd} (${MODES[mode] || mode})`).join(", ")}.`;
  },
  fd_add: (e) => `Descriptor ${e.fd} is watched (${MODES[e.mode]}): ${e.label || ""}.`,
  fd_remove: (e) => `Descriptor ${e.fd} is no longer watched (${MODES[e.mode]}).`,
  fd_ready: (e) => `Descriptor ${e.fd} is ${MODES[e.mode]}: what waits for it goes into the queue.`,
  timer_set: (e) => `Timer ${e.timer} is set: ${e.label || "a callback"}, due at ${seconds(e.when)}.`,
  timer_cancel: (e) => `Timer ${e.timer} is cancelled.`,
  timer_due(e) {
    const late = e.late > 0.0005 ? `, ${seconds(e.late)} late` : "";
    return `Timer ${e.timer} is due${late}: what waits for it goes into the queue.`;
  },
  add(e, model, i) {
    return `${entryName(e)} is put at the end of the ready queue: ${reason(model, i)}${nextIteration(model, i)}.`;
  },
  drop: (e, model) =>
    `${entryName(model.entries.get(e.entry) || e)} is cancelled: it stays in the queue, and is skipped when its turn comes.`,
  run_phase(e) {
    if (!e.count) return "Nothing is ready: nothing runs in this iteration.";
    return `Exactly ${count(e.count, "entry", "entries")} will run now; what is added from here on waits for the next iteration.`;
  },
  run(e, model, i) {
    const step = model.steps[model.inStep[i]];
    const picked = e.pick
      ? ` It was picked from place ${e.pick + 1}: first in, first out would have taken another.`
      : "";
    const left =
      e.of > 1 ? ` ${count(e.of - 1, "other")} of this iteration ${e.of === 2 ? "comes" : "come"} after it.` : "";
    return `${entryName(step.item)} runs: ${reason(model, step.item.add)}.${picked || left}`;
  },
  ran(e, model, i) {
    const step = model.steps[model.inStep[i]];
    if (e.skipped) return `${entryName(step.item)} was cancelled, and is skipped.`;
    const task = step.task;
    const then = task
      ? { waiting: ", and waits", ready: ", and is ready again", done: ", and is done" }[model.stateAt(task, i)]
      : "";
    return `${entryName(step.item)} has run for ${seconds(e.took)}${then || ""}.`;
  },
  task_new: (e) =>
    `Task ${e.task} is made${e.parent ? ` by ${e.parent}` : ""}; ${e.eager ? "it begins at once" : "it has not begun, it is only queued"}.`,
  suspend: (e) => `${e.task} gives way: it waits for ${waitsFor(e)}.`,
  wake: (e) =>
    `${e.task} is woken: ${e.future || "what it waited for"} has ${e.outcome === "result" ? "a result" : e.outcome === "cancelled" ? "been cancelled" : "an exception"}.`,
  task_done(e) {
    if (e.outcome === "exception") return `Task ${e.task} fails: ${e.error || "an exception"}.`;
    if (e.outcome === "cancelled") return `Task ${e.task} ends: it is cancelled.`;
    return `Task ${e.task} is done${e.value && e.value !== "None" ? `: ${e.value}` : ""}.`;
  },
  future_set: (e) =>
    `${capital(e.future)} ${e.outcome === "result" ? "gets its result" : e.outcome === "cancelled" ? "is cancelled" : `gets an exception: ${e.error || ""}`}.`,
  cancel_request: (e) =>
    `Cancelling ${e.task} is asked for${e.from ? ` by ${e.from}` : ""}; it will be told in its next step.`,
  cancel_delivered: (e) => `${e.task} is told that it is cancelled: CancelledError is raised where it waits.`,
  cancel_swallowed: (e) => `${e.task} swallows the cancellation and goes on.`,
  exception_stored: (e) =>
    `An exception is stored in ${e.task || e.future}, and nobody has looked yet: ${e.error || ""}.`,
  exception_retrieved: (e) => `Somebody looks at the exception of ${e.task || e.future}.`,
  exception_lost: (e) => `Nobody ever looked at the exception of ${e.task || e.future}: ${e.error || ""}.`,
  choice: (e) =>
    `The World decides ${e.choice}: ${e.value ? `${e.value} of ${e.count - 1}, not as asyncio has it` : "as asyncio has it"} (${e.about}).`,
  failure: (e) => `The run fails, ${e.what}: ${e.message}.`,
  never_awaited: (e) => `The coroutine ${e.coro} was made and never awaited: it never began.`,
  report: (e) => `The loop's exception handler is called: ${e.message || ""}${e.error ? ` (${e.error})` : ""}.`,
  output: (e) => `The program prints: ${e.text}`,
};

// Whom a waiting task waits for, as far as its `suspend` says: holders of a lock, or a task.
function waitsOn(model, task, i) {
  if (model.stateAt(task, i) !== "waiting") return [];
  const slice = model.sliceAt(task, i);
  const on = slice && model.events[suspendBefore(model, slice)].on;
  const held = on?.held_by?.length === 1 ? on.held_by : []; // of several any one may let go
  const names = [...held, ...(on?.task !== undefined ? [on.task] : [])];
  return names.map((name) => model.tasks.get(name)).filter(Boolean);
}

// Tasks that wait for each other in a circle, or null.
function deadlock(model, tasks, i) {
  const seen = new Map();
  const visit = (task, path) => {
    if (path.includes(task)) return path.slice(path.indexOf(task));
    if (seen.has(task) || path.length > 100) return null;
    seen.set(task, true);
    for (const other of waitsOn(model, task, i)) {
      const found = visit(other, [...path, task]);
      if (found) return found;
    }
    return null;
  };
  for (const task of tasks) {
    const found = visit(task, []);
    if (found) return found;
  }
  return null;
}

// Why a slice of a lane is what it is: for the pointer that hovers over it.
function sliceReason(model, slice) {
  const event = model.events[slice.cause];
  if (slice.state === "running") {
    const step = model.steps[model.inStep[slice.cause]];
    return step ? capital(reason(model, step.item.add)) : "";
  }
  if (slice.state === "select") return event.why ? capital(event.why) : "";
  if (slice.state === "waiting") {
    const on = slice.task && suspendBefore(model, slice);
    return on ? `For ${waitsFor(model.events[on])}` : "";
  }
  const added = nextAdd(model, slice);
  return added ? capital(reason(model, added)) : "";
}

// The `suspend` with which a waiting slice began, or a little before it.
function suspendBefore(model, slice) {
  for (let k = slice.cause, tries = 0; k > 0 && tries < 40; k--, tries++) {
    const event = model.events[k];
    if (event.kind === "suspend" && event.task === slice.task.name) return k;
  }
  return 0;
}

// The `add` by which the task of a ready slice came into the queue.
function nextAdd(model, slice) {
  const name = slice.task?.name;
  for (let k = slice.from; k <= slice.to && k < slice.from + 40; k++) {
    const event = model.events[k];
    if (event.kind === "add" && event.task === name) return k;
  }
  for (let k = slice.from; k > 0 && k > slice.from - 40; k--) {
    const event = model.events[k];
    if (event.kind === "add" && event.task === name) return k;
  }
  return 0;
}

// The line of the program that a slice is about.
function sliceSource(model, slice) {
  if (slice.state === "running") {
    for (let k = slice.to; k >= slice.from; k--) {
      const event = model.events[k];
      if (event.src && (event.kind === "suspend" || event.kind === "task_done")) return event.src;
    }
    return model.sourceAt(slice.cause);
  }
  const on = slice.state === "waiting" && slice.task ? suspendBefore(model, slice) : 0;
  return model.events[on || slice.cause].src || "";
}

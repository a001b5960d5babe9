// What a recording says, laid out so that the state at any event can be asked for at once.
//
// Events are numbered by their place on the page, from 1; place 0 is before everything.  All that
// lives for a while (an entry in the ready queue, a timer, a registration, a task) is an item with
// a first and a last place, so that stepping back costs what stepping forward costs: nothing is
// replayed, nothing is undone, what lives at place i is looked up.

// Items with a life, and which of them live at a place.
class Spans {
  constructor() {
    this.items = [];
    this.live = new Set();
    this.marks = [{ at: 0, first: 0, live: [] }]; // who lived now and then, so that `at` is short
    this.changes = 0;
  }

  open(item, i) {
    item.from = i;
    item.to = Infinity;
    this.items.push(item);
    this.live.add(item);
    this.changed(i);
  }

  close(item, i) {
    item.to = i;
    this.live.delete(item);
    this.changed(i);
  }

  changed(i) {
    if (++this.changes <= Math.max(256, this.live.size)) return;
    this.changes = 0;
    this.marks.push({ at: i, first: this.items.length, live: [...this.live] });
  }

  // Those that live at place i, in the order in which they came.
  at(i) {
    const mark = this.marks[lastUpTo(this.marks, i, (each) => each.at)];
    const found = mark.live.filter((item) => item.to > i);
    for (let k = mark.first; k < this.items.length && this.items[k].from <= i; k++) {
      if (this.items[k].to > i) found.push(this.items[k]);
    }
    return found;
  }
}

// The index of the last element whose key is at most `value`, or -1.
function lastUpTo(list, value, key) {
  let low = 0,
    high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (key(list[middle]) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

// Whether an entry is a task's step; a callback may be about a task without being its step.
function stepsTask(item) {
  return item.what === "task" && item.task !== undefined;
}

const PHASES = ["timeout", "select", "arrivals", "due", "run"];
const PHASE_OF = {
  iter_begin: 1,
  select_begin: 2,
  select_end: 3,
  timer_due: 4,
  run_phase: 5,
  loop_start: 0,
  loop_stop: 0,
  loop_close: 0,
};

class Model {
  constructor(data) {
    Object.assign(this, { header: data.header, dropped: data.dropped, complete: data.complete });
    this.left = data.left; // events before the first one on the page, when there were too many
    this.sources = data.sources;
    this.findings = data.findings || [];
    this.events = decode(data);
    this.last = this.events.length - 1;
    this.ready = new Spans();
    this.timers = new Spans();
    this.fds = new Spans();
    this.tasks = new Map();
    this.roots = [];
    this.steps = [];
    this.outputs = [];
    this.iterations = []; // places of iter_begin
    this.runPhases = []; // places of run_phase
    this.loopSlices = [];
    this.phase = new Uint8Array(this.last + 1);
    this.inStep = new Int32Array(this.last + 1).fill(-1);
    this.queued = new Int32Array(this.last + 1); // length of the ready queue
    this.entries = new Map();
    this.build();
    this.link();
    this.placeInSteps();
  }

  build() {
    const now = { step: null, phase: 0, timers: new Map(), fds: new Map(), select: 0 };
    for (let i = 1; i <= this.last; i++) {
      const event = this.events[i];
      if (event.kind in PHASE_OF) now.phase = PHASE_OF[event.kind];
      this.phase[i] = now.phase;
      const ends = event.kind === "ran";
      if (now.step) this.inStep[i] = now.step.index;
      const meet = this["on_" + event.kind];
      if (meet) meet.call(this, event, i, now);
      if (now.step) this.inStep[i] = now.step.index;
      if (ends) now.step = null;
      this.queued[i] = this.ready.live.size;
    }
    for (const task of this.tasks.values()) this.endSlice(task, this.last);
  }

  // --- one method for each kind of event that changes the picture -------------------------------

  on_iter_begin(event, i) {
    this.iterations.push(i);
  }
  on_run_phase(event, i) {
    this.runPhases.push(i);
  }
  on_output(event, i) {
    this.outputs.push(i);
  }
  on_select_begin(event, i, now) {
    now.select = i;
  }

  on_select_end(event, i, now) {
    const begin = now.select || i;
    this.loopSlices.push({ from: begin, to: i, state: "select", cause: begin });
  }

  on_add(event, i) {
    const { entry, label, what, why } = event;
    const item = { entry, label, what, why, task: event.task, add: i, run: 0, dropped: 0 };
    this.entries.set(entry, item);
    this.ready.open(item, i);
    const task = stepsTask(item) && this.task(item.task, i);
    if (!task) return;
    task.queued++;
    if (task.state !== "running") this.slice(task, "ready", i);
  }

  on_loop_close(event, i) {
    for (const spans of [this.ready, this.timers, this.fds]) {
      for (const item of [...spans.live]) spans.close(item, i);
    }
  }

  on_drop(event, i) {
    const item = this.entries.get(event.entry);
    if (item) item.dropped = i;
  }

  on_run(event, i, now) {
    const known = this.entries.get(event.entry);
    const item = known || { entry: event.entry, label: `entry ${event.entry}`, add: 0 };
    if (known) this.ready.close(item, i);
    item.run = i;
    const task = stepsTask(item) ? this.task(item.task, i) : null;
    const index = this.steps.length;
    now.step = { index, number: event.step, run: i, ran: i, item, task, source: -1, prev: -1, woke: [] };
    this.steps.push(now.step);
    if (!task) {
      now.step.slice = { from: i, to: i, state: "running", cause: i };
      this.loopSlices.push(now.step.slice);
      return;
    }
    task.queued = Math.max(0, task.queued - 1);
    if (task.lastStep !== undefined) now.step.prev = task.lastStep;
    task.lastStep = index;
    this.slice(task, "running", i);
  }

  on_ran(event, i, now) {
    const step = now.step;
    if (!step) return;
    step.ran = i;
    step.skipped = event.skipped;
    step.took = event.took || 0;
    if (step.slice) step.slice.to = i;
    const task = step.task;
    if (task && task.state === "running") {
      this.slice(task, task.queued ? "ready" : "waiting", i);
    }
  }

  on_task_new(event, i) {
    const task = this.task(event.task, i);
    Object.assign(task, { made: i, coro: event.coro || "", eager: event.eager });
    if (event.parent !== undefined && event.parent !== event.task) {
      const parent = this.task(event.parent, i);
      if (!task.parent) {
        task.parent = parent;
        parent.children.push(task);
        this.roots = this.roots.filter((each) => each !== task);
      }
    }
    this.slice(task, event.eager ? "running" : "ready", i);
  }

  on_suspend(event, i, now) {
    const task = this.task(event.task, i);
    if (now.step && now.step.task === task) now.step.gives = i;
    this.slice(task, task.queued ? "ready" : "waiting", i);
  }

  on_task_done(event, i, now) {
    const task = this.task(event.task, i);
    if (now.step && now.step.task === task) now.step.gives = i;
    this.endSlice(task, i);
    Object.assign(task, { done: i, outcome: event.outcome, state: "done" });
  }

  on_cancel_request(event, i) {
    this.mark(event, i);
  }
  on_cancel_delivered(event, i) {
    this.mark(event, i);
  }
  on_cancel_swallowed(event, i) {
    this.mark(event, i);
  }
  on_exception_stored(event, i) {
    this.mark(event, i);
  }
  on_exception_lost(event, i) {
    this.mark(event, i);
  }

  on_timer_set(event, i, now) {
    const { timer, when, label, task } = event;
    const item = { timer, when, label, task, set: i, due: 0 };
    now.timers.set(timer, item);
    this.timers.open(item, i);
  }

  on_timer_cancel(event, i, now) {
    const item = now.timers.get(event.timer);
    if (item) {
      item.cancelled = i;
      this.timers.close(item, i);
    }
  }

  on_timer_due(event, i, now) {
    const item = now.timers.get(event.timer);
    if (!item) return;
    if (!event.by) event.by = item.set;
    item.due = i;
    this.timers.close(item, i);
  }

  on_fd_add(event, i, now) {
    const key = `${event.fd} ${event.mode}`;
    if (now.fds.has(key)) this.fds.close(now.fds.get(key), i);
    const item = { fd: event.fd, mode: event.mode, label: event.label || "", ready: [], add: i };
    now.fds.set(key, item);
    this.fds.open(item, i);
  }

  on_fd_remove(event, i, now) {
    const key = `${event.fd} ${event.mode}`;
    if (now.fds.has(key)) this.fds.close(now.fds.get(key), i);
    now.fds.delete(key);
  }

  on_fd_ready(event, i, now) {
    const item = now.fds.get(`${event.fd} ${event.mode}`);
    if (!item) return;
    item.ready.push(i);
    if (!event.by) event.by = item.add;
  }

  // --- tasks and their slices -------------------------------------------------------------------

  task(name, i) {
    let task = this.tasks.get(name);
    if (!task) {
      task = {
        name,
        coro: "",
        made: i,
        done: Infinity,
        parent: null,
        children: [],
        slices: [],
        marks: [],
        state: "",
        open: null,
        queued: 0,
      };
      this.tasks.set(name, task);
      this.roots.push(task);
    }
    return task;
  }

  slice(task, state, i) {
    if (task.done <= i || (task.state === state && state !== "waiting")) return;
    this.endSlice(task, i);
    task.open = { task, from: i, to: i, state, cause: i };
    task.state = state;
    task.slices.push(task.open);
  }

  endSlice(task, i) {
    if (task.open) task.open.to = i;
    task.open = null;
  }

  mark(event, i) {
    if (event.task !== undefined) this.task(event.task, i).marks.push(i);
  }

  // --- causes -----------------------------------------------------------------------------------

  link() {
    for (const step of this.steps) {
      step.source = this.stepBehind(step.item.add);
      if (step.source >= 0) this.steps[step.source].woke.push(step.index);
    }
  }

  // The step in which the cause of event i lies, or -1: from outside.
  stepBehind(i) {
    const event = this.events[i];
    if (!i || (event.why === "threadsafe" && !event.by)) return -1;
    for (let k = i; k > 0; k = this.events[k].by < k ? this.events[k].by : 0) {
      if (this.inStep[k] >= 0) return this.inStep[k];
    }
    return -1;
  }

  // What happened before a step for certain, and what after it: along wake-ups, and from one step
  // of a task to its next.  The rest could as well have run in another order.
  relations(index) {
    const relation = new Map([[index, "this"]]);
    const open = [index];
    while (open.length) {
      const { source, prev } = this.steps[open.pop()];
      for (const k of [source, prev]) {
        if (k >= 0 && !relation.has(k)) {
          relation.set(k, "before");
          open.push(k);
        }
      }
    }
    const later = new Set([index]);
    for (let k = index + 1; k < this.steps.length; k++) {
      const { source, prev } = this.steps[k];
      if (later.has(source) || later.has(prev)) {
        later.add(k);
        relation.set(k, "after");
      }
    }
    return relation;
  }

  // --- questions --------------------------------------------------------------------------------

  // The step that runs at place i or was the last to run.
  stepAt(i) {
    return lastUpTo(this.steps, i, (step) => step.run);
  }

  // The place of the event with number n, as the recording counts.
  placeOf(n) {
    return Math.max(
      0,
      lastUpTo(this.events, n, (event) => event.n),
    );
  }

  stepNumbered(number) {
    const index = lastUpTo(this.steps, number, (step) => step.number);
    return index >= 0 ? this.steps[index] : null;
  }

  sliceAt(task, i) {
    const slice = task.slices[lastUpTo(task.slices, i, (each) => each.from)];
    return slice && (slice.to > i || slice.to === this.last) ? slice : null;
  }

  stateAt(task, i) {
    if (i < task.made && i < (task.slices[0]?.from ?? Infinity)) return "unborn";
    if (task.done <= i) return "done";
    return this.sliceAt(task, i)?.state || "waiting";
  }

  // The ready queue at place i: what belongs to this iteration, and what runs in the next.
  queueAt(i) {
    const all = this.ready.at(i);
    if (this.phase[i] !== 5) return { now: all, next: [] };
    const phase = this.runPhases[lastUpTo(this.runPhases, i, (each) => each)];
    const left = this.events[phase].count - (this.stepAt(i) - this.stepAt(phase));
    return { now: all.slice(0, Math.max(0, left)), next: all.slice(Math.max(0, left)) };
  }

  // The line of the program that is meant at place i.
  sourceAt(i) {
    const index = this.inStep[i];
    const begin = index >= 0 ? this.steps[index].run : i;
    for (let k = i; k >= begin; k--) if (this.events[k].src) return this.events[k].src;
    return index >= 0 ? this.resumedAt(this.steps[index]) : "";
  }

  // Where a step goes on: where its task was suspended, or where its entry was made.
  resumedAt(step) {
    const before = step.prev >= 0 ? this.steps[step.prev] : null;
    for (let k = before ? before.ran : 0; before && k >= before.run; k--) {
      if (this.events[k].kind === "suspend") return this.events[k].src;
    }
    return this.events[step.item.add]?.src || "";
  }

  // --- the axis of steps ------------------------------------------------------------------------

  // A step is one unit wide whatever time it took, a wait in the selector somewhat less; between
  // iterations there is a gap.  Nothing is drawn over anything else, even when no time passes.
  placeInSteps() {
    const x = (this.x = new Float64Array(this.last + 2));
    let at = 0,
      selecting = 0;
    for (let i = 1; i <= this.last; i++) {
      const { kind, t } = this.events[i];
      const index = this.inStep[i];
      if (index >= 0) {
        const { run, ran, gives } = this.steps[index]; // it gives way where its bar ends
        if (i === run) x[i] = at;
        else x[i] = x[run] + (ran > run ? Math.min(1, (i - run) / ((gives || ran) - run)) : 0.5);
        if (i === ran && i > run) at = x[run] + 1;
        continue;
      }
      if (kind === "run") at += 1; // it was cut short
      if (kind === "iter_begin") at += 0.3;
      if (kind === "select_begin") selecting = t;
      if (kind === "select_end" && t > selecting) at += 0.8;
      x[i] = at;
    }
    x[this.last + 1] = at + 0.3;
  }

  // Where each event is on an axis.
  positions(axis) {
    if (axis === "steps") return this.x;
    return (this.times ||= Float64Array.from(this.events, (event) => event.t));
  }

  position(i, axis) {
    return this.positions(axis)[i];
  }
  extent(axis) {
    return axis === "time" ? Math.max(1e-6, this.events[this.last].t) : Math.max(1, this.x[this.last + 1]);
  }
}

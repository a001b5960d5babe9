// The panels: what the loop holds at one place of the recording, as elements of the page.
//
// Each function fills one element from (model, place) and keeps nothing in mind.

const $ = (id) => document.getElementById(id);
const MOST_CHIPS = 40,
  MOST_ROWS = 80,
  MOST_LINES = 300;

// An element with attributes, `on...` functions, and children; text stays text.
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
}

// Whether an item came in the step, or the turn of the loop, that place i lies in.
function isNew(model, item, i) {
  const index = model.inStep[i];
  const begin =
    index >= 0 ? model.steps[index].run : model.iterations[lastUpTo(model.iterations, i, (each) => each)] || 0;
  return item.from >= begin && i > begin;
}

function phasePanel(element, model, i) {
  const { phase, events } = model;
  const event = events[i];
  const index = model.inStep[i];
  fill(
    element,
    PHASES.map((name, k) => {
      const here = phase[i] === k + 1;
      let more = "";
      if (here && name === "run" && index >= 0) {
        const begin = model.runPhases[lastUpTo(model.runPhases, i, (each) => each)];
        const total = begin ? events[begin].count : 0;
        more = ` ${Math.max(1, total - (events[model.steps[index].run].of ?? 1) + 1)} of ${total}`;
      }
      return h(
        "li",
        { class: here ? "here" : "", "aria-current": here ? "step" : undefined },
        h("span", { class: "number" }, k + 1),
        `${name}${more}`,
      );
    }),
  );
}

function chip(model, item, i, state, click) {
  const classes = ["chip", state, item.what || "", isNew(model, item, i) && state !== "running" ? "new" : ""];
  if (item.dropped && item.dropped <= i) classes.push("dropped");
  const why = item.add ? capital(reason(model, item.add)) : "";
  return h(
    "button",
    { class: classes.join(" "), type: "button", title: why, onclick: () => click(item) },
    h("span", { class: "sign", "aria-hidden": "true" }, state === "running" ? "▶" : item.what === "task" ? "▷" : "ƒ"),
    entryName(item),
  );
}

// The ready queue: what runs in this iteration, a line that nothing crosses, what runs in the next.
function queuePanel(element, model, i, click) {
  const { now, next } = model.queueAt(i);
  const index = model.inStep[i];
  const running = index >= 0 && i < model.steps[index].ran ? [model.steps[index].item] : [];
  const chips = (items, state) =>
    [
      ...items.slice(0, MOST_CHIPS).map((item) => chip(model, item, i, state, click)),
      items.length > MOST_CHIPS && h("span", { class: "more" }, `… and ${items.length - MOST_CHIPS} more`),
    ].filter(Boolean);
  const zone = (title, name, content) =>
    h(
      "div",
      { class: `zone ${name}` },
      h("h3", {}, title),
      h("div", { class: "chips" }, content.length ? content : h("span", { class: "none" }, "empty")),
    );
  fill(
    element,
    zone(`this iteration: ${now.length} left`, "this", [...chips(running, "running"), ...chips(now, "queued")]),
    h("div", { class: "wall", title: "What is added now waits behind this line for the next iteration." }),
    zone(`next iteration: ${next.length}`, "next", chips(next, "queued")),
  );
}

function timersPanel(element, model, i) {
  const t = model.events[i].t;
  const timers = model.timers.at(i).sort((a, b) => a.when - b.when || a.timer - b.timer);
  const rows = timers.slice(0, MOST_CHIPS).map((timer) => {
    const left = timer.when - t;
    const due = left < -5e-4 ? `late by ${seconds(-left)}` : left <= 0 ? "now" : `in ${seconds(left)}`;
    return h(
      "li",
      { class: [left < -5e-4 ? "late" : "", isNew(model, timer, i) ? "new" : ""].join(" ") },
      h("b", {}, due),
      ` ${timer.label || "callback"}`,
      timer.task !== undefined && !String(timer.label).includes(timer.task) ? ` → ${timer.task}` : "",
    );
  });
  if (timers.length > MOST_CHIPS) rows.push(h("li", {}, `… and ${timers.length - MOST_CHIPS} more`));
  fill(element, rows.length ? rows : h("li", { class: "none" }, "no timer is set"));
}

function selectorPanel(element, model, i) {
  const begin = model.iterations[lastUpTo(model.iterations, i, (each) => each)] || 0;
  const all = model.fds.at(i);
  const rows = all.slice(0, MOST_CHIPS).map((item) => {
    const last = item.ready[lastUpTo(item.ready, i, (each) => each)];
    const ready = last !== undefined && last > begin;
    return h(
      "li",
      { class: [ready ? "arrived" : "", isNew(model, item, i) ? "new" : ""].join(" ") },
      h("b", {}, `${item.fd} ${item.mode.toUpperCase()}`),
      ` ${item.label}`,
      ready ? " — ready" : "",
    );
  });
  if (all.length > MOST_CHIPS) rows.push(h("li", {}, `… and ${all.length - MOST_CHIPS} more`));
  fill(element, rows.length ? rows : h("li", { class: "none" }, "no descriptor is watched"));
}

// The tree of tasks that there are, and what each does; those long done only where children live.
function tasksPanel(element, model, i, click, selected) {
  const begin = model.inStep[i] >= 0 ? model.steps[model.inStep[i]].run : i;
  const rows = [];
  let hidden = 0;
  const alive = (task) => task.made <= i && (task.done >= begin || task.children.some(alive));
  const visit = (task, depth) => {
    if (!alive(task)) return;
    const wanted = task.name === selected || model.stateAt(task, i) === "running";
    if (rows.length < MOST_ROWS || wanted) rows.push(taskRow(model, task, i, depth, click, selected));
    else hidden++;
    for (const child of task.children) visit(child, depth + 1);
  };
  for (const task of model.roots) visit(task, 0);
  const circle = deadlock(
    model,
    [...model.tasks.values()].filter((task) => task.made <= i && task.done > i),
    i,
  );
  if (circle)
    rows.unshift(
      h(
        "li",
        { class: "bad" },
        h("b", { class: "wrong" }, `Deadlock: ${[...circle, circle[0]].map((task) => task.name).join(" waits for ")}`),
      ),
    );
  let over = 0;
  for (const task of model.tasks.values()) if (task.done < begin) over++;
  if (hidden) rows.push(h("li", { class: "none" }, `… and ${hidden} more`));
  if (over) rows.push(h("li", { class: "none" }, `${count(over, "task")} done before`));
  fill(element, rows.length ? rows : h("li", { class: "none" }, "no task yet"));
}

function taskRow(model, task, i, depth, click, selected) {
  const state = model.stateAt(task, i);
  let words = STATE_WORDS[state];
  if (state === "waiting") {
    const slice = model.sliceAt(task, i);
    const at = slice && suspendBefore(model, slice);
    if (at) words = `waits for ${waitsFor(model.events[at])}`;
  }
  if (state === "done") words = { result: "done", cancelled: "cancelled", exception: "failed" }[task.outcome] || "done";
  const trouble = state === "done" && task.outcome !== "result";
  return h(
    "li",
    { style: `--depth:${Math.min(depth, 8)}`, class: `${state}${trouble ? " bad" : ""}` },
    h(
      "button",
      { type: "button", "aria-pressed": String(task.name === selected), onclick: () => click(task) },
      h("span", { class: "sign", "aria-hidden": "true" }, trouble ? "✗" : STATE_SIGNS[state]),
      task.name,
    ),
    h("span", { class: "words" }, words),
  );
}

function outputPanel(element, model, i) {
  const end = lastUpTo(model.outputs, i, (each) => each) + 1;
  const lines = model.outputs.slice(Math.max(0, end - MOST_LINES), end).map((place) => {
    const { text, stream } = model.events[place];
    const fresh = model.inStep[i] >= 0 && model.inStep[place] === model.inStep[i];
    return h("span", { class: `${stream === "err" ? "err" : ""} ${fresh ? "new" : ""}` }, `${text}\n`);
  });
  fill(element, lines.length ? lines : h("span", { class: "none" }, "nothing printed yet"));
  element.scrollTop = element.scrollHeight;
}

// The lines of the program around the one that is meant, if the page holds them.
function sourcePanel(title, element, model, src) {
  title.textContent = src ? `Source ${src}` : "Source";
  const cut = src.lastIndexOf(":");
  const file = src.slice(0, cut),
    line = Number(src.slice(cut + 1));
  const lines = model.sources[file];
  if (!lines) {
    fill(
      element,
      h(
        "span",
        { class: "none" },
        src ? "the text of this file is not on the page" : "the loop itself runs, no line of the program",
      ),
    );
    return;
  }
  const near = [];
  for (let k = line - 5; k <= line + 6; k++) if (lines[k] !== undefined) near.push(k);
  const margins = near.filter((k) => lines[k].trim()).map((k) => lines[k].search(/\S/));
  const margin = Math.min(...margins, 60);
  fill(
    element,
    near.map((k) =>
      h(
        "span",
        { class: k === line ? "here" : "" },
        `${k === line ? "→" : " "}${String(k).padStart(4)}  ${lines[k].slice(margin)}`,
      ),
    ),
  );
}

// A step: what runs, woken by whom, what it does, whom it wakes.
function stepPanel(element, model, step, i, app) {
  const { item, task } = step;
  const jump = (to) =>
    h(
      "button",
      { type: "button", class: "jump", onclick: () => app.jumpTo(to) },
      `step ${to.number} · ${entryName(to.item)}`,
    );
  const source = model.steps[step.source];
  const parts = [
    h(
      "p",
      { class: "headline" },
      h("b", {}, entryName(item)),
      ` runs in step ${step.number}, iteration ${model.events[step.run].it}`,
    ),
    h("h3", {}, "woken by"),
    h("p", {}, source && jump(source), " ", item.add ? capital(reason(model, item.add)) : "unknown", "."),
  ];
  const doings = [];
  for (let k = step.run + 1; k < step.ran && doings.length < 80; k++) {
    const { kind } = model.events[k];
    if (kind === "wake" && model.events[k + 1]?.kind === "add") continue;
    doings.push(
      h(
        "li",
        { class: k > i ? "later" : k === i ? "here" : "" },
        h("button", { type: "button", onclick: () => app.go(k, "jump") }, sentence(model, k)),
      ),
    );
  }
  parts.push(
    h("h3", {}, "in this step"),
    doings.length ? h("ol", { class: "doings" }, doings) : h("p", { class: "none" }, "nothing that the loop can see"),
  );
  if (step.ran > step.run) parts.push(h("p", { class: "took" }, sentence(model, step.ran)));
  parts.push(h("h3", { class: "later-on" }, "woke"));
  const woke = step.woke.slice(0, 40).map((k) => h("li", {}, jump(model.steps[k])));
  if (step.woke.length > 40) woke.push(h("li", {}, `… and ${step.woke.length - 40} more`));
  parts.push(woke.length ? h("ul", { class: "woke later-on" }, woke) : h("p", { class: "none later-on" }, "nobody"));
  if (step.prev >= 0)
    parts.push(h("p", {}, h("span", { class: "quiet" }, `${task.name} ran before in `), jump(model.steps[step.prev])));
  fill(element, parts);
}

// A task: what it is, how its time was spent, what it does at place i.
function taskPanel(element, model, task, i, app) {
  const spent = { running: 0, ready: 0, waiting: 0 };
  let steps = 0;
  for (const slice of task.slices) {
    spent[slice.state] += model.events[slice.to].t - model.events[slice.from].t;
    if (slice.state === "running") steps++;
  }
  const state = model.stateAt(task, i);
  const slice = model.sliceAt(task, i);
  const facts = [
    ["coroutine", task.coro],
    ["made by", task.parent ? task.parent.name : "the program"],
    ["steps", steps],
    ["ran", seconds(spent.running)],
    ["was ready for", seconds(spent.ready)],
    ["waited for", seconds(spent.waiting)],
    [
      "end",
      task.done === Infinity
        ? "not in this recording"
        : { result: "a result", cancelled: "cancelled", exception: "an exception" }[task.outcome],
    ],
  ];
  const parts = [
    h("p", { class: "headline" }, h("b", {}, task.name), ` is ${STATE_WORDS[state]}`),
    slice &&
      state !== "done" &&
      h(
        "p",
        {},
        sliceReason(model, slice),
        sliceReason(model, slice) && ".",
        sliceSource(model, slice) && h("code", {}, ` ${sliceSource(model, slice)}`),
      ),
    h(
      "dl",
      {},
      facts.filter(([, value]) => value !== "").map(([key, value]) => [h("dt", {}, key), h("dd", {}, value)]),
    ),
  ];
  const ran = task.slices.filter((each) => each.state === "running" && each.from <= i).at(-1);
  const inside = document.createElement("div");
  const shown = app.selection.step || (ran && model.steps[model.inStep[ran.cause]]);
  fill(element, ...parts, inside);
  if (shown) stepPanel(inside, model, shown, i, app);
}

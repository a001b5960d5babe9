// The player of one recording: where it stands, what is selected, keys, pointer, address.

const SPEEDS = [0.5, 1, 2, 4, 8, 16, 64, 256]; // steps a second

class Player {
  constructor(model) {
    this.model = model;
    this.place = 0;
    this.axis = "steps";
    this.selection = { task: null, step: null }; // objects of the model
    this.relation = null;
    this.relating = false;
    this.speed = 2;
    this.playing = false;
    this.past = [];
    this.search = { text: "", found: [], at: -1 };
    this.predict = new Predict(this);
    this.lanes = new Lanes(this, $("lanes"), $("lanes-scroll"), $("lanes-spacer"));
    this.minimap = new Minimap(this, $("minimap"));
    this.sayWhatItIs();
    this.showFindings();
    this.makeControls();
    this.listen();
    this.resize();
    this.fit(true);
    this.fromAddress();
  }

  // --- where it stands --------------------------------------------------------------------------

  // Go to place i; `how` groups moves for undo: a walk of steps is undone as one.
  go(i, how = "walk") {
    i = Math.max(0, Math.min(this.model.last, i));
    this.remember(how);
    this.place = i;
    this.keepInSight();
    this.refresh();
  }

  focusStep() {
    if (this.selection.step) return this.selection.step;
    return this.model.steps[this.model.stepAt(this.place)] || null;
  }

  selectedTask() {
    return this.selection.task?.name ?? this.selection.step?.task?.name ?? null;
  }

  nextStep() {
    const step = this.model.steps[this.model.stepAt(this.place) + 1];
    if (this.predict.on && step) return this.predict.ask(step);
    this.go(step ? step.run : this.model.last);
  }

  previousStep() {
    const step = this.model.steps[lastUpTo(this.model.steps, this.place - 1, (each) => each.run)];
    this.go(step ? step.run : 0);
  }

  iteration(by) {
    const { iterations } = this.model;
    const k = by > 0 ? lastUpTo(iterations, this.place, (i) => i) + 1 : lastUpTo(iterations, this.place - 1, (i) => i);
    this.go(iterations[k] ?? (by > 0 ? this.model.last : 0));
  }

  jumpTo(step) {
    this.remember("jump");
    this.selection = { task: null, step: null };
    this.place = step.run;
    this.keepInSight(true);
    this.refresh();
  }

  select(task, step = null) {
    this.remember("select");
    this.selection = { task, step };
    if (task) this.showRow(task);
    this.refresh();
  }

  // The steps of the lane that is selected, one after another.
  neighbour(by) {
    const focus = this.focusStep();
    const task = this.selection.task || focus?.task;
    if (!task) return by > 0 ? this.nextStep() : this.previousStep();
    const mine = task.slices.filter((slice) => slice.state === "running");
    const k =
      by > 0
        ? lastUpTo(mine, this.place, (slice) => slice.from) + 1
        : lastUpTo(mine, this.place - 1, (slice) => slice.from);
    if (mine[k]) {
      this.selection = { task, step: null };
      this.go(mine[k].from, "jump");
    }
  }

  lane(by) {
    const tasks = this.lanes.rows.filter((row) => row.task).map((row) => row.task);
    const k = tasks.indexOf(this.selection.task || this.focusStep()?.task);
    const task = tasks[Math.max(0, Math.min(tasks.length - 1, k + by))];
    if (task) this.select(task);
  }

  // --- undo -------------------------------------------------------------------------------------

  remember(how) {
    const now = performance.now();
    const last = this.past.at(-1);
    const same = last && last.how === how && ["walk", "zoom", "seek"].includes(how) && now - last.when < 1500;
    if (same) {
      last.when = now;
      return;
    }
    this.past.push({
      how,
      when: now,
      place: this.place,
      selection: this.selection,
      view: { ...this.lanes.view },
      axis: this.axis,
    });
    if (this.past.length > 200) this.past.shift();
  }

  undo() {
    const before = this.past.pop();
    if (!before) return;
    this.axis = before.axis;
    this.place = before.place;
    this.selection = before.selection;
    this.lanes.view = before.view;
    this.refresh();
  }

  // --- the window on the lanes ------------------------------------------------------------------

  zoom(factor, px = null) {
    this.remember("zoom");
    const { view } = this.lanes;
    const all = this.model.extent(this.axis);
    const middle =
      px === null ? (this.inSight() ? this.lanes.at(this.place) : (view.from + view.to) / 2) : this.lanes.unpx(px);
    const least = this.axis === "steps" ? 2 : all / 1e7;
    const wide = Math.max(least, Math.min(all * 1.02, (view.to - view.from) * factor));
    const share = (middle - view.from) / (view.to - view.from);
    this.look(middle - share * wide, middle + (1 - share) * wide);
  }

  pan(share) {
    this.remember("zoom");
    const { view } = this.lanes;
    const by = (view.to - view.from) * share;
    this.look(view.from + by, view.to + by);
  }

  look(from, to) {
    const all = this.model.extent(this.axis),
      wide = to - from;
    from = Math.max(-wide * 0.02, Math.min(from, Math.max(0, all - wide * 0.98)));
    this.lanes.view = { from, to: from + wide };
    this.draw();
  }

  // Show what is selected, or else everything; at first no more than can be read.
  fit(first = false) {
    if (!first) this.remember("jump");
    const all = this.model.extent(this.axis);
    const task = !first && this.selection.task;
    if (task && !this.fitted) {
      const from = this.lanes.at(Math.max(1, task.made));
      const to = this.lanes.at(Math.min(this.model.last, task.done));
      this.look(from - (to - from) * 0.05, to + (to - from) * 0.05 + 1e-6);
      this.fitted = true;
      return;
    }
    this.fitted = false;
    const readable = Math.max(8, (this.lanes.width - this.lanes.labels) / 22);
    this.look(0, first && this.axis === "steps" && all > readable * 1.5 ? readable : all);
  }

  inSight() {
    const { view } = this.lanes,
      x = this.place ? this.lanes.at(this.place) : 0;
    return x >= view.from && x <= view.to;
  }

  keepInSight(centre = false) {
    const { view } = this.lanes,
      x = this.place ? this.lanes.at(this.place) : 0;
    const wide = view.to - view.from;
    if (x < view.from || x > view.from + wide * 0.9) {
      const at = x - wide * (centre ? 0.5 : 0.25);
      this.look(at, at + wide);
    }
    const task = this.model.steps[this.model.stepAt(this.place)]?.task;
    if (task) this.showRow(task);
  }

  showRow(task) {
    this.lanes.follow();
    const k = this.lanes.rowFor(task);
    const { scroller } = this.lanes;
    if (k < 1) return;
    const y = (k - 1) * this.lanes.tall;
    if (y < scroller.scrollTop) scroller.scrollTop = y;
    const room = scroller.clientHeight - HEAD - 2 * this.lanes.tall;
    if (y > scroller.scrollTop + room) scroller.scrollTop = y - room;
  }

  swapAxis() {
    this.remember("jump");
    const { view } = this.lanes;
    const i = this.inSight() && this.place ? this.place : this.lanes.placeAt((view.from + view.to) / 2);
    const from = this.lanes.placeAt(view.from),
      to = this.lanes.placeAt(view.to);
    this.axis = this.axis === "steps" ? "time" : "steps";
    const low = this.lanes.at(from),
      high = this.lanes.at(to);
    const wide = Math.max(high - low, this.model.extent(this.axis) / 1e6);
    this.look(low, low + wide);
    if (!this.inSight()) this.look(this.lanes.at(i) - wide / 2, this.lanes.at(i) + wide / 2);
    this.refresh();
  }

  // --- play, search, help, theme ----------------------------------------------------------------

  play(on = !this.playing) {
    this.playing = on;
    clearTimeout(this.timer);
    this.buttons.play.textContent = on ? "❚❚" : "▶";
    this.buttons.play.setAttribute("aria-label", on ? "Pause" : "Play");
    if (!on) return;
    if (this.place >= this.model.last) this.go(0);
    const beat = () => {
      const at = this.model.stepAt(this.place),
        many = Math.max(1, Math.round(this.speed / 30));
      const step = this.model.steps[at + many];
      this.go(step ? step.run : this.model.last);
      if (!step) return this.play(false);
      this.timer = setTimeout(beat, Math.max(33, 1000 / this.speed));
    };
    this.timer = setTimeout(beat, 1000 / this.speed);
  }

  find(text, by = 1) {
    const { search, model } = this;
    const wanted = text.trim().toLowerCase();
    if (wanted !== search.text) {
      const found = [];
      for (let i = 1; wanted && i <= model.last; i++) {
        if (haystack(model, i).includes(wanted)) found.push(i);
      }
      this.search = {
        text: wanted,
        found,
        at: lastUpTo(found, this.place - (by > 0 ? 1 : 0), (i) => i) + (by > 0 ? 0 : 1),
      };
    }
    const { found } = this.search;
    if (found.length) {
      this.search.at = (this.search.at + by + found.length) % found.length;
      this.selection = { task: null, step: null };
      this.go(found[this.search.at], "jump");
    }
    $("matches").textContent = wanted
      ? found.length
        ? `${this.search.at + 1} of ${found.length}`
        : "nothing found"
      : "";
  }

  relate(on = !this.relating) {
    this.relating = on;
    this.refresh();
  }

  swapTheme() {
    const dark = getComputedStyle(document.documentElement).getPropertyValue("--dark").trim() === "1";
    const theme = dark ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem("miniloop-theme", theme);
    } catch {
      /* it holds for this page */
    }
    this.recolor();
  }

  recolor() {
    this.lanes.readColors();
    this.refresh();
  }

  escape() {
    if (this.predict.open) return this.predict.leave();
    this.play(false);
    this.relating = false;
    this.search = { text: "", found: [], at: -1 };
    $("matches").textContent = "";
    this.selection = { task: null, step: null };
    this.refresh();
  }

  // --- the page ---------------------------------------------------------------------------------

  resize() {
    this.lanes.resize();
    this.minimap.resize();
    const task = this.selection.task || this.focusStep()?.task;
    if (task) this.showRow(task);
    this.draw();
  }

  refresh() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => this.refreshNow());
  }

  refreshNow() {
    this.pending = false;
    const { model, place } = this;
    const focus = this.focusStep();
    this.relation = this.relating && focus ? model.relations(focus.index) : null;
    const event = model.events[place];
    const steps = model.steps.length ? model.steps.at(-1).number : 0;
    const its = model.events[model.iterations.at(-1) || 0].it;
    $("where").replaceChildren(
      h("span", {}, `iteration ${event.it}/${its}`),
      h("span", {}, `step ${event.step}/${steps}`),
      h("span", {}, `t = ${event.t.toFixed(6).replace(/0{1,4}$/, "")} s`),
    );
    phasePanel($("phases"), model, place);
    $("sentence").textContent = sentence(model, place);
    const click = (item) =>
      item.task !== undefined && model.tasks.has(item.task) && this.select(model.tasks.get(item.task));
    queuePanel($("queue-body"), model, place, click);
    timersPanel($("timers-body"), model, place);
    selectorPanel($("selector-body"), model, place);
    tasksPanel($("tasks-body"), model, place, (task) => this.select(task), this.selectedTask());
    sourcePanel($("source-title"), $("source-body"), model, model.sourceAt(place));
    outputPanel($("output-body"), model, place);
    this.refreshChosen(focus);
    this.refreshTools();
    this.toAddress();
    this.drawNow();
  }

  refreshChosen(focus) {
    const { task, step } = this.selection;
    $("chosen-title").textContent = task ? `Task ${task.name}` : step ? "Selected step" : "This step";
    const body = $("chosen-body");
    if (task) taskPanel(body, this.model, task, this.place, this);
    else if (focus && (step || this.model.inStep[this.place] >= 0))
      stepPanel(body, this.model, focus, this.place, this);
    else
      fill(
        body,
        h("p", { class: "none" }, sentence(this.model, this.place)),
        focus &&
          h(
            "p",
            {},
            h(
              "button",
              { type: "button", class: "jump", onclick: () => this.jumpTo(focus) },
              `the last step was ${focus.number} · ${entryName(focus.item)}`,
            ),
          ),
      );
  }

  draw() {
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => this.drawNow());
  }

  drawNow() {
    this.drawing = false;
    this.lanes.draw();
    this.minimap.draw();
  }

  // --- the address ------------------------------------------------------------------------------

  toAddress() {
    const { model, place, selection } = this;
    const step = model.steps[model.stepAt(place)];
    const parts = step && step.run === place ? [`step=${step.number}`] : [`event=${model.events[place].n}`];
    if (selection.task) parts.push(`sel=task:${encodeURIComponent(selection.task.name)}`);
    else if (selection.step) parts.push(`sel=step:${selection.step.number}`);
    if (this.axis === "time") parts.push("axis=time");
    const hash = "#" + parts.join("&");
    if (hash === this.address) return;
    this.address = hash;
    try {
      history.replaceState(null, "", hash);
    } catch {
      /* too many in a short time: the next one will do */
    }
  }

  fromAddress() {
    const { model } = this;
    const wanted = new URLSearchParams(location.hash.slice(1));
    if (wanted.get("axis") === "time" && this.axis !== "time") this.swapAxis();
    const [kind, ...rest] = (wanted.get("sel") || "").split(":");
    const name = rest.join(":");
    this.selection = {
      task: kind === "task" ? model.tasks.get(name) || null : null,
      step: kind === "step" ? model.stepNumbered(Number(name)) : null,
    };
    const step = wanted.has("step") && model.stepNumbered(Number(wanted.get("step")));
    if (step) this.place = step.run;
    else if (wanted.has("event")) this.place = model.placeOf(Number(wanted.get("event")));
    else this.place = model.steps[0]?.run || model.last;
    this.keepInSight(true);
    this.refreshNow();
  }
}

// What a search looks through.
function haystack(model, i) {
  const event = model.events[i];
  return (event.search ||= `${sentence(model, i)} ${event.src} ${event.task ?? ""} ${event.label ?? ""}`.toLowerCase());
}

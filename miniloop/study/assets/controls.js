// Everything that can be pressed: buttons, keys, the pointer on the lanes, the legend, the help.

const KEYS = [
  ["n or →", "next step"],
  ["b or ←", "step back"],
  ["i / I", "next iteration / back"],
  ["e / E", "next event / back"],
  ["Home / End", "first / last event"],
  ["Space", "play, pause"],
  ["+ / -", "faster / slower"],
  [", / .", "step of this lane before / after"],
  ["j / k", "lane below / above"],
  ["W / S", "zoom in / out"],
  ["A / D", "window left / right"],
  ["F", "fit the selection, again: everything"],
  ["wheel", "zoom where the pointer is"],
  ["drag", "move the window"],
  ["X", "axis: steps or time"],
  ["R", "what is before, after, concurrent"],
  ["P", "predict who runs next"],
  ["1 … 9", "answer"],
  ["/", "search; Enter for the next, Shift+Enter for the one before"],
  ["C", "collapse or open the selected lane"],
  ["T", "light or dark"],
  ["Ctrl+Z", "undo navigation"],
  ["Esc", "clear the selection"],
  ["?", "this list"],
];

Object.assign(Player.prototype, {
  sayWhatItIs() {
    const { header } = this.model;
    const facts = [
      header.program !== document.title && header.program,
      header.names && header.loop && `${header.names}'s names on ${header.loop}'s loop`,
      header.python && `Python ${header.python}`,
      header.clock === "virtual" && "virtual time",
      header.unseen?.length && `${count(header.unseen.length, "thing")} cannot be seen here`,
    ];
    $("about").textContent = facts.filter(Boolean).join(" · ");
    const { dropped, complete } = this.model;
    this.unseen = (header.unseen || []).map((each) => `Cannot be seen here: ${each}.`);
    $("about").title = this.unseen.join("\n");
    const said = [];
    if (!complete) said.push("The program was cut short: the recording has no end.");
    if (dropped) said.push(`${count(dropped, "event")} at the end are missing: there were too many.`);
    if (this.model.left)
      said.push(`Only the last ${this.model.last} events of ${this.model.last + this.model.left} are on this page.`);
    $("banner").hidden = !said.length;
    $("banner").textContent = said.join(" ");
  },

  // What the lints found, each a jump to the event that it is about.
  showFindings() {
    const { findings } = this.model;
    const box = $("findings");
    box.hidden = !findings.length;
    box.open = findings.length <= 2; // a few say at once what the recording is about
    box.querySelector("summary").textContent =
      `${count(findings.length, "finding")}: ${[...new Set(findings.map((each) => each.kind))].join(", ")}`;
    fill(
      box.querySelector("ul"),
      findings
        .slice(0, MOST_LINES)
        .map((each) =>
          h(
            "li",
            {},
            h(
              "button",
              { type: "button", class: "jump", onclick: () => this.go(this.model.placeOf(each.n), "jump") },
              each.sentence,
            ),
            each.src && h("code", {}, ` ${each.src}`),
          ),
        ),
    );
  },

  makeControls() {
    const button = (sign, label, act, extra = {}) =>
      h("button", { type: "button", "aria-label": label, title: label, onclick: act, ...extra }, sign);
    this.buttons = {
      first: button("|«", "To the beginning (Home)", () => this.go(0, "jump")),
      iterationBack: button("«", "Iteration back (I)", () => this.iteration(-1)),
      back: button("‹", "Step back (b or ←)", () => this.previousStep()),
      play: button("▶", "Play", () => this.play()),
      next: button("›", "Next step (n or →)", () => this.nextStep()),
      iteration: button("»", "Next iteration (i)", () => this.iteration(1)),
      event: button("·›", "Next event (e)", () => this.go(this.place + 1)),
    };
    this.speeds = h(
      "select",
      {
        "aria-label": "Speed",
        onchange: (event) => {
          this.speed = Number(event.target.value);
        },
      },
      SPEEDS.map((speed) => h("option", { value: speed, selected: speed === this.speed }, `${speed}/s`)),
    );
    const toggles = (this.toggles = {
      predict: button("predict", "Predict who runs next (P)", () => this.predict.toggle(), { class: "word" }),
      axis: button("steps", "Axis: steps or time (X)", () => this.swapAxis(), { class: "word" }),
      relate: button("before / after", "Colour what is before, after and concurrent (R)", () => this.relate(), {
        class: "word",
      }),
      theme: button("◐", "Light or dark (T)", () => this.swapTheme()),
      help: button("?", "Keys (?)", () => this.help()),
    });
    const { first, iterationBack, back, play, next, iteration, event } = this.buttons;
    fill(
      $("controls"),
      h("span", { class: "group" }, first, iterationBack, back, play, next, iteration, event),
      this.speeds,
    );
    fill($("extras"), toggles.predict, toggles.theme, toggles.help);
    this.box = h("input", { type: "search", id: "search", placeholder: "search  /", "aria-label": "Search events" });
    this.filterBox = h("input", {
      type: "search",
      id: "filter",
      placeholder: "only lanes with …",
      "aria-label": "Show only lanes with",
    });
    fill(
      $("tools"),
      toggles.axis,
      toggles.relate,
      button("fit", "Fit (F)", () => this.fit(), { class: "word" }),
      h(
        "label",
        { title: "Only lanes of tasks that live within the window", hidden: this.model.tasks.size <= MANY },
        h("input", {
          type: "checkbox",
          id: "alive",
          "aria-label": "Only lanes of tasks that live within the window",
          checked: this.lanes.alive,
          onchange: (event) => this.onlyAlive(event.target.checked),
        }),
        " alive here",
      ),
      this.filterBox,
      this.box,
      h("output", { id: "matches" }),
    );
    fill(
      $("help"),
      h("h2", {}, "Keys"),
      h(
        "dl",
        {},
        KEYS.map(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)]),
      ),
      h("p", {}, "Click a bar to select its step, twice to go there. The address holds the step: send it to somebody."),
      this.unseen.map((each) => h("p", { class: "quiet" }, each)),
      h("button", { type: "button", onclick: () => $("help").close() }, "close"),
    );
  },

  refreshTools() {
    const { axis, predict, relate } = this.toggles;
    axis.textContent = this.axis === "steps" ? "axis: steps" : "axis: time";
    predict.setAttribute("aria-pressed", String(this.predict.on));
    relate.setAttribute("aria-pressed", String(this.relating));
    const legend = this.relating
      ? [
          ["before", "before"],
          ["this", "this"],
          ["after", "after"],
          ["concurrent", "concurrent: could as well have been in another order"],
        ]
      : [
          ["running", "running"],
          ["ready", "ready"],
          ["waiting", "waiting"],
          ["select", "loop in the selector"],
        ];
    fill(
      $("legend"),
      legend.map(([name, text]) => h("span", {}, h("i", { class: `swatch ${name}` }), text)),
    );
  },

  help() {
    const dialog = $("help");
    if (dialog.open) dialog.close();
    else dialog.showModal();
  },

  collapse(task = this.selection.task || this.focusStep()?.task) {
    if (!task?.children.length) return;
    const { collapsed } = this.lanes;
    if (!collapsed.delete(task)) collapsed.add(task);
    this.lanes.arrange();
    this.refresh();
  },

  faster(by) {
    const k = SPEEDS.indexOf(this.speed) + by;
    this.speed = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, k))];
    this.speeds.value = String(this.speed);
  },

  listen() {
    addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.resize()).observe($("lanes-scroll"));
    addEventListener("hashchange", () => {
      if (location.hash !== this.address) this.fromAddress();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolor());
    this.box.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.find(this.box.value, event.shiftKey ? -1 : 1);
      if (event.key === "Escape") {
        this.box.value = "";
        this.box.blur();
        this.escape();
      }
      event.stopPropagation();
    });
    this.filterBox.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        this.filterBox.value = "";
        this.filterBox.dispatchEvent(new Event("input"));
        this.filterBox.blur();
      }
      event.stopPropagation();
    });
    this.filterBox.addEventListener("input", () => {
      this.lanes.filter = this.filterBox.value.trim().toLowerCase();
      this.lanes.arrange();
      this.draw();
    });
    this.listenToLanes();
    this.listenToMinimap();
  },

  onlyAlive(alive) {
    Object.assign(this.lanes, { alive, sight: null });
    this.lanes.arrange();
    this.lanes.follow();
    this.draw();
  },

  key(event) {
    if (event.ctrlKey || event.metaKey) {
      if (event.key === "z") {
        this.undo();
        event.preventDefault();
      }
      return;
    }
    if (event.altKey || event.target.matches?.("select, input") || ($("help").open && event.key !== "?")) return;
    if (event.key === " " && event.target.matches?.("button")) return; // it presses the button
    if (this.predict.open && /^[1-9]$/.test(event.key)) {
      this.predict.answer(Number(event.key) - 1);
      return;
    }
    const act =
      this.actions()[event.key.length === 1 && !/[ieIE]/.test(event.key) ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    $("tip").hidden = true;
    act();
  },

  actions() {
    return (this.known ||= {
      n: () => this.nextStep(),
      ArrowRight: () => this.nextStep(),
      b: () => this.previousStep(),
      ArrowLeft: () => this.previousStep(),
      i: () => this.iteration(1),
      I: () => this.iteration(-1),
      PageDown: () => this.iteration(1),
      PageUp: () => this.iteration(-1),
      e: () => this.go(this.place + 1),
      E: () => this.go(this.place - 1),
      Home: () => this.go(0, "jump"),
      End: () => this.go(this.model.last, "jump"),
      " ": () => this.play(),
      "+": () => this.faster(1),
      "=": () => this.faster(1),
      "-": () => this.faster(-1),
      ",": () => this.neighbour(-1),
      ".": () => this.neighbour(1),
      j: () => this.lane(1),
      k: () => this.lane(-1),
      ArrowDown: () => this.lane(1),
      ArrowUp: () => this.lane(-1),
      w: () => this.zoom(0.7),
      s: () => this.zoom(1 / 0.7),
      a: () => this.pan(-0.2),
      d: () => this.pan(0.2),
      f: () => this.fit(),
      x: () => this.swapAxis(),
      r: () => this.relate(),
      p: () => this.predict.toggle(),
      t: () => this.swapTheme(),
      c: () => this.collapse(),
      "/": () => {
        this.box.focus();
        this.box.select();
      },
      "?": () => this.help(),
      Escape: () => this.escape(),
    });
  },

  listenToLanes() {
    const { canvas, scroller } = this.lanes;
    scroller.addEventListener("scroll", () => this.draw());
    canvas.addEventListener(
      "wheel",
      (event) => {
        if (event.offsetX < this.lanes.labels || event.shiftKey) return; // the rows scroll
        event.preventDefault();
        if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.pan(event.deltaX / 800);
        else this.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 400))), event.offsetX);
      },
      { passive: false },
    );
    const fingers = new Map();
    let moved = 0;
    canvas.addEventListener("pointerdown", (event) => {
      fingers.set(event.pointerId, event.clientX);
      canvas.setPointerCapture(event.pointerId);
      moved = 0;
      $("tip").hidden = true;
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!fingers.has(event.pointerId)) {
        this.hover(event);
        return;
      }
      const before = [...fingers.values()];
      const by = event.clientX - fingers.get(event.pointerId);
      fingers.set(event.pointerId, event.clientX);
      const after = [...fingers.values()];
      moved += Math.abs(by);
      if (fingers.size === 2)
        this.zoom(
          Math.abs(before[0] - before[1]) / Math.max(8, Math.abs(after[0] - after[1])),
          (after[0] + after[1]) / 2 - canvas.getBoundingClientRect().left,
        );
      else if (moved > 3) this.pan(-by / (this.lanes.width - this.lanes.labels));
    });
    const lift = (event) => {
      fingers.delete(event.pointerId);
    };
    canvas.addEventListener("pointerup", (event) => {
      lift(event);
      if (moved <= 3) this.clickAt(event);
    });
    canvas.addEventListener("pointercancel", lift);
    canvas.addEventListener("pointerleave", () => {
      $("tip").hidden = true;
    });
    canvas.addEventListener("dblclick", (event) => {
      const { slice, place } = this.lanes.hit(event.offsetX, event.offsetY);
      if (slice) this.go(slice.state === "running" ? slice.from : place, "jump");
    });
  },

  clickAt(event) {
    const { row, label, slice, place } = this.lanes.hit(event.offsetX, event.offsetY);
    if (!row) {
      if (place) this.go(place, "seek");
      return;
    }
    if (label && row.task && event.offsetX < labelIndent(row) + 2 && row.task.children.length) {
      this.collapse(row.task);
      return;
    }
    const index = slice && slice.state === "running" ? this.model.inStep[slice.cause] : -1;
    const step = index >= 0 ? this.model.steps[index] : null;
    if (step) this.select(null, step);
    else this.select(row.task || null);
  },

  hover(event) {
    const { slice } = this.lanes.hit(event.offsetX, event.offsetY);
    const tip = $("tip");
    tip.hidden = !slice;
    if (!slice) return;
    const { model } = this;
    const long = model.events[slice.to].t - model.events[slice.from].t;
    const source = sliceSource(model, slice);
    const index = model.inStep[slice.cause];
    const who = slice.task ? slice.task.name : index >= 0 ? entryName(model.steps[index].item) : "the loop";
    fill(
      tip,
      h("b", {}, `${who} ${STATE_SIGNS[slice.state]} ${STATE_WORDS[slice.state]}`),
      h("span", {}, ` for ${seconds(long)}`),
      h("div", {}, sliceReason(model, slice)),
      source && h("code", {}, source),
    );
    const { innerWidth, innerHeight } = window;
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${Math.max(4, event.clientY + 16 + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 10 : event.clientY + 16)}px`;
  },

  listenToMinimap() {
    const { canvas } = this.minimap;
    let held = false;
    const move = (event) => {
      const { view } = this.lanes,
        wide = view.to - view.from;
      const x = (event.offsetX / this.minimap.width) * this.model.extent(this.axis);
      this.look(x - wide / 2, x + wide / 2);
    };
    canvas.addEventListener("pointerdown", (event) => {
      this.remember("jump");
      held = true;
      canvas.setPointerCapture(event.pointerId);
      move(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (held) move(event);
    });
    canvas.addEventListener("pointerup", () => {
      held = false;
    });
  },
});

// Two recordings on one page: the steps of both in the same columns, lane under lane, what is alike
// folded, and where they part the pick that was made, with the others that were ready as ghosts.

const AROUND = 4; // steps that stay on either side of a difference
const SIDES = ["left", "right"];
const FOLD = 64,
  GAP = 26; // pixels: of a folded stretch; above each set of lanes

class Compare {
  constructor(data) {
    this.heads = data.heads;
    this.models = { left: new Model(data.left), right: new Model(data.right) };
    this.blocks = data.alignment;
    this.places = data.places; // which of all steps those are that count
    this.only = Object.fromEntries(
      SIDES.map((side) => [side, new Set(data.only[side].map((k) => this.places[side][k]))]),
    );
    this.unfolded = new Set();
    this.wide = 30;
    this.again = data.again; // [step of the right run, or 0 for any, what else could be, the command]
    this.at = 0;
    this.relating = false;
    this.canvas = $("pair");
    this.scroller = $("pair-scroll");
    this.selection = { task: null, step: null };
    this.arrange();
    this.widen();
    this.boards();
    this.makeControls();
    this.listen();
    $("story").textContent = [data.sentence, this.story()].filter(Boolean).join(" ");
    $("about").textContent = SIDES.map(
      (side, k) => `${this.heads[k]}: ${count(this.places[side].length, "step")}`,
    ).join(" · ");
    this.at = Math.max(0, this.firstDifference());
    this.fromAddress();
  }

  // --- columns and rows -------------------------------------------------------------------------

  // A column has a step of either run or of both; a folded one stands for many that are alike.
  arrange() {
    this.columns = [];
    const of = (side, k) => this.models[side].steps[this.places[side][k]] ?? null;
    this.blocks.forEach(([kind, a, b, c, d], number) => {
      const length = Math.max(b - a, d - c);
      const before = number === 0 ? 0 : AROUND,
        after = number === this.blocks.length - 1 ? 0 : AROUND;
      const hidden = length - before - after;
      const folds = kind === "equal" && hidden > 2 && !this.unfolded.has(number);
      for (let k = 0; k < length; k++) {
        if (folds && k >= before && k < length - after) {
          this.columns.push({
            kind: "fold",
            number,
            hidden,
            left: of("left", a + k),
            right: of("right", c + k),
            from: { left: a + k, right: c + k },
          });
          k += hidden - 1;
          continue;
        }
        this.columns.push({
          kind,
          number,
          left: a + k < b ? of("left", a + k) : null,
          right: c + k < d ? of("right", c + k) : null,
          from: { left: a + k, right: c + k },
        });
      }
    });
    this.place();
    this.findPicks();
    this.findRows();
  }

  place() {
    let x = 0;
    this.columnOf = { left: new Map(), right: new Map() };
    this.columns.forEach((column, k) => {
      column.x = x;
      column.wide = column.kind === "fold" ? FOLD : this.wide;
      x += column.wide;
      for (const side of SIDES) {
        for (let m = 0; column[side] && m < (column.hidden || 1); m++)
          this.columnOf[side].set(this.places[side][column.from[side] + m], k);
      }
    });
    this.total = x;
  }

  // Where the runs part for the first time, and wherever the queue was not served in its order.
  findPicks() {
    const first = this.firstDifference();
    this.columns.forEach((column, k) => {
      column.loud =
        k === first ||
        SIDES.some(
          (side) => column.kind !== "fold" && column[side] && this.models[side].events[column[side].run].pick > 0,
        );
      column.ghosts = {};
      for (const side of SIDES) {
        if (!column.loud || !column[side]) continue;
        const model = this.models[side],
          { run, item } = column[side];
        column.ghosts[side] = model.queueAt(run - 1).now.filter((each) => each !== item && each.entry !== item.entry);
      }
    });
  }

  firstDifference() {
    return this.columns.findIndex((column) => column.kind !== "equal" && column.kind !== "fold");
  }

  // The lanes that have anything to show, in the order in which the tasks were made.
  findRows() {
    const shown = new Set();
    for (const column of this.columns) {
      for (const side of SIDES) {
        if (column[side] && column.kind !== "fold") shown.add(laneName(column[side].item));
        for (const item of column.ghosts[side] || []) shown.add(laneName(item));
      }
    }
    const all = [null, ...new Set(SIDES.flatMap((side) => [...this.models[side].tasks.keys()]))];
    this.rows = all.filter((name) => shown.has(name));
    this.rowOf = new Map(this.rows.map((name, k) => [name, k]));
    this.hidden = all.length - this.rows.length;
  }

  story() {
    const column = this.columns[this.firstDifference()];
    if (!column) return "The two runs took the same steps in the same order.";
    const { left, right } = column;
    const alike = left ? column.from.left : column.from.right;
    const ran = (side, step) => {
      if (!step) return "did nothing in its place";
      const others = (column.ghosts[side] || []).map(entryName);
      const { pick } = this.models[side].events[step.run];
      const from = pick ? `, number ${pick + 1} in the queue` : "";
      return `ran ${entryName(step.item)}${from}${others.length ? ` (ready as well: ${others.join(", ")})` : ""}`;
    };
    if (left && right && entryName(left.item) === entryName(right.item)) {
      const [one, other] = SIDES.map((side) => this.doing(side, column[side]));
      return `The runs agree for ${count(alike, "step")}. Then both ran ${entryName(left.item)}, which did not do the same. ${capital(this.heads[0])}: ${one} ${capital(this.heads[1])}: ${other}`;
    }
    return `The runs agree for ${count(alike, "step")}. Then “${this.heads[0]}” ${ran("left", left)}, and “${this.heads[1]}” ${ran("right", right)}.`;
  }

  // The column of a step; for one that does not count, of the step that led to it.
  columnNear(side, step) {
    for (let each = step; each; each = this.models[side].steps[each.source]) {
      const k = this.columnOf[side].get(each.index);
      if (k !== undefined) return k;
    }
  }

  // What a step ends with, in words.
  doing(side, step) {
    const model = this.models[side];
    return sentence(model, step.gives || step.ran);
  }

  // Two runs are as good as each other, unless they are called otherwise.
  headColor(number) {
    const known = { passing: "effect", failing: "bad", "plain order": "effect", "this schedule": "bad" };
    return known[this.heads[number]] || "accent";
  }

  get setHeight() {
    return GAP + this.rows.length * ROW;
  }

  // --- below: what either loop held at the chosen column ----------------------------------------

  boards() {
    fill(
      $("boards"),
      SIDES.map((side, k) =>
        h(
          "section",
          { class: "board", "aria-label": this.heads[k] },
          h("h2", { class: { bad: "wrong", effect: "right" }[this.headColor(k)] }, this.heads[k]),
          h("p", { id: `${side}-where` }),
          h(
            "div",
            { class: "card" },
            h("h2", {}, "Ready queue"),
            h("div", { id: `${side}-queue`, class: "queue-body" }),
          ),
          h("div", { class: "card" }, h("div", { id: `${side}-step` })),
          h(
            "div",
            { class: "card source" },
            h("h2", { id: `${side}-source-title` }, "Source"),
            h("pre", { id: `${side}-source` }),
          ),
          h("div", { class: "card" }, h("h2", {}, "Tasks"), h("ul", { id: `${side}-tasks`, class: "tasks-body" })),
          h("div", { class: "card" }, h("h2", {}, "Output so far"), h("pre", { id: `${side}-output` })),
        ),
      ),
    );
  }

  refresh() {
    const column = this.columns[this.at];
    this.relation =
      this.relating && column
        ? Object.fromEntries(
            SIDES.map((side) => [side, column[side] ? this.models[side].relations(column[side].index) : new Map()]),
          )
        : null;
    SIDES.forEach((side) => this.refreshBoard(side, column?.[side]));
    this.sayColumn(column);
    this.refreshTools();
    const hash = `#column=${this.at}`;
    if (location.hash !== hash) {
      try {
        history.replaceState(null, "", hash);
      } catch {
        /* the next one will do */
      }
    }
    this.keepInSight();
    this.draw();
  }

  refreshBoard(side, step) {
    const model = this.models[side];
    $(`${side}-where`).parentElement.classList.toggle("empty", !step);
    if (!step) {
      $(`${side}-where`).textContent = "no step in this column";
      return;
    }
    const event = model.events[step.run];
    $(`${side}-where`).textContent = `iteration ${event.it}, step ${step.number}, t = ${event.t} s`;
    const app = { selection: this.selection, jumpTo: (to) => this.go(this.columnNear(side, to)), go: () => {} };
    queuePanel($(`${side}-queue`), model, step.run, () => {});
    stepPanel($(`${side}-step`), model, step, step.ran, app);
    sourcePanel($(`${side}-source-title`), $(`${side}-source`), model, model.sourceAt(step.ran));
    tasksPanel($(`${side}-tasks`), model, step.run, () => {}, step.task?.name);
    outputPanel($(`${side}-output`), model, step.ran);
  }

  sayColumn(column) {
    let text = "";
    if (!column) text = "Nothing was recorded.";
    else if (column.kind === "fold") text = `${column.hidden} steps that are alike: press Enter or click to see them.`;
    else {
      const [left, right] = SIDES.map((side) => column[side] && entryName(column[side].item));
      if (column.kind === "equal") text = `Both run ${left}. ${this.doing("left", column.left)}`;
      else if (left === right)
        text = `Both run ${left}. ${SIDES.map((side, k) => `${capital(this.heads[k])}: ${this.doing(side, column[side])}`).join(" ")}`;
      else text = `${capital(this.heads[0])}: ${left ?? "nothing"}. ${capital(this.heads[1])}: ${right ?? "nothing"}.`;
      const others = (column.ghosts.right || column.ghosts.left || []).map(entryName);
      if (others.length) text += ` Here another entry was picked; ready as well: ${others.join(", ")}.`;
      else if (column.kind === "moved")
        text += " Another order that is allowed: nothing keeps these steps in one order.";
    }
    $("sentence").textContent = text;
    const here = column?.kind === "fold" ? null : column?.right?.number;
    const others = this.again.filter(([step]) => !step || step === here);
    $("again").hidden = !others.length;
    $("again").querySelector("summary").textContent = others.some(([step]) => step)
      ? "take another pick here"
      : "try another schedule";
    fill(
      $("again").querySelector("ul"),
      others.map(([, words, command]) => h("li", {}, `${words}:`, h("code", {}, command))),
    );
  }

  // --- keys, pointer, address -------------------------------------------------------------------

  go(k) {
    if (k === undefined) return;
    this.at = Math.max(0, Math.min(this.columns.length - 1, k));
    this.refresh();
  }

  difference(by) {
    const differs = (column) => (column.kind !== "equal" && column.kind !== "fold") || column.loud;
    for (let k = this.at + by; k >= 0 && k < this.columns.length; k += by) {
      if (differs(this.columns[k]) && !(differs(this.columns[k - by] || {}) && k - by !== this.at && by > 0))
        return this.go(k);
    }
  }

  unfold() {
    const column = this.columns[this.at];
    if (!column) return;
    const step = column.left || column.right,
      side = column.left ? "left" : "right";
    if (!this.unfolded.delete(column.number)) this.unfolded.add(column.number);
    this.arrange();
    this.resize();
    this.go(this.columnOf[side].get(step.index));
  }

  // Few columns are as wide as there is room for.
  widen() {
    const room = this.scroller.clientWidth - 220;
    this.wide = Math.max(this.wide, Math.min(64, Math.floor(room / Math.max(1, this.columns.length))));
    this.place();
  }

  zoom(factor) {
    this.wide = Math.max(6, Math.min(90, this.wide * factor));
    this.place();
    this.resize();
    this.refresh();
  }

  keepInSight() {
    const column = this.columns[this.at],
      { scroller } = this;
    if (!column) return;
    const room = scroller.clientWidth - this.labels;
    if (column.x < scroller.scrollLeft || column.x + column.wide > scroller.scrollLeft + room)
      scroller.scrollLeft = column.x - room / 3;
  }

  makeControls() {
    const button = (sign, label, act) =>
      h("button", { type: "button", "aria-label": label, title: label, onclick: act }, sign);
    fill(
      $("controls"),
      h(
        "span",
        { class: "group" },
        button("‹‹", "Difference before (D)", () => this.difference(-1)),
        button("‹", "Column before (←)", () => this.go(this.at - 1)),
        button("›", "Next column (→)", () => this.go(this.at + 1)),
        button("››", "Next difference (d)", () => this.difference(1)),
      ),
    );
    this.relate = button("before / after", "Colour what is before, after and concurrent (r)", () => {
      this.relating = !this.relating;
      this.refresh();
    });
    fill(
      $("tools"),
      this.relate,
      button("fold", "Fold or unfold what is alike here (Enter)", () => this.unfold()),
      button("+", "Wider (w)", () => this.zoom(1.3)),
      button("−", "Narrower (s)", () => this.zoom(1 / 1.3)),
    );
    fill(
      $("extras"),
      button("◐", "Light or dark (t)", () => this.swapTheme()),
      button("?", "Keys (?)", () => this.help()),
    );
    const keys = [
      ["← →", "column before, next column"],
      ["d / D", "next difference, the one before"],
      ["Enter", "fold or unfold what is alike"],
      ["r", "what is before, after, concurrent"],
      ["w / s", "wider, narrower"],
      ["Home / End", "first, last column"],
      ["t", "light or dark"],
      ["?", "this list"],
    ];
    fill(
      $("help"),
      h("h2", {}, "Keys"),
      h(
        "dl",
        {},
        keys.map(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)]),
      ),
      h("button", { type: "button", onclick: () => $("help").close() }, "close"),
    );
  }

  refreshTools() {
    this.relate.setAttribute("aria-pressed", String(this.relating));
    const legend = this.relating
      ? [
          ["before", "before"],
          ["this", "this"],
          ["after", "after"],
          ["concurrent", "concurrent: could as well have been in another order"],
        ]
      : [
          ["alike", "alike"],
          ["differs", "differs"],
          ["moved", "reordered, allowed"],
          ["ghost", "was ready as well"],
        ];
    fill(
      $("legend"),
      legend.map(([name, text]) => h("span", {}, h("i", { class: `swatch ${name}` }), text)),
      this.hidden ? h("span", {}, `${count(this.hidden, "lane")} that only have steps alike are hidden`) : null,
    );
  }

  swapTheme() {
    const dark = getComputedStyle(document.documentElement).getPropertyValue("--dark").trim() === "1";
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    this.draw();
  }

  help() {
    if ($("help").open) $("help").close();
    else $("help").showModal();
  }

  listen() {
    const keys = {
      ArrowRight: () => this.go(this.at + 1),
      ArrowLeft: () => this.go(this.at - 1),
      n: () => this.go(this.at + 1),
      b: () => this.go(this.at - 1),
      d: () => this.difference(1),
      D: () => this.difference(-1),
      Enter: () => this.unfold(),
      r: () => this.relate.click(),
      w: () => this.zoom(1.3),
      s: () => this.zoom(1 / 1.3),
      Home: () => this.go(0),
      End: () => this.go(this.columns.length - 1),
      t: () => this.swapTheme(),
      "?": () => this.help(),
    };
    addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key] || ($("help").open && event.key !== "?"))
        return;
      if (event.key === "Enter" && event.target.matches?.("button")) return;
      event.preventDefault();
      keys[event.key]();
    });
    new ResizeObserver(() => this.resize()).observe(this.scroller);
    this.scroller.addEventListener("scroll", () => this.draw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    addEventListener("hashchange", () => this.fromAddress());
    this.canvas.addEventListener("click", (event) => {
      if (event.offsetX < this.labels) return;
      const k = lastUpTo(this.columns, event.offsetX - this.labels + this.scroller.scrollLeft, (column) => column.x);
      const again = k === this.at && this.columns[k]?.kind === "fold";
      this.go(k);
      if (again) this.unfold();
    });
  }

  fromAddress() {
    const wanted = new URLSearchParams(location.hash.slice(1)).get("column");
    if (wanted !== null) this.at = Math.max(0, Math.min(this.columns.length - 1, Number(wanted) || 0));
    this.resize();
    this.refresh();
  }
}

// The lane of an entry: its task's name, or null for a callback.
function laneName(item) {
  return stepsTask(item) ? item.task : null;
}

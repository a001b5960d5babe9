// The lanes: one row for the loop, one for each task, drawn on a canvas.
//
// Only what is in sight is drawn, and what is narrower than a pixel is merged with its neighbours,
// so that the work of a frame depends on the size of the window and not of the recording.

const ROW = 24,
  TALLEST = 34,
  RULER = 20,
  COUNTER = 32,
  HEAD = RULER + COUNTER;
const MANY = 40; // tasks
const SLOW = 0.1; // seconds of a step after which it is marked: nobody else could run

class Lanes {
  constructor(app, canvas, scroller, spacer) {
    Object.assign(this, { app, canvas, scroller, spacer, model: app.model });
    this.collapsed = new Set();
    this.filter = "";
    this.alive = app.model.tasks.size > MANY; // whether only tasks that live within the window are shown
    this.view = { from: 0, to: 1 };
    this.readColors();
    this.arrange();
  }

  // --- what is where ----------------------------------------------------------------------------

  readColors() {
    const style = getComputedStyle(document.documentElement);
    this.color = new Proxy(
      {},
      {
        get: (known, name) => (known[name] ||= style.getPropertyValue(`--${String(name)}`).trim()),
      },
    );
    this.patterns = {};
  }

  // The rows, tasks nested below who made them.
  arrange() {
    const rows = [{ loop: true, depth: 0 }];
    const visit = (task, depth) => {
      const fits = (!this.filter || task.name.toLowerCase().includes(this.filter)) && this.livesInSight(task);
      if (fits) rows.push({ task, depth: this.filter ? 0 : Math.min(depth, this.alive ? 1 : Infinity) });
      if (!this.collapsed.has(task) || this.filter) {
        for (const child of task.children) visit(child, depth + 1);
      }
    };
    for (const task of this.model.roots) visit(task, 0);
    this.rows = rows;
    this.tall = Math.max(ROW, Math.min(TALLEST, Math.floor(((this.height || 0) - HEAD) / rows.length)));
    this.rowOf = new Map(rows.map((row, k) => [row.task, k]));
    this.spacer.style.height = `${Math.max(this.height || 0, HEAD + rows.length * this.tall)}px`;
  }

  livesInSight(task) {
    if (!this.alive || !this.sight) return true;
    const begun = task.slices[0]?.from ?? task.made ?? 0;
    return begun <= this.sight.end && !(task.done < this.sight.first);
  }

  // The window has moved: others live there.
  follow() {
    const first = this.placeAt(this.view.from),
      end = this.placeAt(this.view.to);
    if (!this.alive || (this.sight?.first === first && this.sight.end === end)) return;
    this.sight = { first, end };
    this.arrange();
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    this.width = this.scroller.clientWidth;
    this.height = this.scroller.clientHeight;
    this.labels = this.width < 560 ? 104 : 176;
    this.canvas.width = this.width * ratio;
    this.canvas.height = this.height * ratio;
    this.canvas.style.width = `${this.width}px`;
    this.canvas.style.height = `${this.height}px`;
    this.draws = this.canvas.getContext("2d");
    this.draws.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.patterns = {};
    this.arrange();
  }

  at(i) {
    return this.model.position(i, this.app.axis);
  }

  px(x) {
    const { from, to } = this.view;
    return this.labels + ((x - from) / (to - from)) * (this.width - this.labels);
  }

  unpx(px) {
    const { from, to } = this.view;
    return from + ((px - this.labels) / (this.width - this.labels)) * (to - from);
  }

  // The last event at or before a position on the axis.
  placeAt(x) {
    let low = 1,
      high = this.model.last + 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at(middle) <= x) low = middle + 1;
      else high = middle;
    }
    return Math.max(1, low - 1);
  }

  // The loop's own row stays where it is, those of the tasks scroll below it.
  rowY(k) {
    return HEAD + k * this.tall - (k ? this.scroller.scrollTop : 0);
  }

  // The row of a task, or of the nearest of its ancestors that is shown.
  rowFor(task) {
    for (let each = task; each; each = each.parent) {
      if (this.rowOf.has(each)) return this.rowOf.get(each);
    }
    return task ? -1 : 0;
  }

  // What is under a point of the canvas.
  hit(px, py) {
    const low = py - HEAD;
    const k = low < this.tall ? 0 : Math.floor((low + this.scroller.scrollTop) / this.tall);
    const row = py > HEAD ? this.rows[k] : undefined;
    if (px < this.labels) return { row, label: true };
    const place = this.placeAt(this.unpx(px));
    if (!row) return { place };
    const slices = row.loop ? this.model.loopSlices : row.task.slices;
    const slice = slices[lastUpTo(slices, place, (each) => each.from)];
    const inside = slice && this.px(this.at(slice.to)) >= px - 3;
    return { row, place, slice: inside ? slice : null };
  }

  // --- drawing ----------------------------------------------------------------------------------

  draw() {
    if (!this.draws || this.width <= 0) return;
    this.follow();
    const { draws, width, height } = this;
    this.first = this.placeAt(this.view.from);
    this.end = this.placeAt(this.view.to);
    if (this.app.predict.on) this.end = Math.max(1, Math.min(this.end, this.app.place)); // no looking ahead
    draws.fillStyle = this.color.panel;
    draws.fillRect(0, 0, width, height);
    this.clipped(0, () => {
      this.drawBands();
      this.drawCounter();
    });
    this.clipped(HEAD, () => this.drawRow(0));
    this.clipped(HEAD + this.tall, () => {
      this.drawRows();
      this.drawMarks();
    });
    this.clipped(HEAD, () => this.drawArrows());
    this.drawLabels();
    this.drawPlayhead();
  }

  clipped(top, draw) {
    this.draws.save();
    this.draws.beginPath();
    const right = this.app.predict.on ? this.px(this.at(Math.max(1, this.app.place))) : this.width;
    this.draws.rect(this.labels, top, Math.max(0, right - this.labels), this.height - top);
    this.draws.clip();
    draw();
    this.draws.restore();
  }

  drawBands() {
    const { draws, model } = this;
    const { iterations } = model;
    const begin = Math.max(
      0,
      lastUpTo(iterations, this.first, (i) => i),
    );
    const end = lastUpTo(iterations, this.end, (i) => i);
    const room = (this.width - this.labels) / Math.max(1, end - begin + 1);
    const every = Math.max(1, Math.ceil(34 / room));
    draws.font = "11px " + this.color.font;
    let free = 0; // where the next label has room
    for (let k = begin; k <= end; k++) {
      const from = this.px(this.at(iterations[k]));
      const to = k + 1 < iterations.length ? this.px(this.at(iterations[k + 1])) : this.width;
      const number = model.events[iterations[k]].it;
      if (room >= 3 && number % 2) {
        draws.fillStyle = this.color.band;
        draws.fillRect(from, 0, to - from, this.height);
      }
      if (this.app.axis === "steps" && number % every === 0 && from >= free) {
        const label = to - from > 70 ? `iteration ${number}` : String(number);
        draws.fillStyle = this.color.faint;
        draws.fillText(label, from + 3, 14);
        free = from + draws.measureText(label).width + 8;
      }
    }
    if (this.app.axis === "time") this.drawTicks();
    draws.fillStyle = this.color.line;
    draws.fillRect(this.labels, HEAD - 1, this.width, 1);
  }

  drawTicks() {
    const { draws, view } = this;
    const rough = ((view.to - view.from) * 90) / (this.width - this.labels);
    const unit = 10 ** Math.floor(Math.log10(rough));
    const step = unit * ([1, 2, 5, 10].find((each) => each * unit >= rough) || 10);
    for (let t = Math.ceil(view.from / step) * step; t <= view.to; t += step) {
      const x = this.px(t);
      draws.fillStyle = this.color.line;
      draws.fillRect(x, 0, 1, RULER);
      draws.fillStyle = this.color.faint;
      draws.fillText(seconds(Math.abs(t) < step / 100 ? 0 : t), x + 3, 14);
    }
  }

  // How long the ready queue is: the highest value of each pixel.
  drawCounter() {
    const { draws, model } = this;
    const x = model.positions(this.app.axis);
    let most = 1;
    for (let i = this.first; i <= this.end; i++) most = Math.max(most, model.queued[i]);
    draws.fillStyle = this.color.ready;
    draws.globalAlpha = 0.75;
    for (let i = this.first; i <= this.end;) {
      const from = this.px(x[i]),
        next = this.unpx(from + 1);
      let high = model.queued[i];
      let k = i + 1;
      while (k <= this.end && x[k] < next) high = Math.max(high, model.queued[k++]);
      const to = k <= model.last ? this.px(x[k]) : this.width;
      const tall = (high / most) * (COUNTER - 8);
      draws.fillRect(from, HEAD - 2 - tall, Math.max(1, to - from), tall);
      i = k;
    }
    draws.globalAlpha = 1;
    this.most = most;
  }

  drawRows() {
    const top = 1 + Math.floor(this.scroller.scrollTop / this.tall);
    const bottom = Math.min(this.rows.length, top + Math.ceil(this.height / this.tall) + 1);
    for (let k = top; k < bottom; k++) this.drawRow(k);
  }

  drawRow(k) {
    const { draws } = this;
    const row = this.rows[k],
      y = this.rowY(k);
    if (row.task && row.task.name === this.app.selectedTask()) {
      draws.fillStyle = this.color.chosen;
      draws.fillRect(this.labels, y, this.width, this.tall);
    }
    draws.fillStyle = row.loop ? this.color.line : this.color.hair;
    draws.fillRect(this.labels, y + this.tall - 1, this.width, 1);
    this.drawSlices(row.loop ? this.model.loopSlices : row.task.slices, y);
    if (row.task) this.drawEnds(row.task, y);
  }

  drawSlices(slices, y) {
    let k = Math.max(
      0,
      lastUpTo(slices, this.first, (slice) => slice.from),
    );
    while (k < slices.length && slices[k].from <= this.end) {
      const slice = slices[k];
      const from = this.px(this.at(slice.from)),
        to = this.px(this.at(slice.to));
      if (to < this.labels) {
        k++;
        continue;
      }
      if (to - from >= 1.5) {
        this.drawSlice(slice, Math.max(from, this.labels - 5), Math.min(to, this.width + 5), y);
        k++;
        continue;
      }
      // Too narrow to be seen: one column stands for all that begin in it, as tall as they ran.
      const next = Math.max(
        k + 1,
        lastUpTo(slices, this.placeAt(this.unpx(from + 1.5)), (each) => each.from),
      );
      let running = slice.state === "running" ? slice : null;
      for (let m = k; m < next && m < k + 12 && !running; m++) if (slices[m].state === "running") running = slices[m];
      drawColumn(this, running || slice, from, y, Boolean(running));
      k = next;
    }
  }

  drawSlice(slice, from, to, y) {
    const { draws, tall } = this;
    const wide = to - from,
      base = y + tall / 2 + 4;
    if (slice.state === "running") {
      draws.fillStyle = this.runningColor(slice);
      draws.fillRect(from, y + 3, Math.max(1, wide - 1), tall - 7);
      const step = this.model.steps[this.model.inStep[slice.cause]];
      if (step?.took >= SLOW) this.fill("bad", from, y + 1, Math.max(2, wide - 1), 3);
      if (step && wide > 11)
        this.text(step.number, from + wide / 2 - 0.5, base, wide - 2, this.color.onrunning, "center");
    } else if (slice.state === "ready") {
      draws.fillStyle = this.app.relation ? this.color.line : this.color.ready;
      draws.fillRect(from, y + tall * 0.34, wide, tall * 0.3);
    } else {
      const high = tall * (slice.state === "select" ? 0.54 : 0.22);
      draws.fillStyle = this.hatch(slice.state);
      draws.fillRect(from, y + (tall - high) / 2, wide, high);
      const label = wide > 56 ? this.labelOf(slice) : "";
      if (label) this.text(label, from + 5, base, wide - 10, this.color.text, "boxed");
    }
  }

  fill(color, ...box) {
    this.draws.fillStyle = this.color[color];
    this.draws.fillRect(...box);
  }

  runningColor(slice) {
    const { relation } = this.app;
    if (!relation) return this.color.running;
    return this.color[relation.get(this.model.inStep[slice.cause]) || "concurrent"];
  }

  labelOf(slice) {
    if (slice.label === undefined) {
      const at = slice.task ? suspendBefore(this.model, slice) : 0;
      slice.label = slice.task ? (at ? this.model.events[at].on?.label || "" : "") : "select";
    }
    return slice.label;
  }

  text(text, x, y, room, color, how) {
    const { draws } = this;
    draws.font = "11px " + this.color.font;
    text = String(text);
    let wide = draws.measureText(text).width;
    const boxed = how === "boxed";
    if (how === "center") x -= wide / 2;
    if (wide > room) {
      if (!boxed || room < 40) return;
      text = text.slice(0, Math.floor((text.length * room) / wide) - 1) + "…";
      wide = draws.measureText(text).width;
    }
    if (boxed) {
      draws.fillStyle = this.color.panel;
      draws.globalAlpha = 0.85;
      draws.fillRect(x - 2, y - 10, wide + 4, 13);
      draws.globalAlpha = 1;
    }
    draws.fillStyle = color;
    draws.fillText(text, x, y);
  }

  // Stripes that tell waiting from ready and running without any colour.
  hatch(state) {
    if (this.patterns[state]) return this.patterns[state];
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const draws = tile.getContext("2d");
    draws.fillStyle = this.color[state + "-ground"];
    draws.fillRect(0, 0, 8, 8);
    draws.strokeStyle = this.color[state];
    draws.lineWidth = 1.6;
    for (const shift of [-8, 0, 8]) {
      draws.moveTo(shift, state === "select" ? 0 : 8);
      draws.lineTo(shift + 8, state === "select" ? 8 : 0);
    }
    draws.stroke();
    return (this.patterns[state] = this.draws.createPattern(tile, "repeat"));
  }

  // A task that is done ends in a cap; one that was still there when the recording ended does not.
  drawEnds(task, y) {
    if (task.done === Infinity) return;
    const x = this.px(this.at(task.done));
    if (x < this.labels || x > this.width) return;
    this.draws.fillStyle = task.outcome === "result" ? this.color.text : this.color.bad;
    this.draws.fillRect(x - 1, y + 2, 3, this.tall - 5);
  }

  drawLabels() {
    const { draws, labels } = this;
    draws.fillStyle = this.color.panel;
    draws.fillRect(0, 0, labels, this.height);
    const place = this.app.place;
    this.rows.forEach((row, k) => {
      const y = this.rowY(k);
      if ((k && y < HEAD) || y > this.height) return;
      draws.save();
      draws.beginPath();
      draws.rect(0, k ? Math.max(y, HEAD + this.tall) : y, labels - 4, this.tall);
      draws.clip();
      this.drawLabel(row, y, place);
      draws.restore();
    });
    draws.font = "11px " + this.color.font;
    draws.fillStyle = this.color.faint;
    draws.fillText(this.app.axis === "steps" ? "iterations" : "time", 4, 14);
    draws.fillText(labels > 120 ? `ready queue, up to ${this.most}` : `ready ≤ ${this.most}`, 4, HEAD - 10);
    draws.fillStyle = this.color.line;
    draws.fillRect(labels - 1, 0, 1, this.height);
    draws.fillRect(0, HEAD - 1, labels, 1);
    draws.fillRect(0, HEAD + this.tall - 1, labels, 1);
  }

  drawLabel(row, y, place) {
    const { draws, labels } = this;
    const name = row.loop ? "the loop" : row.task.name;
    const chosen = row.task && name === this.app.selectedTask();
    if (chosen) {
      draws.fillStyle = this.color.chosen;
      draws.fillRect(0, y, labels, this.tall);
    }
    draws.font = `${chosen ? "bold " : ""}12px ${this.color.font}`;
    const indent = labelIndent(row),
      base = y + this.tall / 2 + 4;
    draws.fillStyle = row.loop ? this.color.faint : this.color.text;
    draws.fillText(shortened(draws, name, labels - 8 - indent), indent, base);
    if (row.loop) return;
    if (row.task.children.length) draws.fillText(this.collapsed.has(row.task) ? "▸" : "▾", indent - 12, base);
    const state = this.model.stateAt(row.task, place);
    draws.fillStyle = state === "running" ? this.color.running : this.color.faint;
    draws.fillText(STATE_SIGNS[state], 4, base);
  }

  drawPlayhead() {
    const { place } = this.app;
    const x = place ? this.px(this.at(place)) : this.labels;
    if (x < this.labels || x > this.width) return;
    const { draws } = this;
    draws.fillStyle = this.color.playhead;
    draws.fillRect(x - 0.75, 0, 1.5, this.height);
    draws.beginPath();
    draws.moveTo(x - 6, 0);
    draws.lineTo(x + 6, 0);
    draws.lineTo(x, 8);
    draws.fill();
  }
}

// Where the name of a row begins; before it is room for its state and its triangle.
function labelIndent(row) {
  return 32 + Math.min(row.depth, 8) * 10;
}

// A name in the room that it has; its end stays, which tells tasks of one function apart.
function shortened(draws, name, room) {
  if (draws.measureText(name).width <= room) return name;
  let kept = name.length - 2;
  const cut = () => `${name.slice(0, Math.max(1, kept - 5))}…${name.slice(-5)}`;
  while (kept > 6 && draws.measureText(cut()).width > room) kept--;
  return cut();
}

function drawColumn(lanes, slice, x, y, running) {
  const { draws, tall } = lanes;
  draws.fillStyle = running ? lanes.runningColor(slice) : lanes.color[slice.state];
  if (running) draws.fillRect(x, y + 3, 1.5, tall - 7);
  else draws.fillRect(x, y + tall * 0.4, 1.5, tall * 0.2);
}

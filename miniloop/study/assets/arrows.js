// What is drawn upon the lanes: marks of cancellation, and who woke whom.

Object.assign(Lanes.prototype, {
  drawMarks() {
    const { draws } = this;
    draws.lineWidth = 2;
    for (let k = 0; k < this.rows.length; k++) {
      const y = this.rowY(k);
      if (y < HEAD - this.tall || y > this.height) continue;
      for (const i of this.rows[k].task?.marks || []) {
        if (i < this.first || i > this.end) continue;
        const x = this.px(this.at(i));
        draws.strokeStyle = this.color.bad;
        draws.beginPath();
        const size = this.model.events[i].kind === "cancel_request" ? 3 : 5,
          mid = y + this.tall / 2;
        draws.moveTo(x - size, mid - size);
        draws.lineTo(x + size, mid + size);
        draws.moveTo(x + size, mid - size);
        draws.lineTo(x - size, mid + size);
        draws.stroke();
      }
    }
  },

  // Who woke whom: the chosen step's own cause and effects thick, what led to it thin.
  drawArrows() {
    const { model } = this;
    const focus = this.app.focusStep();
    if (!focus) return;
    for (const k of focus.woke.slice(0, 200)) this.arrow(model.steps[k], this.color.effect, 1.8);
    this.arrow(focus, this.color.cause, 2.2);
    let step = model.steps[focus.source];
    for (let k = 0; step && k < 30; k++, step = model.steps[step.source]) this.arrow(step, this.color.cause, 0.8);
  },

  arrow(step, color, thick) {
    const { draws, model } = this;
    if (step.source < 0 && !step.item.add) return;
    const source = model.steps[step.source];
    const fromRow = source ? this.rowFor(source.task) : 0,
      toRow = this.rowFor(step.task);
    if (fromRow < 0 || toRow < 0) return;
    let cause = step.item.add;
    while (source && model.inStep[cause] !== source.index && model.events[cause].by) cause = model.events[cause].by;
    const x1 = this.px(this.at(cause)),
      y1 = this.rowY(fromRow) + this.tall / 2;
    const x2 = this.px(this.at(step.run)),
      y2 = this.rowY(toRow) + this.tall / 2;
    if (Math.max(x1, x2) < this.labels || Math.min(x1, x2) > this.width) return;
    const bend = Math.max(14, Math.min(60, Math.abs(x2 - x1) / 2));
    draws.strokeStyle = draws.fillStyle = color;
    draws.lineWidth = thick;
    draws.beginPath();
    draws.moveTo(x1, y1);
    if (fromRow === toRow) draws.bezierCurveTo(x1, y1 - 16, x2 - 8, y2 - 16, x2 - 1, y2 - 4);
    else draws.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2 - 1, y2);
    draws.stroke();
    draws.beginPath();
    draws.arc(x1, y1, thick + 0.8, 0, 7);
    draws.moveTo(x2, y2);
    draws.lineTo(x2 - 6 - thick, y2 - 4);
    draws.lineTo(x2 - 6 - thick, y2 + 4);
    draws.fill();
  },
});

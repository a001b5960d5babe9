// The lanes of two recordings, one set above the other, in columns that belong together.

Object.assign(Compare.prototype, {
  resize() {
    const ratio = window.devicePixelRatio || 1;
    this.width = this.scroller.clientWidth;
    this.height = this.scroller.clientHeight;
    this.labels = this.width < 560 ? 92 : 176;
    this.canvas.width = this.width * ratio;
    this.canvas.height = this.height * ratio;
    Object.assign(this.canvas.style, { width: `${this.width}px`, height: `${this.height}px` });
    this.draws = this.canvas.getContext("2d");
    this.draws.setTransform(ratio, 0, 0, ratio, 0, 0);
    $("pair-spacer").style.width = `${Math.max(this.width, this.labels + this.total + 40)}px`;
    $("timeline").style.minHeight = `${Math.min(2 * this.setHeight + 70, 480)}px`;
    $("pair-spacer").style.height = `${Math.max(this.height, 2 * this.setHeight)}px`;
    this.draw();
  },

  draw() {
    const { draws, width, height } = this;
    if (!draws) return;
    const style = getComputedStyle(document.documentElement);
    this.color = (name) => style.getPropertyValue(`--${name}`).trim();
    draws.fillStyle = this.color("panel");
    draws.fillRect(0, 0, width, height);
    const left = this.scroller.scrollLeft,
      top = this.scroller.scrollTop;
    draws.save();
    draws.beginPath();
    draws.rect(this.labels, 0, width, height);
    draws.clip();
    draws.translate(this.labels - left, -top);
    const begin = Math.max(
      0,
      lastUpTo(this.columns, left, (column) => column.x),
    );
    for (let k = begin; k < this.columns.length && this.columns[k].x < left + width; k++)
      this.drawGround(this.columns[k], k);
    SIDES.forEach((side, number) => this.drawSet(side, number * this.setHeight, begin, left + width));
    draws.restore();
    this.drawLabels(top);
  },

  drawGround(column, k) {
    const { draws } = this;
    const loud = column.loud ? "chosen" : column.kind === "fold" ? "band" : "";
    if (loud) {
      draws.fillStyle = this.color(loud);
      draws.fillRect(column.x, 0, column.wide, 2 * this.setHeight);
    }
    if (k === this.at) {
      draws.strokeStyle = this.color("playhead");
      draws.lineWidth = 2;
      draws.strokeRect(column.x + 1, 1, column.wide - 2, 2 * this.setHeight - 2);
    }
  },

  drawSet(side, top, begin, right) {
    const { draws } = this;
    draws.fillStyle = this.color("hair");
    this.rows.forEach((_, k) => draws.fillRect(0, top + GAP + (k + 1) * ROW - 1, this.total, 1));
    for (let k = begin; k < this.columns.length && this.columns[k].x < right; k++) {
      const column = this.columns[k];
      if (column.kind === "fold") this.drawFold(column, top);
      else {
        for (const item of column.ghosts[side] || []) this.drawGhost(column, item, top);
        if (column[side]) this.drawStep(column, column[side], side, top);
      }
    }
    const chosen = this.columns[this.at]?.[side];
    if (chosen && this.columns[this.at].kind !== "fold") this.drawArrow(side, chosen, top);
  },

  drawFold(column, top) {
    const { draws } = this;
    draws.fillStyle = this.color("faint");
    draws.font = "11px " + this.color("font");
    draws.textAlign = "center";
    draws.fillText(`⋯ ${column.hidden}`, column.x + column.wide / 2, top + GAP + 14);
    draws.fillText("alike", column.x + column.wide / 2, top + GAP + 28);
    draws.textAlign = "left";
  },

  drawStep(column, step, side, top) {
    const { draws } = this;
    const y = top + GAP + this.rowOf.get(laneName(step.item)) * ROW;
    draws.fillStyle = this.color(this.colorName(column, step, side));
    draws.globalAlpha = column.kind === "equal" && !this.relation ? 0.55 : 1;
    draws.fillRect(column.x + 2, y + 3, column.wide - 4, ROW - 7);
    draws.globalAlpha = 1;
    if (column.loud) {
      draws.strokeStyle = this.color("text");
      draws.lineWidth = 2;
      draws.strokeRect(column.x + 2, y + 3, column.wide - 4, ROW - 7);
    }
    if (column.wide < 20) return;
    draws.fillStyle = column.kind === "equal" ? this.color("text") : this.color("onrunning");
    draws.font = "11px " + this.color("font");
    draws.textAlign = "center";
    draws.fillText(step.number, column.x + column.wide / 2, y + 16);
    draws.textAlign = "left";
  },

  colorName(column, step, side) {
    if (this.relation) return this.relation[side].get(step.index) || "concurrent";
    if (column.loud || this.only[side].has(step.index)) return "bad";
    return column.kind === "equal" ? "running" : "faint";
  },

  drawGhost(column, item, top) {
    const { draws } = this;
    const y = top + GAP + this.rowOf.get(laneName(item)) * ROW;
    draws.strokeStyle = this.color("ready");
    draws.lineWidth = 1.5;
    draws.setLineDash([4, 3]);
    draws.strokeRect(column.x + 3, y + 4, column.wide - 6, ROW - 9);
    draws.setLineDash([]);
  },

  drawArrow(side, step, top) {
    const { draws } = this;
    const { steps } = this.models[side];
    let source = steps[step.source];
    while (source && !this.columnOf[side].has(source.index)) source = steps[source.source];
    const column = source && this.columns[this.columnOf[side].get(source.index)];
    const row = source ? this.rowOf.get(laneName(source.item)) : undefined;
    if (!column || row === undefined) return;
    const to = this.columns[this.columnOf[side].get(step.index)];
    const x1 = column.x + column.wide / 2,
      y1 = top + GAP + row * ROW + ROW / 2;
    const x2 = to.x + 2,
      y2 = top + GAP + this.rowOf.get(laneName(step.item)) * ROW + ROW / 2;
    draws.strokeStyle = draws.fillStyle = this.color("cause");
    draws.lineWidth = 2;
    draws.beginPath();
    draws.moveTo(x1, y1);
    draws.bezierCurveTo(x1 + 30, y1, x2 - 30, y2, x2 - 3, y2);
    draws.stroke();
    draws.beginPath();
    draws.moveTo(x2, y2);
    draws.lineTo(x2 - 8, y2 - 4);
    draws.lineTo(x2 - 8, y2 + 4);
    draws.fill();
  },

  drawLabels(scrolled) {
    const { draws, labels } = this;
    draws.fillStyle = this.color("panel");
    draws.fillRect(0, 0, labels, this.height);
    draws.save();
    draws.beginPath();
    draws.rect(0, 0, labels - 6, this.height);
    draws.clip();
    SIDES.forEach((side, number) => {
      const top = number * this.setHeight - scrolled;
      draws.fillStyle = this.color(this.headColor(number));
      draws.font = "bold 13px " + this.color("font");
      draws.fillText(this.heads[number], 6, top + 18);
      draws.fillStyle = this.color("text");
      draws.font = "12px " + this.color("font");
      this.rows.forEach((name, k) =>
        draws.fillText(shortened(draws, name ?? "callbacks", labels - 22), 14, top + GAP + k * ROW + 16),
      );
    });
    draws.restore();
    draws.fillStyle = this.color("line");
    draws.fillRect(labels - 1, 0, 1, this.height);
    draws.fillRect(0, this.setHeight - scrolled - 2, this.width, 2);
  },
});

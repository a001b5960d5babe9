// The whole recording on one strip: how long the ready queue was, and where the window is.
class Minimap {
  constructor(app, canvas) {
    Object.assign(this, { app, canvas, model: app.model });
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    this.canvas.width = this.width * ratio;
    this.canvas.height = this.height * ratio;
    this.draws = this.canvas.getContext("2d");
    this.draws.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.heights = null;
  }

  // For each pixel the longest queue, and whether something went wrong there.
  measure() {
    const { model, app, width } = this;
    const all = model.extent(app.axis);
    this.heights = new Float64Array(width + 1);
    this.bad = new Set();
    let before = 0;
    for (let i = 1; i <= model.last; i++) {
      const px = Math.min(width, Math.floor((model.position(i, app.axis) / all) * width));
      for (let k = before + 1; k < px; k++) this.heights[k] = this.heights[before];
      this.heights[px] = Math.max(this.heights[px], model.queued[i]);
      const { kind, outcome } = model.events[i];
      if (kind === "task_done" && outcome !== "result") this.bad.add(px);
      before = px;
    }
    this.most = Math.max(1, ...this.heights);
    this.measured = app.axis;
  }

  draw() {
    const { draws, app, width, height } = this;
    if (!draws || !width) return;
    if (!this.heights || this.measured !== app.axis) this.measure();
    const { color, view } = app.lanes;
    draws.fillStyle = color.panel;
    draws.fillRect(0, 0, width, height);
    draws.fillStyle = color.ready;
    draws.globalAlpha = 0.75;
    for (let px = 0; px < width; px++) {
      const tall = (this.heights[px] / this.most) * (height - 6);
      if (tall) draws.fillRect(px, height - tall, 1, tall);
    }
    draws.globalAlpha = 1;
    draws.fillStyle = color.bad;
    for (const px of this.bad) draws.fillRect(px - 1, 0, 2, 5);
    const all = this.model.extent(app.axis);
    const from = (view.from / all) * width,
      to = (view.to / all) * width;
    draws.fillStyle = color.veil;
    draws.fillRect(0, 0, from, height);
    draws.fillRect(to, 0, width - to, height);
    draws.strokeStyle = color.text;
    draws.lineWidth = 1;
    draws.strokeRect(from + 0.5, 0.5, Math.max(4, to - from) - 1, height - 1);
    draws.fillStyle = color.playhead;
    if (app.place) draws.fillRect((this.model.position(app.place, app.axis) / all) * width - 1, 0, 2, height);
  }
}

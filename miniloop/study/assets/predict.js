// "Who runs next?": asks before each step, counts, and reveals why.

const NOBODY = "nobody yet: the loop must ask the selector or a timer first";

class Predict {
  constructor(app) {
    Object.assign(this, { app, on: false, open: false, right: 0, asked: 0 });
  }

  toggle() {
    this.on = !this.on;
    this.open = false;
    this.right = this.asked = 0;
    $("quiz").hidden = !this.on;
    document.body.classList.remove("covered");
    document.body.classList.toggle("predicting", this.on); // what comes later is not drawn
    if (this.on) this.say("Go to the next step, and you are asked who runs.");
    this.app.refresh();
  }

  leave() {
    this.open = false;
    document.body.classList.remove("covered");
    this.say("Not answered.");
  }

  // The choices: who is ready, some who are not, and nobody; in an order that gives nothing away.
  ask(step) {
    const { model } = this.app;
    if (this.open) return;
    this.app.play(false);
    const last = model.steps[model.stepAt(this.app.place)];
    if (last && last.ran > this.app.place) this.app.go(last.ran); // all that it did is known
    const { place } = this.app;
    const { now, next } = model.queueAt(place);
    const names = new Set(
      [...now, ...next]
        .filter((item) => !(item.dropped && item.dropped <= place))
        .slice(0, 6)
        .map(entryName),
    );
    const inQueue = step.item.add && step.item.add <= place;
    this.truth = inQueue ? entryName(step.item) : NOBODY;
    if (inQueue) names.add(this.truth);
    for (const task of model.tasks.values()) {
      if (names.size >= 7) break;
      if (model.stateAt(task, place) === "waiting" || model.stateAt(task, place) === "running") names.add(task.name);
    }
    this.step = step;
    this.choices = [...names].sort().slice(0, 8);
    if (inQueue && !this.choices.includes(this.truth)) this.choices[0] = this.truth;
    this.choices.push(NOBODY);
    this.open = true;
    document.body.classList.add("covered"); // the queue would tell
    fill(
      $("quiz"),
      h("p", { class: "question" }, "Who runs next?"),
      h(
        "div",
        { class: "chips" },
        this.choices.map((name, k) =>
          h("button", { type: "button", class: "chip", onclick: () => this.answer(k) }, h("kbd", {}, k + 1), name),
        ),
      ),
      this.score(),
    );
  }

  answer(k) {
    if (!this.open || !this.choices[k]) return;
    const { model } = this.app;
    const right = this.choices[k] === this.truth;
    this.open = false;
    this.asked++;
    if (right) this.right++;
    document.body.classList.remove("covered");
    const { step } = this;
    const why =
      this.truth === NOBODY
        ? `Nothing was in the queue that could run. Then ${entryName(step.item)} came: ${reason(model, step.item.add)}.`
        : `${entryName(step.item)} is next: ${reason(model, step.item.add)}; it stood first in the queue.`;
    const odd = model.events[step.run].pick
      ? " It was not the first in the queue: this schedule takes another order."
      : "";
    this.say(
      h("b", { class: right ? "right" : "wrong" }, right ? "✓ Right. " : "✗ No. "),
      odd ? why.replace("; it stood first in the queue", "") + odd : why,
    );
    this.app.go(step.run);
  }

  score() {
    return h("p", { class: "score" }, `${this.right} of ${this.asked} right`);
  }

  say(...words) {
    fill($("quiz"), h("p", {}, words), this.score());
  }
}

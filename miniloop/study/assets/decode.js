// The recording as it stands on the page, made events again.

// Events as objects, from columns: one array for each key that all have, and for each kind one for
// each key of its own, in the order of that kind's events.
function decode(data) {
  const { strings } = data;
  const own = data.kinds.map((kind) => Object.entries(data.own[kind] || {}));
  const taken = data.kinds.map(() => 0);
  const its = spread(data.it),
    steps = spread(data.step);
  const events = [{ n: data.first - 1, it: 0, step: 0, t: 0, kind: "", by: 0, src: "" }];
  let t = 0,
    latest = 0; // clocks are read at several places: what is later is never drawn earlier
  for (let i = 0; i < data.kind.length; i++) {
    const kind = data.kind[i];
    t += data.t[i];
    latest = Math.max(latest, t);
    const event = {
      n: data.numbers ? data.numbers[i] : data.first + i,
      it: its[i],
      step: steps[i],
      t: latest / 1e6,
      kind: data.kinds[kind],
      by: data.by[i] ? i + 1 - data.by[i] : 0,
      src: data.src[i] ? strings[data.src[i] - 1] : "",
    };
    const row = taken[kind]++;
    for (const [key, [type, values]] of own[kind]) {
      let value = values[row];
      if (value === null || value === undefined || (type !== "n" && type !== "j" && !value)) continue;
      if (type === "s") value = strings[value - 1];
      else if (type === "l") value = strings[value - 1].split("\n");
      const [outer, inner] = key.split("/");
      if (inner === undefined) event[outer] = value;
      else (event[outer] ||= {})[inner] = value;
    }
    events.push(event);
  }
  return events;
}

// [value, how often, value, how often, ...] as one array.
function spread(pairs) {
  const all = [];
  for (let i = 0; i < pairs.length; i += 2) {
    for (let k = 0; k < pairs[i + 1]; k++) all.push(pairs[i]);
  }
  return all;
}

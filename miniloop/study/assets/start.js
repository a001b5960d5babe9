// Open the recording that is on the page.

const began = performance.now();
const player = new Player(new Model(JSON.parse($("recording").textContent)));
document.documentElement.dataset.loaded = String(Math.round(performance.now() - began)); // milliseconds

// Open the two recordings that are on the page.

const pair = new Compare(JSON.parse($("recording").textContent));

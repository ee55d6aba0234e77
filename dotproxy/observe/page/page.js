// Keep the page up to date.  What is written where stands in the document: data-live is
// a path in the status, data-as how it is spelled, data-set which attribute follows.
// Nothing that the proxy says becomes anything but text or a number.
"use strict";

const PERIOD = 1000; // milliseconds between two looks
const PATIENCE = 3000; // milliseconds that an answer may take
const KEPT = 120; // samples: two minutes
const FEW = 15; // samples that take the whole width of a drawing
const WIDTH = 120; // of a drawing, in its own unit
const NONE = "–";

const all = (selector) => document.querySelectorAll(selector);
const byId = (id) => document.getElementById(id);
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const share = (part, whole) => (whole > 0 ? (100 * part) / whole : null);

// ---- How numbers are written: as numerals.py has it.

const known = (write) => (value) => (value === null || value === undefined ? NONE : write(value));
const grouped = (value) => Math.round(value).toLocaleString("en-US");
const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

function milliseconds(value) {
  if (value >= 1000) return `${Number((value / 1000).toPrecision(6))} s`;
  return `${value.toFixed(1)} ms`.replace(".0 ", " ");
}

function span(value) {
  const parts = [];
  let left = Math.floor(value);
  for (const [unit, seconds] of units) {
    if (parts.length < 2 && (left >= seconds || parts.length)) {
      parts.push(`${Math.floor(left / seconds)} ${unit}`);
      left %= seconds;
    }
  }
  return parts.join(" ") || "0 s";
}

const SPELLINGS = {
  text: known(String),
  note: (value) => value ?? "",
  notes: (value) => (value ?? []).join("\n"),
  count: known(grouped),
  rate: known((value) => (value < 10 ? value.toFixed(1) : grouped(value))),
  percent: known((value) => `${value.toFixed(1)} %`),
  milliseconds: known(milliseconds),
  size: known((value) => `${(value / 2 ** 20).toFixed(1)} MiB`),
  span: known(span),
  date: known((value) => value.slice(0, 10)),
};

// ---- What follows from a status: as figures.py has it.

function quantile(buckets, part) {
  let needed = part * sum(buckets.map((it) => it.count));
  let last = 0;
  for (const { up_to_ms: upTo, count } of buckets) {
    needed -= count;
    if (needed <= 0 && count) return upTo ? milliseconds(upTo) : `over ${milliseconds(last)}`;
    last = upTo ?? last;
  }
  return null;
}

function added(latencies) {
  const [first = []] = latencies;
  return first.map(({ up_to_ms }, n) => ({ up_to_ms, count: sum(latencies.map((it) => it[n].count)) }));
}

function figures(status, rate) {
  const { clients, replies, cache, upstreams } = status;
  const { udp_queries, tcp_queries, tls_queries, https_queries } = clients;
  const queries = udp_queries + tcp_queries + tls_queries + https_queries;
  const replied = sum(Object.values(replies));
  const latency = added(upstreams.map((it) => it.latency));
  const most = Math.max(0, ...latency.map((it) => it.count));
  return {
    state: status.ready ? "ready" : "not ready",
    rules: status.rules_paused_s ? "paused" : "in force",
    paused_s: status.rules_paused_s || null,
    queries,
    rate: rate ?? queries / Math.max(status.uptime_s, 1),
    known: share(replies.ready + replies.cache + replies.stale, replied),
    blocked: share(status.blocked, queries - replies.ready),
    cache_used: share(cache.octets, cache.size),
    in_clear: sum(upstreams.map((it) => it.queries_in_clear)),
    turned_away: clients.denied + clients.limited + clients.malformed + clients.dropped + clients.shed,
    shares: Object.fromEntries(Object.entries(replies).map(([source, it]) => [source, share(it, replied)])),
    answers: sum(latency.map((it) => it.count)),
    half: quantile(latency, 0.5),
    most: quantile(latency, 0.95),
    heights: latency.map((it) => share(it.count, most) ?? 0),
  };
}

// ---- Write it into the document.

const at = (shown, path) => path.split(".").reduce((value, step) => value?.[step], shown);

function write(shown) {
  for (const element of all("[data-live]")) {
    const text = SPELLINGS[element.dataset.as](at(shown, element.dataset.live));
    if (element.textContent !== text) element.textContent = text;
  }
  for (const element of all("[data-set]")) {
    const [attribute, path] = element.dataset.set.split(":");
    element.setAttribute(attribute, at(shown, path) ?? 0);
  }
  for (const body of all("[data-rows]")) {
    const rows = (shown[body.dataset.rows] ?? []).map((it) => row(it.name, it.count));
    body.replaceChildren(...rows);
  }
}

function row(name, often) {
  const made = document.createElement("tr");
  const head = document.createElement("th");
  const cell = document.createElement("td");
  head.scope = "row";
  head.textContent = name;
  cell.className = "number";
  cell.textContent = SPELLINGS.count(often);
  made.append(head, cell);
  return made;
}

const samples = new Map();

function draw(name, value, label, spelling) {
  const drawing = document.querySelector(`[data-spark="${name}"]`);
  const kept = samples.get(name) ?? [];
  samples.set(name, kept);
  kept.push(value);
  if (kept.length > KEPT) kept.shift();
  const most = Math.max(...kept, 0.001);
  const step = WIDTH / (Math.max(kept.length, FEW) - 1);
  const left = WIDTH - step * (kept.length - 1);
  const points = kept.map((it, n) => `${(left + step * n).toFixed(2)},${(31 - (30 * it) / most).toFixed(2)}`);
  const line = `M${points.join("L")}`;
  drawing.querySelector(".line").setAttribute("d", line);
  drawing.querySelector(".area").setAttribute("d", `${line}L${WIDTH},32L${left.toFixed(2)},32Z`);
  const write = SPELLINGS[spelling];
  drawing.setAttribute("aria-label", `${label}: ${write(value)} now, at most ${write(most)} in two minutes`);
}

// ---- Say what changes, and only that, to those who listen.

let before = null;

function news(status) {
  const said = [];
  if (before && before.ready !== status.ready) {
    said.push(status.ready ? "Answers can be hoped for again." : "Every upstream is down.");
  }
  if (before && !before.rules_paused_s !== !status.rules_paused_s) {
    said.push(status.rules_paused_s ? "Rules are paused." : "Rules hold again.");
  }
  status.upstreams.forEach((it, n) => {
    const state = before?.upstreams[n]?.state;
    const turned = state && state !== it.state && [state, it.state].includes("down");
    if (turned) said.push(`${it.name} is ${it.state}.`);
  });
  if (said.length) tell(said.join(" "));
}

function tell(sentence) {
  byId("news").textContent = `${new Date().toLocaleTimeString()}: ${sentence}`;
}

function link(state, text) {
  if (document.body.dataset.link === state) return;
  document.body.dataset.link = state;
  byId("link").textContent = text;
}

// ---- Look at the proxy, again and again while somebody looks at the page.

let timer = 0;

// Whoever gives the token sees what is asked, and who asks.  What can be no token would
// make a header that browsers refuse.
function headers() {
  const token = byId("token")?.value ?? "";
  return /^[!-~]{16,}$/.test(token) ? { Authorization: `Bearer ${token}` } : {};
}

async function ask(path, options = {}) {
  return fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE), ...options });
}

// A reload of the configuration may bring other cards, or lists: the server writes them.
function changed(status) {
  const shown = [...all("[data-upstream]")].map((it) => it.dataset.upstream);
  const lists = ["top_names", "top_clients"].filter((key) => status[key]);
  const names = status.upstreams.map((it) => it.name);
  return names.join("\n") !== shown.join("\n") || lists.length !== all("[data-rows]").length;
}

function take(status) {
  if (changed(status)) return location.reload();
  const shown = { ...status, figures: figures(status) };
  const seconds = before ? status.uptime_s - before.uptime_s : 0;
  if (seconds > 0) {
    const rate = (shown.figures.queries - before.figures.queries) / seconds;
    shown.figures.rate = rate;
    draw("rate", rate, "Queries a second", "rate");
    byId("pace").textContent = " now";
  }
  status.upstreams.forEach((it, n) => {
    if (it.usual_ms !== null) draw(`upstream.${n}`, it.usual_ms, `Time that ${it.name} takes`, "milliseconds");
  });
  write(shown);
  news(status);
  if (document.body.dataset.link === "lost") tell("The proxy answers again.");
  link("live", "live, each second");
  before = shown;
}

async function look() {
  clearTimeout(timer);
  try {
    const reply = await ask("status", { headers: headers() });
    if (!reply.ok) throw new Error(reply.statusText);
    const status = await reply.json();
    // A proxy that was started anew counts anew.
    if (before && status.uptime_s < before.uptime_s) before = null;
    take(status);
  } catch {
    if (document.body.dataset.link !== "lost") tell("The proxy does not answer.");
    link("lost", "these numbers are old");
  }
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(look, PERIOD);
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (document.hidden) link("hidden", "waits until it is seen");
  else look();
});

// ---- Do something, with the token, which stays in its field.

const CALLS = {
  "flush-name": () => ["flush", { name: byId("name").value.trim(), subtree: byId("subtree").checked ? "1" : "" }],
  flush: () => ["flush", {}],
  pause: () => ["pause", { seconds: "300" }],
  resume: () => ["pause", { seconds: "0" }],
};

const DONE = {
  flush: ({ forgotten }) => (forgotten === 1 ? "1 answer is forgotten." : `${grouped(forgotten)} answers are forgotten.`),
  pause: ({ rules_paused_s: seconds }) => (seconds ? `Rules are paused for ${span(seconds)}.` : "Rules hold."),
};

function outcome(text, failed) {
  const place = byId("outcome");
  place.toggleAttribute("data-failed", failed);
  place.textContent = text;
}

async function act(call) {
  const [path, words] = CALLS[call]();
  if (call === "flush-name" && !words.name) {
    byId("name").focus();
    return outcome("Which name?", true);
  }
  try {
    const headers = { Authorization: `Bearer ${byId("token").value}` };
    const reply = await ask(path, { method: "POST", headers, body: new URLSearchParams(words) });
    if (!reply.ok) return outcome(`Not done: ${(await reply.text()).trim()}.`, true);
    outcome(DONE[path](await reply.json()), false);
  } catch {
    return outcome("Not done: the proxy does not answer, or the token has odd characters.", true);
  }
  return look();
}

byId("actions")?.addEventListener("submit", (event) => {
  event.preventDefault();
  act(event.submitter.value);
});
byId("actions")?.removeAttribute("hidden");
look();

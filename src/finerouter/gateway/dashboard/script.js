"use strict";
// Everything shown is put in as text, never as markup: prompts and names come from strangers.
const REFRESH_MS = 5000;
const byId = (id) => document.getElementById(id);
let timer = 0;
let open = null;
let shown = null;

function element(tag, content, attributes = {}) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  for (const item of [content].flat()) {
    if (item !== null && item !== undefined) node.append(item);
  }
  return node;
}

function shape(tag, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

const known = (value) => value !== null && value !== undefined;
const count = (value) => (known(value) ? value.toLocaleString("en") : "–");
const share = (value) => (known(value) ? `${(100 * value).toFixed(0)}%` : "–");
const quality = (value) => (known(value) ? value.toFixed(2) : "–");
const ms = (value) =>
  !known(value) ? "–" : value < 1000 ? `${value.toFixed(0)} ms` : `${(value / 1000).toFixed(1)} s`;

// Calls of small models cost millionths: rows of zeros, or $7e-7, nobody compares at a glance.
// Less than a millionth of a millionth is what sums of amounts are wrong by.
function usd(value) {
  if (!known(value)) return "–";
  const size = Math.abs(value);
  if (size < 1e-12) return "$0";
  const sign = value < 0 ? "-" : "";
  const rounded = Number(size.toPrecision(3)); // 0.9999 is a dollar, and no $1 beside $1.00
  if (rounded >= 1) return `${sign}$${size.toFixed(2)}`;
  if (rounded >= 0.001) return `${sign}$${rounded}`;
  const millionths = Number((size * 1e6).toPrecision(3));
  return millionths < 0.001 ? `${sign}<0.001\u00a0µ$` : `${sign}${millionths}\u00a0µ$`;
}

function clock(seconds) {
  return new Date(seconds * 1000).toLocaleString([], { dateStyle: "short", timeStyle: "medium" });
}

async function ask(path, options = {}) {
  const key = sessionStorage.getItem("key");
  const headers = { ...options.headers, ...(key ? { authorization: `Bearer ${key}` } : {}) };
  const reply = await fetch(path, { ...options, headers });
  const body = await reply.json();
  if (reply.ok) return body;
  const error = new Error((body.error && body.error.message) || `status ${reply.status}`);
  error.status = reply.status;
  throw error;
}

function table(columns, rows, empty) {
  if (!rows.length) return element("p", empty, { class: "empty" });
  const kind = (column) => (column.number ? { class: "n" } : {});
  const head = columns.map((column) => element("th", column.name, kind(column)));
  const body = rows.map((row) =>
    element("tr", columns.map((column) => {
      const value = column.of(row);
      return element("td", value instanceof Node ? value : String(value), kind(column));
    })),
  );
  const whole = element("table", [element("thead", element("tr", head)), element("tbody", body)]);
  return element("div", whole, { class: "wide" });
}

function bar(part) {
  const node = element("div", null, { class: "bar" });
  node.style.width = `${Math.max(0, Math.min(1, part)) * 100}%`;
  return node;
}

function show(id, ...nodes) {
  byId(id).replaceChildren(...nodes);
}

function cards(data) {
  const all = data.totals;
  const saved = (other) =>
    known(other) && known(all.cost_usd) && other > 0
      ? `${usd(other - all.cost_usd)} (${share(1 - all.cost_usd / other)})`
      : "–";
  const figures = [
    [count(all.requests), "requests"],
    [count(all.errors), "of them failed"],
    [usd(all.cost_usd), "spent"],
    [saved(all.best_usd), `saved against always ${data.always_best}`],
  ];
  if (data.baseline) figures.push([saved(all.baseline_usd), `saved against always ${data.baseline}`]);
  figures.push([ms(all.latency_p50_ms), "median latency"], [ms(all.latency_p95_ms), "95th percentile"]);
  show("cards", ...figures.map(([value, name]) =>
    element("div", [element("b", value), element("span", name)], { class: "card" })));
}

function spend(data) {
  const hours = data.by_hour;
  byId("spend-hint").textContent =
    `blue: spent; grey: what always ${data.always_best} would have cost; µ$ are millionths`;
  if (!hours.length) return show("spend", element("p", "No requests yet.", { class: "empty" }));
  const plot = shape("svg", { role: "img", "aria-label": "Spend by hour" });
  show("spend", plot); // before it is drawn: text has a width only in the page
  const [width, height, bottom] = [Math.max(byId("spend").clientWidth, 240), 170, 18];
  plot.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const most = Math.max(...hours.map((hour) => Math.max(hour.cost_usd || 0, hour.best_usd || 0)));
  const top = Math.max(most, 1e-9);
  const marks = (most ? [0, 0.5, 1] : [0]).map((part) => {
    const y = 8 + (1 - part) * (height - bottom - 8);
    return [y, shape("text", { y: y + 4, "text-anchor": "end" }, usd(part * top))];
  });
  plot.append(...marks.map(([, label]) => label));
  const left = 6 + Math.ceil(Math.max(...marks.map(([, label]) => label.getComputedTextLength())));
  const first = hours[0].hour_s;
  const slots = Math.max(1, Math.round((hours[hours.length - 1].hour_s - first) / 3600) + 1);
  const step = (width - left) / Math.max(slots, 12);
  for (const [y, label] of marks) {
    plot.append(shape("line", { x1: left, x2: width, y1: y, y2: y, stroke: "var(--line)" }));
    label.setAttribute("x", left - 6);
  }
  for (const hour of hours) {
    const x = left + step * Math.round((hour.hour_s - first) / 3600);
    for (const [value, fill, inset] of [[hour.best_usd, "var(--other)", 0.08], [hour.cost_usd, "var(--accent)", 0.28]]) {
      const tall = ((value || 0) / top) * (height - bottom - 8);
      const box = shape("rect", { x: x + step * inset, y: height - bottom - tall, width: step * (1 - 2 * inset), height: tall, fill });
      box.append(shape("title", {}, `${clock(hour.hour_s)}: ${usd(hour.cost_usd)} spent, ${count(hour.requests)} requests`));
      plot.append(box);
    }
  }
  const right = left + step * slots;
  const ends = [[hours[0], left, "start"], [hours[hours.length - 1], right, "end"]].map(([hour, x, anchor]) =>
    shape("text", { x, y: height - 4, "text-anchor": anchor }, clock(hour.hour_s)));
  plot.append(...ends);
  const needed = 8 + ends[0].getComputedTextLength() + ends[1].getComputedTextLength();
  if (needed > right - left) ends[1].remove();
}

function models(data) {
  const most = Math.max(...data.by_model.map((row) => row.requests), 1);
  show("models", table([
    { name: "model", of: (row) => row.model || "none" },
    { name: "", of: (row) => bar(row.requests / most) },
    { name: "requests", number: true, of: (row) => count(row.requests) },
    { name: "spent", number: true, of: (row) => usd(row.cost_usd) },
    { name: "expected quality", number: true, of: (row) => quality(row.quality) },
    { name: "median", number: true, of: (row) => ms(row.latency_p50_ms) },
    { name: "95 %", number: true, of: (row) => ms(row.latency_p95_ms) },
  ], data.by_model, "No requests yet."));
}

function tasks(data) {
  const most = Math.max(...data.by_task.map((row) => row.requests), 1);
  show("tasks", table([
    { name: "task", of: (row) => row.task || "none of the known" },
    { name: "", of: (row) => bar(row.requests / most) },
    { name: "requests", number: true, of: (row) => count(row.requests) },
    { name: "spent", number: true, of: (row) => usd(row.cost_usd) },
  ], data.by_task.slice(0, 15), "No requests yet."));
}

function candidates(list, chosen) {
  return table([
    { name: "model", of: (row) => element("span", row.model, row.model === chosen ? { class: "good" } : {}) },
    { name: "quality", number: true, of: (row) => `${quality(row.quality)} ± ${quality(row.quality_std)}` },
    { name: "expected cost", number: true, of: (row) => usd(row.cost_usd) },
    { name: "", of: (row) => (row.model === chosen ? "chosen" : row.filtered || "") },
  ], list, "Asked for by name.");
}

function details(row) {
  const facts = [
    `decision ${row.decision_id}`,
    row.policy ? `policy ${row.policy}` : "asked for by name",
    row.sticky ? "the conversation was on it" : "",
    row.explored ? "drawn by chance" : "",
    row.tier_down ? "a budget neared its end" : "",
    row.attempts.length > 1 ? `${row.attempts.length} attempts` : "",
    row.error,
  ].filter(Boolean).join(" · ");
  const parts = [element("p", facts, { class: "hint" })];
  if (row.prompt) parts.push(element("p", row.prompt));
  return element("td", [...parts, candidates(row.estimates, row.model)], { colspan: "7" });
}

function recent(data) {
  if (!data.recent.length) return show("recent", element("p", "No requests yet.", { class: "empty" }));
  const columns = ["time", "model", "task", "key", "cost", "latency", ""];
  const body = element("tbody", null);
  for (const row of data.recent) {
    const bad = row.outcome !== "ok";
    const cells = [
      clock(row.time_s), row.model || "none", row.task || "–", row.key || "–",
      usd(row.cost_usd), ms(row.latency_ms), bad ? `${row.outcome} ${row.status}` : "ok",
    ];
    const line = element("tr", cells.map((cell, at) =>
      element("td", cell, at === 6 && bad ? { class: "bad" } : {})), { class: "more", tabindex: "0" });
    const toggle = () => { open = open === row.decision_id ? null : row.decision_id; recent(data); };
    line.addEventListener("click", toggle);
    line.addEventListener("keydown", (event) => { if (event.key === "Enter") toggle(); });
    body.append(line);
    if (open === row.decision_id) body.append(element("tr", details(row)));
  }
  const head = element("thead", element("tr", columns.map((name) => element("th", name))));
  show("recent", element("div", element("table", [head, body]), { class: "wide" }));
}

function endpoints(data) {
  show("endpoints", table([
    { name: "endpoint", of: (row) => row.name },
    { name: "", of: (row) => element("span", row.state, { class: row.state === "closed" ? "good" : "bad" }) },
    { name: "under way", number: true, of: (row) => count(row.under_way) },
    { name: "last trouble", of: (row) => row.last_error || row.key_missing || "none" },
  ], data.endpoints.map((row) => ({ ...row, state: row.state })), "No endpoints."));
}

function keys(data) {
  show("keys", table([
    { name: "key", of: (row) => row.key || "none" },
    { name: "requests", number: true, of: (row) => count(row.requests) },
    { name: "spent", number: true, of: (row) => usd(row.cost_usd) },
  ], data.by_key, "No requests yet."));
}

function told(text, bad) {
  byId("status").textContent = text;
  byId("status").className = bad ? "bad" : "";
}

async function refresh() {
  clearTimeout(timer);
  try {
    const data = await ask(`/dashboard/data?hours=${byId("hours").value}`);
    byId("login").hidden = true;
    byId("main").hidden = false;
    shown = data;
    for (const part of [cards, spend, models, tasks, recent, endpoints, keys]) part(data);
    const trouble = data.journal.message;
    told(trouble ? `journal: ${trouble}` : `up to date at ${clock(data.time_s)}`, Boolean(trouble));
  } catch (error) {
    if (error.status === 401 || error.status === 403) {
      sessionStorage.removeItem("key");
      byId("login").hidden = false;
      byId("main").hidden = true;
      told(error.message, error.status === 403);
      return;
    }
    told(`no answer from the gateway (${error.message}); trying again`, true);
  }
  timer = setTimeout(refresh, REFRESH_MS);
}

async function tryPrompt(event) {
  event.preventDefault();
  const prompt = byId("prompt").value;
  try {
    const answer = await ask("/v1/route", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt }),
    });
    const kind = answer.task ? `task ${answer.task} (${share(answer.task_probability)})` : "no known task";
    show("tried",
      element("p", [element("b", answer.model), `: ${answer.reason}`]),
      element("p", `${kind}; decided in ${answer.routing_ms.toFixed(1)} ms`, { class: "hint" }),
      candidates(answer.candidates, answer.model));
  } catch (error) {
    show("tried", element("p", error.message, { class: "bad" }));
  }
}

byId("login").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("key", byId("key").value.trim());
  byId("key").value = "";
  refresh();
});
byId("try").addEventListener("submit", tryPrompt);
byId("hours").addEventListener("change", refresh);
addEventListener("resize", () => { if (shown && !byId("main").hidden) spend(shown); });
refresh();

/* Live calls: pop-ups (cards that shrink to a pill), and the list of what is going on now.

   A card is for a call that concerns the viewer: their telephone rings, they talk, or it is their customer. Whatever
   else they may see is only listed. Cards never take the focus; each call is announced once. */
import { alertOf, quiet } from "./alerts.js";
import { fillCard, fillMini, nameOf, stateWords } from "./call_card.js";
import { say } from "./said.js";
import { clockTime, fill, length, now, words } from "./words.js";

const CARD_HEIGHT = 300;
const ENDED_SHRINKS = 45;
const ENDED_LEAVES = 3600;
const MOST_ENDED = 4;
const TEST_STAYS = 20;
const STORE = "y-calls";

/** id -> the call as the stream told it, with `seen`: when it came to this page. */
const calls = new Map();
const elements = new Map();
const announced = new Set();

const box = () => document.getElementById("y-calls");
const over = (call) => call.state === "ended";

/* --- what the viewer did with a card; shared between tabs, ids only --- */

function views() {
  try {
    return JSON.parse(localStorage.getItem(STORE) || "{}");
  } catch {
    return {};
  }
}

function setView(id, view) {
  const kept = Object.entries(views()).filter(([, entry]) => entry.at > now() - 86_400);
  localStorage.setItem(STORE, JSON.stringify({ ...Object.fromEntries(kept), [id]: { view, at: Math.floor(now()) } }));
  render();
}

function viewOf(call, views_, position) {
  const chosen = views_[call.id]?.view;
  if (chosen) return chosen;
  if (over(call) && now() - call.endedHere > ENDED_SHRINKS && !isWriting(call.id)) return "mini";
  if (phone.matches && call.mine === "rep" && call.state === "talking") return "mini";
  return position < fullCards() ? "full" : "mini";
}

const phone = window.matchMedia("(max-width: 767px)");

/** As many cards as the screen has room for; the others are pills. */
const fullCards = () => (phone.matches ? 1 : Math.min(3, Math.max(1, Math.floor((window.innerHeight - 150) / CARD_HEIGHT))));

const isWriting = (id) => elements.get(id)?.querySelector("form:not([hidden])") != null;

/* --- showing --- */

function concerns(call) {
  return ["ringing", "talking", "rep"].includes(call.mine);
}

function shown() {
  const mine = [...calls.values()].filter((call) => call.pops).sort((a, b) => over(a) - over(b) || b.started_at - a.started_at);
  const ended = mine.filter(over);
  const tooMany = new Set(ended.slice(MOST_ENDED).filter((call) => !isWriting(call.id)));
  return mine.filter((call) => !tooMany.has(call));
}

export function render() {
  const kept = views();
  let position = 0;
  const wanted = [];
  for (const call of shown()) {
    const view = viewOf(call, kept, position);
    if (view === "closed") continue;
    if (view === "full") position += 1;
    wanted.push([call, view]);
  }
  const ids = new Set(wanted.map(([call]) => call.id));
  for (const [id, element] of elements) {
    if (ids.has(id)) continue;
    element.remove();
    elements.delete(id);
  }
  let before = null;
  for (const [call, view] of wanted) {
    const element = place(call, view);
    const next = before ? before.nextSibling : box().firstChild;
    if (element !== next) box().insertBefore(element, next);
    before = element;
  }
  renderNow();
}

function place(call, view) {
  let element = elements.get(call.id);
  if (!element || element.dataset.view !== view) {
    const fresh = document.getElementById(view === "full" ? "y-call-card" : "y-call-mini").content.firstElementChild.cloneNode(true);
    fresh.dataset.view = view;
    fresh.dataset.call = call.id;
    element?.replaceWith(fresh);
    elements.set(call.id, fresh);
    element = fresh;
  }
  element.dataset.state = call.state === "arriving" || call.state === "waiting" ? "ringing" : call.state;
  if (view === "full") fillCard(element, call);
  else fillMini(element, call);
  return element;
}

function renderNow() {
  const list = document.querySelector("[data-now]");
  if (!list) return;
  const live = [...calls.values()].filter((call) => !over(call) && !call.test).sort((a, b) => b.started_at - a.started_at);
  list.replaceChildren(...live.slice(0, 12).map(nowRow));
  document.querySelector("[data-now-count]").textContent = live.length || "";
  document.querySelector("[data-now-none]").hidden = live.length > 0;
}

function nowRow(call) {
  const row = document.createElement("li");
  const dot = document.createElement("span");
  dot.className = "y-dot";
  dot.dataset.tone = call.state === "talking" ? "" : call.state === "held" ? "amber" : "grey";
  const name = document.createElement("b");
  name.className = "y-cut";
  name.textContent = nameOf(call);
  const timer = document.createElement("span");
  timer.dataset.since = Math.floor(call.answered_at || call.started_at);
  timer.textContent = length(now() - (call.answered_at || call.started_at));
  const line = document.createElement("small");
  line.textContent = [stateWords(call), ...(call.talking ? [call.talking] : call.ringing || []).map((one) => fill(words.ext, { number: one }))].join(" · ");
  row.append(dot, name, timer, line);
  return row;
}

/** Shows a tried pop-up, by the way that calls take; whether it can be seen. */
export function showTest(test) {
  const id = `test-${test.number}`;
  const at = now();
  calls.set(id, { id, test: true, state: "ringing", direction: "in", started_at: at, ringing: [], cards: [], mine: "ringing", pops: true, name: words.popUpTest.name });
  render();
  window.setTimeout(() => {
    calls.delete(id);
    render();
  }, TEST_STAYS * 1000);
  const place = elements.get(id)?.getBoundingClientRect();
  return Boolean(place) && place.height > 0 && place.bottom > 0 && place.top < window.innerHeight;
}

/* --- what the stream says --- */

document.addEventListener("live:call", (event) => {
  const told = event.detail;
  const known = calls.get(told.id);
  const call = { ...known, ...told };
  call.pops = known?.pops || (concerns(told) && !(over(told) && !known));
  if (over(call)) {
    call.endedHere = known?.endedHere || now();
    if (!call.pops) calls.delete(call.id);
    else calls.set(call.id, call);
    quiet(call.id);
  } else calls.set(call.id, call);
  render();
  if (call.pops && !over(call) && call.state !== "talking" && !announced.has(call.id)) {
    announced.add(call.id);
    document.getElementById("y-aloud").textContent = fill(words.rings, { name: nameOf(call) });
    alertOf(call, nameOf(call));
  } else if (call.state === "talking") quiet(call.id);
});

document.addEventListener("live:gone", (event) => {
  calls.delete(event.detail.id);
  quiet(event.detail.id);
  render();
});

const takenSaid = new Set();
document.addEventListener("live:taken", (event) => {
  if (takenSaid.has(event.detail.id)) return;
  takenSaid.add(event.detail.id);
  say({ text: words.taken });
});

/* --- what the viewer does --- */

document.addEventListener("click", (event) => {
  const mini = event.target.closest(".y-mini");
  if (mini) {
    setView(mini.dataset.call, "full");
    elements.get(mini.dataset.call)?.querySelector("[data-act=minimise]")?.focus();
    return;
  }
  const card = event.target.closest(".y-call");
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (!card || !act) return;
  const id = card.dataset.call;
  if (act === "minimise") {
    setView(id, "mini");
    elements.get(id)?.focus();
  } else if (act === "close") setView(id, "closed");
  else if (act === "note") {
    const form = card.querySelector("form");
    form.hidden = !form.hidden;
    if (!form.hidden) form.querySelector("textarea").focus();
  } else if (act === "pass") {
    window.htmx.ajax("GET", words.passUrl.replace("ID", encodeURIComponent(id)), { target: "#y-dialog", swap: "innerHTML" });
  } else if (act === "open" && over(calls.get(id))) setView(id, "closed");
});

document.addEventListener("submit", (event) => {
  const card = event.target.closest(".y-call");
  if (!card) return;
  event.preventDefault();
  const id = card.dataset.call;
  const url = words.recordUrl.replace("ID", encodeURIComponent(id));
  const values = Object.fromEntries(new FormData(event.target));
  window.htmx.ajax("POST", url, { values, swap: "none", source: event.target });
});
document.addEventListener("htmx:afterRequest", (event) => {
  const card = event.detail.elt.closest?.(".y-call");
  if (!card || event.detail.requestConfig.verb !== "post" || !event.detail.successful) return;
  card.querySelector("form").hidden = true;
  card.querySelector("textarea").value = "";
  setView(card.dataset.call, over(calls.get(card.dataset.call)) ? "closed" : "mini");
});

window.addEventListener("storage", (event) => {
  if (event.key === STORE) render();
});

/* Timers run; what ended long ago leaves. */
window.setInterval(() => {
  const at = now();
  let changed = false;
  for (const [id, call] of calls) {
    if (over(call)) {
      if (at - call.endedHere > ENDED_LEAVES) changed = calls.delete(id);
      else if (elements.get(id)?.dataset.view === "full" && at - call.endedHere > ENDED_SHRINKS) changed = true;
      continue;
    }
    const timer = elements.get(id)?.querySelector('[data-slot="timer"]');
    if (timer) timer.textContent = length(at - (call.answered_at || call.started_at));
  }
  if (changed) render();
}, 1000);

/* --- the state of the stream --- */

function stateText({ state, since, exchanges }) {
  const all = Object.values(exchanges || {});
  const up = all.filter((one) => one === "up").length;
  if (state === "live") return [all.length ? fill(words.liveWith, { up, all: all.length }) : words.live, up < all.length ? "amber" : ""];
  if (state === "away") return [fill(words.notLive, { time: clockTime(since) }), "amber"];
  if (state === "signed-out") return [words.signedOut, "amber"];
  if (state === "limit") return [words.tooManyTabs, "amber"];
  return [words.connecting, "grey"];
}

document.addEventListener("live:state", (event) => {
  const pill = document.getElementById("y-live-state");
  if (!pill) return;
  const [text, tone] = stateText(event.detail);
  pill.dataset.tone = tone;
  pill.querySelector("[data-text]").textContent = text;
});

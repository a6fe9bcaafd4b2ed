/* Fills the card and the pill of a call; what did not change is left alone, so that no focus and no text is lost. */
import { fill, length, moment, now, words } from "./words.js";

const slot = (element, name) => element.querySelector(`[data-slot="${name}"]`);

function set(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

const polite = (name) => fill(words.polite, { name });

/** Who it is, in a few words. */
export function nameOf(call) {
  const cards = call.cards || [];
  if (call.test) return call.name;
  if (cards.length === 1) return cards[0].match === "probable" ? fill(words.maybe, { name: polite(cards[0].name) }) : polite(cards[0].name);
  if (cards.length > 1) return fill(words.several, { number: cards.length });
  if (call.direction === "internal") return words.internal;
  if (!call.number) return call.direction === "out" ? words.outgoingCall : words.withheld;
  return call.name || words.unregistered;
}

/** How the call stands. */
export function stateWords(call) {
  if (call.test) return words.popUpTest.state;
  if (call.state !== "ended") return words.states[call.state] || call.state;
  const table = call.direction === "out" ? words.outgoing : words.outcomes;
  return (call.disposition && call.disposition !== "answered" && table[call.disposition]) || words.states.ended;
}

function where(call) {
  const one = (number) => fill(call.mine === "ringing" || call.mine === "talking" ? words.yourExt : words.ext, { number });
  if (call.talking) return `→ ${one(call.talking)}`;
  const ringing = call.ringing || [];
  if (ringing.length) return `→ ${one(ringing.slice(0, 3).join(", "))}${ringing.length > 3 ? " …" : ""}`;
  if (call.queue && call.state !== "ended") return fill(words.queue, { name: call.queue });
  return "";
}

function timer(call) {
  const from = call.answered_at || call.started_at;
  if (call.state === "ended") return call.answered_at && call.ended_at ? length(call.ended_at - call.answered_at) : "";
  return length(now() - from);
}

export function fillMini(element, call) {
  set(slot(element, "state"), stateWords(call));
  set(slot(element, "timer"), timer(call));
  set(slot(element, "name"), nameOf(call));
}

export function fillCard(element, call) {
  set(slot(element, "state"), stateWords(call));
  set(slot(element, "timer"), timer(call));
  set(slot(element, "where"), where(call));
  set(slot(element, "number"), call.number || (call.direction === "internal" || call.test ? "" : words.withheld));
  if (call.test) element.querySelector(".y-buttons").hidden = true;
  set(slot(element, "match"), match(call));
  element.querySelector('[data-act="open"]').href = words.openUrl.replace("ID", encodeURIComponent(call.id));
  element.setAttribute("aria-label", `${stateWords(call)}: ${nameOf(call)}`);
  const key = JSON.stringify([call.cards, call.name, call.number]);
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  people(element, call);
}

function match(call) {
  const kinds = new Set((call.cards || []).map((card) => card.match));
  if (!kinds.size) return call.number ? words.matches.none : "";
  return words.matches[kinds.has("exact") ? "exact" : "probable"];
}

function people(element, call) {
  const cards = call.cards || [];
  const persons = cards.length ? cards.map((card) => person(card)) : [person({ name: "" }, nameOf(call))];
  slot(element, "people").replaceChildren(...persons);
  slot(element, "facts").replaceChildren(...(cards.length === 1 ? facts(cards[0]) : []));
  const whom = slot(element, "whom");
  whom.hidden = cards.length < 2;
  whom.querySelector("select").replaceChildren(...cards.map((card) => new Option(`${polite(card.name)} (${card.code})`, card.code)));
}

function person(card, instead) {
  const element = document.getElementById("y-call-person").content.firstElementChild.cloneNode(true);
  slot(element, "name").textContent = instead || polite(card.name);
  slot(element, "kana").textContent = card.kana || "";
  if (!card.code) {
    slot(element, "line").remove();
    slot(element, "chips").remove();
    return element;
  }
  slot(element, "line").textContent = [fill(words.code, { code: card.code }), card.branch_name].filter(Boolean).join(" · ");
  const user = document.querySelector("[data-user]").dataset.user;
  const chips = [
    [card.rep === user ? words.repYou : fill(words.rep, { name: card.rep_name || words.noRep }), "violet"],
    [fill(words.class, { number: card.class }), card.class === 1 ? "red" : ""],
  ];
  if (card.match === "probable") chips.push([words.matches.probable, "amber"]);
  slot(element, "chips").replaceChildren(...chips.map(([text, tone]) => chip(text, tone)));
  return element;
}

function chip(text, tone) {
  const element = document.createElement("span");
  element.className = "y-chip";
  if (tone) element.dataset.tone = tone;
  element.textContent = text;
  return element;
}

function facts(card) {
  const rows = [[words.open, String(card.open_calls || 0)]];
  const contacts = card.contacts || [];
  const told = contacts.slice(0, window.innerWidth < 768 ? 1 : 2).map((one) => [moment(one.at), words.channels[one.channel] || one.channel, words.worded[one.channel]?.[one.result] || words.results[one.result] || one.result, one.by_name].filter(Boolean).join(" · "));
  rows.push([words.lastContact, told.length ? told.join("\n") : words.noContact]);
  return rows.flatMap(([term, text]) => {
    const dt = document.createElement("dt");
    const dd = document.createElement("dd");
    dt.textContent = term;
    dd.textContent = text;
    dd.className = "y-said";
    return [dt, dd];
  });
}

/* The page's end of the live stream. Every event becomes a CustomEvent on the document:
 *
 *   live:call      {id, state, direction, started_at, ringing_at, answered_at, ended_at, disposition, ringing: [ext],
 *                   talking: ext, queue, branch, exchange, number, number_masked, name, cards: [...], mine}
 *                  mine: "ringing" | "talking" (own telephone), "rep" (own customer), "branch", "span"
 *   live:gone      {id}: a call that is over, or turned out not to be yours to see: take its card away
 *   live:taken     {id, state, extension, answered_at, ended_at}: you took a call of somebody you may not see
 *   live:work      {} or {calls: [...], items: [...]}: fetch lists and counts again
 *   live:seat      {exchange, extension, why, by, mine}: whose telephone it is changed, and you got or lost it
 *   live:test      {number, asked_at, sent_at, screens}: the pop-up that you wanted to try
 *   live:exchange  {exchange, branch, state}
 *   live:resync    {}: something was missed: fetch everything again
 *   live:state     {state, since, exchanges: {id: state}}, since in seconds of 1970, UTC
 *                  state: "connecting", "live", "away" (not live since), "signed-out", "limit" (open too many times)
 *
 * Times are seconds since 1970, UTC. The stream belongs to a SharedWorker where there is one, else to the page.
 */
import { LiveStream } from "./stream.js";

const emit = (name, detail) => document.dispatchEvent(new CustomEvent(`live:${name}`, { detail }));

function throughWorker(user) {
  const worker = new SharedWorker(new URL("./shared-worker.js", import.meta.url), { type: "module", name: "yobirin" });
  const { port } = worker;
  let heard = false;
  let own = null;
  const fallBack = () => {
    if (!heard && !own) own = inPage(user);
  };
  worker.onerror = fallBack;
  port.onmessage = ({ data: [name, detail] }) => {
    heard = true;
    if (!own) emit(name, detail);
  };
  const join = () => port.postMessage({ join: user });
  join();
  window.addEventListener("pagehide", () => port.postMessage({ leave: true }));
  window.addEventListener("pageshow", (event) => event.persisted && join());
  window.setTimeout(fallBack, 4000);
  return { signOut: () => (own ? own.signOut() : port.postMessage({ signOut: true })) };
}

function inPage(user) {
  const stream = new LiveStream(emit);
  stream.open(user);
  window.addEventListener("pagehide", () => stream.hangUp());
  window.addEventListener("pageshow", (event) => event.persisted && stream.open(user));
  return { signOut: () => stream.close("signed-out") };
}

function start() {
  const user = document.querySelector("[data-user]")?.dataset.user;
  if (!user) return;
  const live = window.SharedWorker ? throughWorker(user) : inPage(user);
  document.addEventListener("submit", (event) => {
    if (new URL(event.target.action, window.location.href).pathname === "/signout") live.signOut();
  });
}

// After every module of the page has run, so that their listeners miss nothing.
if (document.readyState === "complete") start();
else window.addEventListener("DOMContentLoaded", start);

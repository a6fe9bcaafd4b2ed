/* "Test my pop-up" on the settings page: the server sends a test over the way that calls take; here every step says how
   far it came, and what to do where it stopped. Nothing of it is a call. */
import { notifyTest, soundTest } from "./alerts.js";
import { showTest } from "./calls.js";
import { preference } from "./preferences.js";
import { fill, now, words } from "./words.js";

const PATIENCE = 8;
const STEPS = ["asked", "taken", "arrived", "shown", "notification", "sound"];
let running = null;
let stream = "connecting";

const list = () => document.querySelector("[data-pop-up-test]");
const sentences = () => words.popUpTest;

function mark(step, light, text) {
  const row = list()?.querySelector(`[data-step="${step}"]`);
  if (!row) return;
  row.dataset.tone = { done: "green", failed: "red", partly: "amber", waits: "grey" }[light];
  const chip = row.querySelector("[data-light]");
  chip.textContent = chip.dataset[light];
  if (light === "waits") delete chip.dataset.tone;
  else chip.dataset.tone = row.dataset.tone;
  row.querySelector("[data-text]").textContent = text;
}

function begin() {
  list().hidden = false;
  STEPS.forEach((step) => mark(step, "waits", step === "asked" ? sentences().waits : ""));
  running = { number: null, at: now(), arrived: false, early: null };
}

async function ask(form) {
  begin();
  let answer;
  try {
    answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "HX-Request": "true" } });
  } catch {
    return mark("asked", "failed", words.away);
  }
  if (!answer.ok) return mark("asked", "failed", answer.status === 401 ? sentences().signedOut : words.refused);
  const { number, url } = await answer.json();
  running.number = number;
  mark("asked", "done", "");
  mark("taken", "waits", sentences().waits);
  if (running.early?.number === number) return arrived(running.early);
  return watch(url);
}

async function watch(url) {
  const mine = running;
  while (mine === running && !mine.arrived && now() - mine.at < PATIENCE) {
    await new Promise((resolve) => window.setTimeout(resolve, 500));
    const answer = await fetch(url, { headers: { "HX-Request": "true" } }).catch(() => null);
    const done = answer?.ok && (await answer.json()).done;
    if (done && !mine.arrived && !mine.taken) {
      mine.taken = true;
      mark("taken", "done", sentences().taken);
      mark("arrived", "waits", sentences().waits);
    }
  }
  if (mine !== running || mine.arrived) return;
  if (!mine.taken) mark("taken", "failed", sentences().notTaken);
  else mark("arrived", "failed", stream === "live" ? fill(sentences().lost, { seconds: PATIENCE }) : sentences().away);
}

async function arrived(test) {
  running.arrived = true;
  mark("taken", "done", sentences().taken);
  const seconds = Math.max(0, now() - running.at).toFixed(1);
  mark("arrived", "done", fill(sentences().arrived, { seconds, screens: test.screens }));
  const seen = showTest(test);
  mark("shown", seen ? "done" : "failed", seen ? sentences().shown : sentences().notShown);
  const notified = notifyTest(sentences().name);
  mark("notification", notified === "granted" ? "done" : "partly", sentences()[notified]);
  if (!preference("sound")) return mark("sound", "partly", sentences().soundOff);
  const heard = await soundTest();
  return mark("sound", heard ? "done" : "failed", heard ? sentences().heard : sentences().silent);
}

document.addEventListener("live:state", (event) => {
  stream = event.detail.state;
});
document.addEventListener("live:test", (event) => {
  const { number } = event.detail;
  if (list() && running?.number === number) arrived(event.detail);
  else if (list() && running && running.number === null) running.early = event.detail; // before the server's answer
  else showTest(event.detail); // another page of the user asked for it
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-tries-pop-up]")) return;
  event.preventDefault();
  ask(event.target);
});

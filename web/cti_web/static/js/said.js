/* The bar that says what was done, with *undo* for a while. */

const SHOWN_FOR = 12_000;
let timer = 0;
let way = null;

const bar = () => document.getElementById("y-said");

/** Shows a sentence; `url` and `fields` are the POST that takes it back. */
export function say({ text, url, fields, tone }) {
  const element = bar();
  const button = element.querySelector("button:not([data-close])");
  way = url ? { url, fields } : null;
  element.hidden = true;
  element.dataset.tone = tone || "";
  element.querySelector("[data-text]").textContent = text;
  button.hidden = !way;
  element.hidden = false;
  wait();
}

/** Takes the last act back, if it still can be. */
export function undo() {
  if (!way || bar().hidden) return;
  const { url, fields } = way;
  hide();
  window.htmx.ajax("POST", url, { values: fields, swap: "none", source: bar() });
}

function hide() {
  window.clearTimeout(timer);
  bar().hidden = true;
  way = null;
}

function wait() {
  window.clearTimeout(timer);
  timer = window.setTimeout(() => (bar().matches(":hover, :focus-within") ? wait() : hide()), SHOWN_FOR);
}

document.addEventListener("y:said", (event) => say(event.detail));

document.addEventListener("click", (event) => {
  if (!event.target.closest("#y-said button")) return;
  if (event.target.closest("[data-close]")) hide();
  else undo();
});

function readFlash() {
  const left = document.querySelector("template[data-said]");
  if (!left) return;
  say(JSON.parse(left.dataset.said));
  left.remove();
}

document.addEventListener("htmx:afterSettle", readFlash);
readFlash();

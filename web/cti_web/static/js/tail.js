/* The raw tail on an exchange's page: follows it while somebody looks, keeps it short, filters what is shown. */

const EVERY = 2000;
const KEPT = 400;
const list = () => document.getElementById("y-tail");

let timer = 0;

function running() {
  return document.querySelector("[data-tail-run]")?.getAttribute("aria-pressed") === "true";
}

function ask() {
  timer = 0;
  if (!running()) return;
  if (document.hidden) later();
  else window.htmx.trigger(list(), "refresh");
}

function later() {
  if (!timer) timer = window.setTimeout(ask, EVERY);
}

function run(on) {
  const button = document.querySelector("[data-tail-run]");
  if (!button) return;
  button.setAttribute("aria-pressed", String(on));
  button.querySelector("span").textContent = on ? button.dataset.stop : button.dataset.start;
  if (on) ask();
}

function sift(lines) {
  const wanted = document.querySelector("[data-tail-filter]").value.trim().toLowerCase();
  for (const line of lines) line.hidden = wanted !== "" && !line.textContent.toLowerCase().includes(wanted);
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-tail-run]")) run(!running());
});

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-tail-filter]")) sift(list().querySelectorAll("[data-raw]"));
});

let atEnd = true;
document.addEventListener("htmx:beforeSwap", (event) => {
  const lines = list();
  if (event.detail.target !== lines || !lines) return;
  atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
});

document.addEventListener("htmx:afterSwap", (event) => {
  const lines = list();
  if (!lines || event.detail.target !== lines) return;
  lines.querySelector("[data-tail-none]")?.toggleAttribute("hidden", lines.children.length > 1);
  while (lines.children.length > KEPT) lines.firstElementChild.remove();
  sift(lines.querySelectorAll("[data-raw]"));
  if (atEnd) lines.scrollTop = lines.scrollHeight;
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt !== list()) return;
  if (event.detail.successful) later();
  else if (event.detail.xhr?.status >= 500 || !event.detail.xhr?.status) later();
  else run(false);
});

/* A page that was just opened shows the newest line. */
function settle() {
  const lines = list();
  if (lines && !lines.dataset.seen) {
    lines.dataset.seen = "yes";
    lines.scrollTop = lines.scrollHeight;
  }
}
document.addEventListener("htmx:afterSettle", settle);
settle();

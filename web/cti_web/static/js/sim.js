/* The simulator's timeline: what was sent, told again in its own time, at any speed, paused, or one message at a time;
   and what a simulated exchange answered to a scenario that was to be played on it. */
import { fill } from "./words.js";

const TICK = 100;

let timer = 0;
let now = 0;

const lines = (player) => [...player.querySelectorAll("[data-at]")];

function show(player, at) {
  now = at;
  let last = null;
  for (const line of lines(player)) {
    line.hidden = Number(line.dataset.at) > at;
    if (!line.hidden) last = line;
  }
  player.querySelector("[data-sim-clock]").textContent = `${at.toFixed(1)} s`;
  const list = player.querySelector("ol");
  if (last) list.scrollTop = last.offsetTop - list.offsetTop - list.clientHeight + last.offsetHeight + 8;
}

const end = (player) => Number(player.querySelector("[data-sim-clock]").dataset.end);

function run(player, on) {
  window.clearInterval(timer);
  timer = 0;
  const button = player.querySelector("[data-sim-run]");
  button.setAttribute("aria-pressed", String(on));
  button.querySelector("span").textContent = on ? button.dataset.pause : button.dataset.play;
  if (!on) return;
  if (now >= end(player) || !lines(player).some((line) => line.hidden)) show(player, 0);
  timer = window.setInterval(() => {
    if (!player.isConnected) {
      window.clearInterval(timer);
      return;
    }
    const speed = Number(player.querySelector("[data-sim-speed]").value);
    show(player, Math.min(end(player), now + (speed * TICK) / 1000));
    if (now >= end(player)) run(player, false);
  }, TICK);
}

function step(player) {
  run(player, false);
  const hidden = lines(player).filter((line) => line.hidden);
  show(player, hidden.length > 0 ? Number(hidden[0].dataset.at) : 0);
}

document.addEventListener("click", (event) => {
  const player = event.target.closest("[data-sim-player]");
  if (!player) return;
  if (event.target.closest("[data-sim-run]")) run(player, timer === 0);
  else if (event.target.closest("[data-sim-step]")) step(player);
  else if (event.target.closest("[data-sim-all]")) {
    run(player, false);
    show(player, end(player));
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-sim-choice]")) {
    document.querySelector("[data-sim-own]").open = event.target.value === "own";
  }
});

let answer = null;

function told() {
  const line = document.querySelector("[data-sim-answer]");
  if (!line || line.dataset.simAnswer !== answer?.exchange) return;
  const refused = answer.silent ? line.dataset.silent : fill(line.dataset.refused, { reason: answer.refused });
  const taken = !answer.refused && !answer.silent;
  line.textContent = taken ? line.dataset.taken : refused;
  line.previousElementSibling.dataset.tone = taken ? "green" : "red";
}

document.addEventListener("live:play", (event) => {
  answer = event.detail; // it may come before the page's own answer
  told();
});
document.addEventListener("htmx:afterSwap", told);
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.closest("[data-sim-acts]")) answer = null;
});

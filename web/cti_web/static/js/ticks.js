/* Times that go on by themselves. None of them is announced. */
import { language, length, now, zone } from "./words.js";

const relative = new Intl.RelativeTimeFormat(language, { style: "short", numeric: "always" });

/** Every element with data-since shows how long it has been; with data-due, how long it still is, if under an hour. */
export function tick() {
  const at = now();
  for (const element of document.querySelectorAll("[data-since]")) {
    element.textContent = length(at - Number(element.dataset.since));
  }
  for (const element of document.querySelectorAll("[data-due]")) {
    const minutes = Math.round((Number(element.dataset.due) - at) / 60);
    if (Math.abs(minutes) >= 60) continue;
    element.textContent = relative.format(minutes, "minute");
    element.classList.toggle("y-red", minutes < 30);
    element.classList.toggle("y-amber", minutes >= 30);
  }
  for (const element of document.querySelectorAll("[data-clock]")) {
    element.textContent = new Date(at * 1000).toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone });
  }
}

window.setInterval(tick, 1000);
document.addEventListener("htmx:afterSettle", tick);
tick();

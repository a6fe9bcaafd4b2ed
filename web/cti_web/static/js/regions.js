/* What has to be fetched again when something changed: elements with data-live="work" and hx-trigger="refresh". */

const DEBOUNCE = 200;
const JITTER = 300;
const pending = { all: false, items: new Set(), timer: 0 };

/** What stands in the live column is fetched only where that column is shown. */
function visible(element) {
  const column = element.closest(".y-column");
  return !column || column.getClientRects().length > 0;
}

function flush() {
  pending.timer = 0;
  const { all, items } = pending;
  pending.all = false;
  pending.items = new Set();
  for (const element of document.querySelectorAll('[data-live~="work"]')) {
    const about = element.dataset.concerns;
    if (about && !all && !items.has(about)) continue;
    if (visible(element)) window.htmx.trigger(element, "refresh");
  }
}

/** Asks for a refresh soon; several wishes become one. `items` null: everything may have changed. */
export function refresh(items, delay) {
  if (items) items.forEach((item) => pending.items.add(String(item)));
  else pending.all = true;
  if (!pending.timer) pending.timer = window.setTimeout(flush, delay);
}

const soon = () => DEBOUNCE + Math.random() * JITTER;

document.addEventListener("live:work", (event) => refresh(event.detail?.items || null, soon()));
document.addEventListener("live:resync", () => refresh(null, soon()));
document.addEventListener("y:work", () => refresh(null, 30));

let boardTimer = 0;
document.addEventListener("live:call", () => {
  const board = document.querySelector("[data-live-calls]");
  if (!board || boardTimer) return;
  boardTimer = window.setTimeout(() => {
    boardTimer = 0;
    window.htmx.trigger(board, "refresh");
  }, DEBOUNCE * 2);
});
document.addEventListener("live:exchange", () => {
  refresh(null, soon());
  for (const lights of document.querySelectorAll("[data-live-exchanges]")) window.htmx.trigger(lights, "refresh");
});

let hiddenAt = 0;
document.addEventListener("visibilitychange", () => {
  if (document.hidden) hiddenAt = Date.now();
  else if (hiddenAt && Date.now() - hiddenAt > 60_000) refresh(null, 0);
});

/* The badges: what the server counted goes to the bell, the rail and the tabs. */
document.addEventListener("htmx:afterSwap", () => {
  const counted = document.querySelector("#y-badges [data-counts]");
  if (!counted) return;
  document.querySelectorAll("[data-badge]").forEach((badge) => {
    badge.textContent = counted.dataset[badge.dataset.badge] || "";
  });
});

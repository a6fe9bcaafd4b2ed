/* What is kept in this browser only: keys, sound, notifications. No name and no number is ever kept. */

const STORE = "y-preferences";
const DEFAULTS = { keys: true, sound: false, notify: true, names: false };

function all() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(STORE) || "{}") };
  } catch {
    return DEFAULTS;
  }
}

/** One of: keys, sound, notify, names. */
export function preference(name) {
  return all()[name];
}

function keep(name, value) {
  localStorage.setItem(STORE, JSON.stringify({ ...all(), [name]: value }));
}

/** Shows on the settings page what is kept, and whether the browser lets us notify. */
function show() {
  for (const box of document.querySelectorAll("input[data-preference]")) box.checked = preference(box.dataset.preference);
  const state = !("Notification" in window) || !window.isSecureContext ? "impossible" : Notification.permission;
  for (const part of document.querySelectorAll("[data-notification]")) part.hidden = part.dataset.notification !== state;
}

document.addEventListener("change", (event) => {
  const name = event.target.dataset?.preference;
  if (name) keep(name, event.target.checked);
});
document.addEventListener("click", async (event) => {
  if (!event.target.closest("[data-ask-notification]")) return;
  await Notification.requestPermission();
  show();
});
document.addEventListener("htmx:afterSettle", show);
show();

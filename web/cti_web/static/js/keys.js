/* Keys. Those of one letter can be switched off (WCAG 2.1.4) and never fire while a Japanese word is being composed. */
import { preference } from "./preferences.js";
import { undo } from "./said.js";

const TYPING = "input:not([type=radio], [type=checkbox], [type=button]), textarea, select, [contenteditable]";

function move(step) {
  const rows = [...document.querySelectorAll("#y-rows [data-row], dialog[open] [data-row]")];
  if (!rows.length) return;
  const from = rows.findIndex((row) => row === document.activeElement);
  const current = from >= 0 ? from : rows.findIndex((row) => row.hasAttribute("aria-current"));
  rows[Math.min(rows.length - 1, Math.max(0, current + step))].focus();
}

function press(key) {
  const target = [...document.querySelectorAll(`#y-main [data-key="${key}"]`)].find((one) => one.getClientRects().length);
  if (!target) return false;
  if (target.matches("textarea")) target.focus();
  else target.click();
  return true;
}

const single = {
  j: () => move(1),
  k: () => move(-1),
  z: undo,
  "/": () => document.getElementById("y-search").focus(),
  "?": () => document.getElementById("y-help").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const form = event.target.closest("form") || document.getElementById("y-record");
    if (form?.matches("#y-record, .y-call form, dialog form")) {
      event.preventDefault();
      form.requestSubmit();
    }
    return;
  }
  if (event.altKey && event.code === "KeyO" && !event.ctrlKey) {
    const open = document.querySelector('.y-call [data-act="open"]');
    if (open) {
      event.preventDefault();
      open.click();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(TYPING)) return;
  if (!preference("keys") || document.querySelector("dialog[open]:not(#y-drawer)")) return;
  const key = event.key.toLowerCase();
  if (single[key]) {
    event.preventDefault();
    single[key]();
  } else if ("esanc".includes(key) && key.length === 1 && press(key)) event.preventDefault();
});

document.querySelectorAll("[data-keys-hint]").forEach((hint) => (hint.hidden = !preference("keys")));

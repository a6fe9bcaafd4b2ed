/* Dialogs, the drawer and the small menus. */

const HOLDERS = ["y-dialog", "y-drawer"];

document.addEventListener("htmx:afterSwap", (event) => {
  const target = event.detail.target;
  if (HOLDERS.includes(target.id) && !target.open) {
    showParts(target);
    target.showModal();
    target.querySelector("input:not([type=hidden]), select, textarea, [data-row]")?.focus();
  }
});

document.addEventListener("click", (event) => {
  const { target } = event;
  if (target.closest("[data-close]")) target.closest("dialog")?.close();
  else if (target.tagName === "DIALOG") target.close();
  if (target.closest("dialog a[href]")) target.closest("dialog").close();
  if (target.closest("[data-open-help]")) document.getElementById("y-help").showModal();
  const full = target.closest("[data-full-screen]");
  if (full) document.getElementById(full.dataset.fullScreen).requestFullscreen();
  document.querySelectorAll("details[data-menu][open]").forEach((menu) => {
    if (!menu.contains(target) || target.closest("[data-menu] > div a")) menu.removeAttribute("open");
  });
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details[data-menu][open]");
  if (!menu) return;
  menu.removeAttribute("open");
  menu.querySelector("summary").focus();
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && event.detail.elt.matches("form[data-closes]")) event.detail.elt.closest("dialog")?.close();
});

/* data-shown-by="when=custom": shown while that radio button is chosen. */
function showParts(root) {
  for (const part of root.querySelectorAll("[data-shown-by]")) {
    const [name, value] = part.dataset.shownBy.split("=");
    const chosen = part.closest("form").querySelector(`[name="${name}"]:checked`);
    part.hidden = chosen?.value !== value;
  }
}
document.addEventListener("change", (event) => {
  const form = event.target.closest("dialog form");
  if (form) showParts(form);
});

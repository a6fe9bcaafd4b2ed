/* The desk: which row is chosen, and the first item beside the list where there is room. */

const desk = () => document.querySelector(".y-desk");
const wide = window.matchMedia("(min-width: 768px)");

function mark() {
  const number = document.querySelector("#y-item [data-item]")?.dataset.item;
  for (const row of document.querySelectorAll("#y-rows [data-row]")) {
    if (row.dataset.row === number) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
  desk()?.toggleAttribute("data-open", Boolean(number));
}

/** Opens the first item where nothing is open and both columns are on the screen. */
function openFirst() {
  if (!desk() || !wide.matches || document.querySelector("#y-item [data-item]")) return;
  const first = document.querySelector("#y-rows [data-row]");
  if (first) window.htmx.ajax("GET", first.getAttribute("href"), { target: "#y-item", swap: "innerHTML" });
}

document.addEventListener("htmx:afterSwap", (event) => {
  if (!desk()) return;
  const { target } = event.detail;
  if (target.id === "y-item") target.scrollTop = 0;
  if (target.id === "y-item" && !wide.matches) window.scrollTo(0, 0);
});
document.addEventListener("htmx:afterSettle", () => {
  if (!desk()) return;
  mark();
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id === "y-main" || event.detail.elt?.id === "y-main") openFirst();
});
/* The draft is fetched again only when its state changed (sent, closed by the call back): what is typed in it stays. */
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "y-item-news") return;
  const fresh = document.querySelector("#y-item-news [data-draft-now]")?.dataset.draftNow;
  const shown = document.querySelector("#y-draft [data-draft-state]")?.dataset.draftState;
  if (fresh && shown && fresh !== shown) window.htmx.trigger("#y-draft", "refresh");
});

document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, successful } = event.detail;
  if (elt.id !== "y-note" || !successful) return;
  const kept = elt.form.querySelector("[data-kept]");
  kept.hidden = false;
  window.setTimeout(() => (kept.hidden = true), 2500);
});

mark();
openFirst();

/* The search of the header: arrow keys go through what was found, Escape closes it. */

const input = document.getElementById("y-search");
const found = document.getElementById("y-found");

function shut() {
  if (found) found.replaceChildren();
}

document.querySelector(".y-find")?.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const links = [...found.querySelectorAll("a")];
  const at = links.indexOf(document.activeElement);
  if (event.key === "Escape") {
    shut();
    input.focus();
  } else if (event.key === "ArrowDown" && links.length) {
    event.preventDefault();
    links[Math.min(links.length - 1, at + 1)].focus();
  } else if (event.key === "ArrowUp" && at >= 0) {
    event.preventDefault();
    (links[at - 1] || input).focus();
  }
});
document.addEventListener("click", (event) => {
  if (!event.target.closest(".y-find") || event.target.closest(".y-found a")) shut();
});
document.addEventListener("focusin", (event) => {
  if (!event.target.closest(".y-find")) shut();
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target === found && !input.value.trim()) event.detail.serverResponse = "";
});

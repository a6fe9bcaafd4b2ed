/* The profile's text: line numbers beside it, a way to the line of a fault, and the text as a file. */

const editor = () => document.getElementById("y-source");

function number(area) {
  const numbers = area.parentElement.querySelector("[data-line-numbers]");
  const count = area.value.split("\n").length;
  if (numbers.dataset.count === String(count)) return;
  numbers.dataset.count = String(count);
  numbers.textContent = Array.from({ length: count }, (_, at) => at + 1).join("\n");
  numbers.scrollTop = area.scrollTop;
}

function goTo(line) {
  const area = editor();
  const lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
  area.scrollTop = Math.max(0, (line - 4) * parseFloat(getComputedStyle(area).lineHeight));
}

function download(button) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([document.querySelector(button.dataset.download).value], { type: "application/toml" }));
  link.download = `${document.querySelector("#y-editor [name=name]").value || "profile"}.toml`;
  link.click();
  URL.revokeObjectURL(link.href);
}

function settle() {
  const area = editor();
  if (!area) return;
  number(area);
  for (const button of document.querySelectorAll("[data-download]")) button.hidden = area.value.trim() === "";
}

document.addEventListener("input", (event) => {
  if (event.target === editor()) settle();
});
document.addEventListener("scroll", (event) => {
  if (event.target === editor()) event.target.parentElement.querySelector("[data-line-numbers]").scrollTop = event.target.scrollTop;
}, true);
document.addEventListener("click", (event) => {
  const line = event.target.closest("[data-goto-line]");
  if (line) goTo(Number(line.dataset.gotoLine));
  const button = event.target.closest("[data-download]");
  if (button) download(button);
});
document.addEventListener("htmx:afterSettle", settle);
settle();

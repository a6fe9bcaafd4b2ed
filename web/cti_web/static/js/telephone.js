/* Whose telephone it is changed (live:seat): what shows it is fetched again, and who lost or got one is told in words. */
import { say } from "./said.js";
import { fill, words } from "./words.js";

const isTyping = (element) => element.matches(":focus-within") && document.activeElement.matches("input, select, textarea");

function refresh() {
  for (const element of document.querySelectorAll('[data-live~="seat"]')) {
    if (!isTyping(element)) window.htmx.trigger(element, "refresh");
  }
}

document.addEventListener("live:seat", (event) => {
  const { why, mine, by, extension } = event.detail;
  const sentence = words.seats[`${why}:${mine ? "mine" : "lost"}`];
  if (sentence) say({ text: fill(sentence, { number: extension, name: by || words.someoneElse }), tone: mine ? "" : "amber" });
  refresh();
});
document.addEventListener("live:resync", refresh);
document.addEventListener("y:work", refresh);

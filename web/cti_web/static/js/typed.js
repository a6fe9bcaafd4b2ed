/* Input items that are kept as they are typed: says so, and tries again until they are, so that a dropped connection
   loses nothing. */

const AGAIN = 3000;
const waiting = new Map();

function show(form) {
  const open = [...waiting.keys()].some((field) => field.form === form);
  form.querySelector("[data-typed-waits]").hidden = !open;
  form.querySelector("[data-typed-kept]").hidden = open;
}

document.addEventListener("htmx:afterRequest", (event) => {
  const field = event.detail.elt;
  if (!field.matches?.("[data-typed]")) return;
  window.clearTimeout(waiting.get(field));
  waiting.delete(field);
  // Refused by the server (4xx): the page says so, and it is no use to try again.
  const away = !event.detail.successful && (event.detail.xhr.status === 0 || event.detail.xhr.status >= 500);
  if (away && field.isConnected) waiting.set(field, window.setTimeout(() => window.htmx.trigger(field, "change"), AGAIN));
  if (event.detail.successful || away) show(field.form);
});

window.addEventListener("beforeunload", (event) => {
  if (waiting.size) event.preventDefault();
});

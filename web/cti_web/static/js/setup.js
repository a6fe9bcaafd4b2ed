/* htmx: the CSRF token with every change, boosted links that replace only the main part, errors as sentences. */
import { say } from "./said.js";
import { words } from "./words.js";

const main = () => document.getElementById("y-main");

document.addEventListener("htmx:configRequest", (event) => {
  const { verb, headers, parameters, elt } = event.detail;
  if (verb !== "get") headers["X-CSRFToken"] = document.querySelector("meta[name=csrf-token]").content;
  if (elt.matches("[data-tidy]")) {
    for (const [name, value] of Object.entries(parameters)) if (value === "") delete parameters[name];
  }
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const detail = event.detail;
  if (!detail.boosted) return;
  if (detail.serverResponse.includes('id="y-main"')) {
    detail.shouldSwap = true;
    detail.isError = false;
    detail.target = main();
    detail.selectOverride = "#y-main";
    detail.swapOverride = "outerHTML show:window:top";
  } else if (detail.xhr.status < 400) {
    detail.shouldSwap = false;
    window.location.assign(detail.pathInfo.responsePath || detail.pathInfo.finalRequestPath);
  }
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id !== "y-main" && event.detail.elt?.id !== "y-main") return;
  markPlace();
  document.querySelectorAll("details[data-menu][open]").forEach((menu) => menu.removeAttribute("open"));
  main().focus({ preventScroll: true });
});

function markPlace() {
  const here = `/${window.location.pathname.split("/")[1]}`;
  const places = document.querySelectorAll(".y-rail a, .y-tabs a");
  for (const link of places) {
    const there = new URL(link.href).pathname;
    if (there === here || there.startsWith(`${here}/`)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

document.addEventListener("htmx:responseError", (event) => {
  const { xhr, boosted, requestConfig } = event.detail;
  if (boosted && requestConfig.verb === "get") {
    window.location.assign(requestConfig.path);
    return;
  }
  const answer = new DOMParser().parseFromString(xhr.responseText, "text/html").querySelector("[data-error]");
  say({ text: answer ? answer.innerText.trim().replace(/\s*\n\s*/g, " ") : words.refused, tone: "red" });
});

document.addEventListener("htmx:sendError", () => say({ text: words.away, tone: "red" }));

if (window.Idiomorph) {
  window.Idiomorph.defaults.ignoreActiveValue = true;
  window.Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(name === "open" && node.tagName === "DETAILS");
}

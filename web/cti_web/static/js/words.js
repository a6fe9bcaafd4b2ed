/* The words of the page's language, and how they are filled in. */
const element = document.getElementById("y-words");

export const words = element ? JSON.parse(element.textContent) : {};

/** Fills {name} in a sentence. */
export function fill(sentence, values) {
  return (sentence || "").replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export const language = document.documentElement.lang || "ja";

export const zone = document.querySelector("[data-zone]")?.dataset.zone || undefined;

const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone });
const dayAndClock = new Intl.DateTimeFormat(language, {
  month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone,
});

/** 10:42 in the viewer's zone; `seconds` since 1970, UTC. */
export function clockTime(seconds) {
  return clock.format(new Date(seconds * 1000));
}

/** 10:42 today, else with the day. */
export function moment(seconds) {
  const then = new Date(seconds * 1000);
  const sameDay = then.toLocaleDateString("sv", { timeZone: zone }) === new Date().toLocaleDateString("sv", { timeZone: zone });
  return (sameDay ? clock : dayAndClock).format(then);
}

/** 0:07, 12:40, 1:02:03. */
export function length(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

const served = Number(document.querySelector("[data-served-at]")?.dataset.servedAt);
const skew = served ? served - Date.now() / 1000 : 0;

/** The server's clock as it was when the page came, seconds since 1970, UTC: this machine's may be wrong. */
export function now() {
  return Date.now() / 1000 + skew;
}

/* What calls for attention outside the page: the title, a sound, a notification of the desktop (once, whatever the
   number of tabs: its tag is the call). A name is in it only where the viewer chose so. */
import { preference } from "./preferences.js";
import { words } from "./words.js";

const ringing = new Map();
let title = "";
let audio = null;

function flash() {
  const on = ringing.size > 0 && document.hidden;
  if (on && !title) {
    title = document.title;
    document.title = `☎ ${words.someone}`;
  } else if (!on && title) {
    document.title = title;
    title = "";
  }
}

function beep() {
  audio ||= new AudioContext();
  const at = audio.currentTime;
  for (const [start, frequency] of [[0, 880], [0.22, 1108], [0.6, 880], [0.82, 1108]]) {
    const tone = audio.createOscillator();
    const loudness = audio.createGain();
    tone.frequency.value = frequency;
    loudness.gain.setValueAtTime(0.0001, at + start);
    loudness.gain.exponentialRampToValueAtTime(0.14, at + start + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.0001, at + start + 0.2);
    tone.connect(loudness).connect(audio.destination);
    tone.start(at + start);
    tone.stop(at + start + 0.22);
  }
}

function notify(call, name) {
  if (!("Notification" in window) || Notification.permission !== "granted" || !preference("notify")) return null;
  const note = new Notification(words.someone, { tag: call.id, body: preference("names") ? name : "", silent: true });
  note.onclick = () => {
    window.focus();
    note.close();
  };
  return note;
}

/** Tries a notification: "granted" (and shown), "off" (the viewer's wish), "default", "denied" or "impossible". */
export function notifyTest(text) {
  if (!("Notification" in window) || !window.isSecureContext) return "impossible";
  if (Notification.permission === "granted" && !preference("notify")) return "off";
  if (Notification.permission === "granted") new Notification(text, { tag: "y-test", silent: true });
  return Notification.permission;
}

/** Plays the sound; whether the browser let it be played. */
export async function soundTest() {
  beep();
  await Promise.race([audio.resume(), new Promise((resolve) => window.setTimeout(resolve, 500))]);
  return audio.state === "running";
}

/** A call rings that concerns the viewer. */
export function alertOf(call, name) {
  ringing.set(call.id, notify(call, name));
  if (preference("sound")) beep();
  flash();
}

/** It does not ring any more. */
export function quiet(id) {
  ringing.get(id)?.close();
  ringing.delete(id);
  flash();
}

document.addEventListener("visibilitychange", flash);

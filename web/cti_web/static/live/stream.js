/* One live stream to the server, kept open for as long as somebody is signed in.
 *
 * It knows the calls that are live, so that a page that comes later is told of them too, and where the stream was, so
 * that nothing is missed when it breaks. `tell(name, detail)` gets every event; the names are those of live.js.
 */

const EVENTS = ["call", "gone", "taken", "work", "seat", "test", "play", "exchange", "resync"];
const SILENT_MS = 45_000; // three heartbeats
const AWAY_AFTER_MS = 5_000;
const SLOWEST_MS = 15_000;

export class LiveStream {
  constructor(tell) {
    this.tell = tell;
    this.user = null;
    this.source = null;
    this.place = "";
    this.calls = new Map();
    this.before = null;
    this.state = { state: "connecting", since: seconds(), exchanges: {} };
    this.tries = 0;
    this.timers = {};
  }

  /** Opens the stream for a user; another user's is closed first, with all that was known. */
  open(user) {
    if (this.user === user && this.source) return;
    if (this.user !== user) {
      this.forget();
      this.say({ state: "connecting", since: seconds(), exchanges: {} });
    }
    this.user = user;
    this.tries = 0;
    if (!this.source) this.connect();
  }

  /** Closes it for good: signed out, or told to. */
  close(state) {
    this.forget();
    this.user = null;
    this.say({ state, since: seconds() });
  }

  /** What a page that comes later has to be told. */
  news() {
    return [["state", this.state], ...[...this.calls.values()].map((call) => ["call", call])];
  }

  forget() {
    this.hangUp();
    Object.values(this.timers).forEach(clearTimeout);
    this.timers = {};
    this.calls.clear();
    this.before = null;
    this.place = "";
  }

  hangUp() {
    if (this.source) this.source.close();
    this.source = null;
  }

  connect() {
    this.hangUp();
    const place = this.place ? `?last=${encodeURIComponent(this.place)}` : "";
    const source = new EventSource(`/live${place}`);
    this.source = source;
    const listen = (name, use) => source.addEventListener(name, (event) => {
      if (this.source !== source) return;
      this.place = event.lastEventId || this.place;
      this.watch();
      use(JSON.parse(event.data));
    });
    listen("hello", (hello) => this.greet(hello));
    listen("ready", () => this.settle());
    listen("beat", () => {});
    listen("bye", (bye) => this.close(bye.reason === "limit" ? "limit" : "signed-out"));
    for (const name of EVENTS) listen(name, (detail) => this.take(name, detail));
    source.onerror = () => {
      if (this.source === source) this.broke(source);
    };
    this.watch();
  }

  greet(hello) {
    this.tries = 0;
    clearTimeout(this.timers.away);
    this.timers.away = 0;
    if (hello.fresh) {
      this.before = new Map(this.calls);
      this.calls.clear();
    }
    this.say({ state: "live", since: hello.at, exchanges: hello.exchanges });
  }

  /** Everything that was missed has come. Calls that were live before and are not among it are over. */
  settle() {
    for (const id of this.before ? this.before.keys() : []) {
      if (!this.calls.has(id)) this.tell("gone", { id });
    }
    this.before = null;
  }

  take(name, detail) {
    if (name === "call" && detail.state !== "ended") this.calls.set(detail.id, detail);
    else if (name === "call" || name === "gone") this.calls.delete(detail.id);
    else if (name === "exchange") {
      const { [detail.exchange]: _was, ...others } = this.state.exchanges;
      this.say({ exchanges: detail.state === "gone" ? others : { ...others, [detail.exchange]: detail.state } });
    }
    this.tell(name, detail);
  }

  broke(source) {
    if (!this.timers.away && this.state.state !== "away") {
      const since = seconds();
      this.timers.away = setTimeout(() => this.say({ state: "away", since }), AWAY_AFTER_MS);
    }
    if (source.readyState === EventSource.CLOSED) this.ask();
    else this.watch(); // the browser tries again by itself, and says where it was
  }

  /** The server turned the stream down: because nobody is signed in, or because it can't just now. */
  async ask() {
    this.hangUp();
    let status = 0;
    try {
      status = (await fetch("/live", { method: "HEAD", cache: "no-store" })).status;
    } catch {
      status = 0;
    }
    if (status === 401) this.close("signed-out");
    else if (this.user !== null && !this.source) this.later();
  }

  later() {
    const wait = Math.min(SLOWEST_MS, 1000 * 2 ** this.tries) * (0.5 + Math.random());
    this.tries += 1;
    clearTimeout(this.timers.again);
    this.timers.again = setTimeout(() => this.connect(), wait);
  }

  /** A stream that has gone silent is dead, whatever the browser thinks (a computer that slept, a lost route). */
  watch() {
    clearTimeout(this.timers.silent);
    this.timers.silent = setTimeout(() => {
      if (this.source) this.broke(this.source);
      if (this.source) this.connect();
    }, SILENT_MS);
  }

  say(change) {
    this.state = { ...this.state, ...change };
    this.tell("state", this.state);
  }
}

function seconds() {
  return Date.now() / 1000;
}

/* All tabs of a browser share one stream: with one per tab, the seventh would stall on HTTP/1.1. */
import { LiveStream } from "./stream.js";

const ports = new Set();
const stream = new LiveStream((name, detail) => ports.forEach((port) => port.postMessage([name, detail])));

self.onconnect = (event) => {
  const port = event.ports[0];
  port.onmessage = ({ data }) => {
    if (data.join !== undefined) {
      stream.open(data.join);
      ports.add(port);
      stream.news().forEach((news) => port.postMessage(news));
    } else if (data.leave) {
      ports.delete(port);
    } else if (data.signOut) {
      stream.close("signed-out");
    }
  };
};

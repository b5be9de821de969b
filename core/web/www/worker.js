// Starts the module in a Web Worker and hands it what the page sends: {json, contents}.
import init, { break_down, most_bytes, start, take } from './spanbert_web.js';

// Kept once the messages that wait have been taken in: a task of its own, unlike a promise that is kept at once, and without the
// four milliseconds that browsers add to timers.
const channel = new MessageChannel();
const waiting = [];
channel.port1.onmessage = () => waiting.shift()();
const pause = millis => new Promise(resolve => {
  if (millis > 0) return setTimeout(resolve, millis);
  waiting.push(resolve);
  channel.port2.postMessage(null);
});

const panicked = (message, remedy) => postMessage({ json: JSON.stringify({ reply: { panicked: { message, remedy } } }), contents: [] });
// What ends a module without a panic is memory that there is no more of. A panic has been told already, and only what is told first counts.
const ended = error => error instanceof RangeError || error instanceof WebAssembly.RuntimeError && /unreachable/i.test(error.message)
  ? panicked("its memory is used up, of which a browser gives a page's program 4 GB",
    'use a smaller model, or SpanBERT Studio for the desktop')
  : panicked(String(error?.message ?? error));
const begin = module => init(module && { module_or_path: module })
  .then(() => start(pause), error => panicked(`the module did not start: ${error}`));

// Files of the browser are read here, where they do not pass through the page's memory. One that was deleted, moved or changed since it
// was handed over costs a request, not the worker.
class Unreadable extends Error {}
const bytes = async content => {
  if (!(content instanceof Blob)) return content;
  try { return new Uint8Array(await content.arrayBuffer()); } catch { throw new Unreadable(content.name); }
};
const failed = (id, cause, remedy) => postMessage({ json: JSON.stringify({ id, reply: { failed: { cause, remedy, device_failed: false } } }), contents: [] });
async function hear({ module, json, contents, breakDown }) {
  if (module !== undefined) return begin(module);
  try {
    if (breakDown) break_down();
    const size = (contents ?? []).reduce((sum, content) => sum + (content.size ?? content.byteLength), 0);
    // What is too large is refused before it takes memory.
    take(json, size > most_bytes() ? [] : await Promise.all((contents ?? []).map(bytes)), size);
  } catch (error) {
    if (error instanceof Unreadable) {
      return failed(JSON.parse(json).do.id, `${error.message} was deleted, moved or changed since it was handed over`, 'choose it again');
    }
    // The module's end.
    ended(error);
  }
}

addEventListener('unhandledrejection', ({ reason }) => ended(reason));
addEventListener('error', event => {
  event.preventDefault();
  ended(event.error ?? event);
});

// One after the other, so that a request that is given up has come before.
let last = Promise.resolve();
onmessage = ({ data }) => { last = last.then(() => hear(data)); };
// A page that has compiled the module sends it along.
if (self.name !== 'given') begin();

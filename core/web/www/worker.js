// Starts the module in a Web Worker and hands it what the page sends: {json, contents}.
import init, { break_down, start, take } from './spanbert_web.js';

// Kept once the messages that wait have been taken in: a task of its own, unlike a promise that is kept at once, and without the
// four milliseconds that browsers add to timers.
const channel = new MessageChannel();
const waiting = [];
channel.port1.onmessage = () => waiting.shift()();
const pause = () => new Promise(resolve => { waiting.push(resolve); channel.port2.postMessage(null); });

onmessage = ({ data }) => data.breakDown ? break_down() : take(data.json, data.contents ?? []);
init().then(() => start(pause), error => {
  postMessage({ json: JSON.stringify({ reply: { panicked: { message: `the module did not start: ${error}` } } }), contents: [] });
});

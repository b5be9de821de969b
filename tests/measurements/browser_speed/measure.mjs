// Ours and onnxruntime-web in turns, each in a worker of one page. Started by browser_speed.sh, which says what the variables are.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const { SITE, MODEL, ORT, ROUNDS, PUPPETEER } = process.env;
const { default: puppeteer } = await import(pathToFileURL(PUPPETEER));
const LENGTH = 384;

/** The other engine's worker: it answers {ids, segments} with its logits. */
const other = `
  import * as ort from '/ort/ort.wasm.min.mjs';
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = '/ort/';
  const model = new Uint8Array(await (await fetch('/model/model.onnx')).arrayBuffer());
  const session = await ort.InferenceSession.create(model, { executionProviders: ['wasm'] });
  const tensor = values => new ort.Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
  onmessage = async ({ data: { ids, segments } }) => {
    const { start, end } = await session.run({ input_ids: tensor(ids), attention_mask: tensor(ids.map(() => 1)), token_type_ids: tensor(segments) });
    postMessage({ start: [...start.data], end: [...end.data] });
  };
  postMessage('ready');
`;
const types = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };
const roots = { site: SITE, model: MODEL, ort: ORT };
const server = http.createServer((request, response) => {
  const [, root, ...rest] = new URL(request.url, 'http://x').pathname.split('/');
  const name = rest.join('/');
  if (root === 'other.js') { response.writeHead(200, { 'content-type': 'text/javascript' }); return response.end(other); }
  const file = roots[root] && path.join(roots[root], path.normalize(`/${name}`));
  if (!file || !fs.existsSync(file)) { response.writeHead(404); return response.end(); }
  response.writeHead(200, { 'content-type': types[path.extname(file)] ?? 'application/octet-stream', 'content-length': fs.statSync(file).size });
  fs.createReadStream(file).pipe(response);
});
await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));

const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'browser-speed-'));
const browser = await puppeteer.launch({ executablePath: '/usr/bin/chromium', userDataDir: profile, headless: true, protocolTimeout: 3_600_000, args: ['--no-sandbox', '--disable-dev-shm-usage'] });

/** Seconds of processor time of this browser's renderers: what a measurement on a busy machine goes by. */
function seconds() {
  let sum = 0;
  for (const pid of fs.readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    try {
      const command = fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      if (!command.includes('--type=renderer') || !command.includes(profile)) continue;
      const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      sum += (Number(fields[11]) + Number(fields[12])) / 100;
    } catch { /* It has ended meanwhile. */ }
  }
  return sum;
}

const page = await browser.newPage();
page.on('pageerror', error => console.error(`page error: ${error.message}`));
await page.goto(`http://127.0.0.1:${server.address().port}/site/index.html`);
// A question of two words, three special pieces, and as many words as a window of one passage takes.
const question = [10, 11], passage = Array.from({ length: LENGTH - question.length - 3 }, (_, index) => 100 + index);
const words = ids => ids.map(id => `w${id}`).join(' ');
const input = { ids: [2, ...question, 3, ...passage, 3], segments: [...question.map(() => 0), 0, 0, ...passage.map(() => 1), 1] };
assert.equal(input.ids.length, LENGTH);
const opened = await page.evaluate(async input => {
  globalThis.input = input;
  const names = ['config.json', 'vocab.txt', 'tokenizer_config.json', 'model.safetensors'];
  const files = await Promise.all(names.map(async name => new Uint8Array(await (await fetch(`/model/${name}`)).arrayBuffer())));
  const { reply } = await spanbert.ask({ kind: 'open', device: 'cpu', model: { files: { name: 'random', files: names } } }, files).done;
  globalThis.other = new Worker('/other.js', { type: 'module' });
  await new Promise((resolve, reject) => { other.onmessage = resolve; other.onerror = event => reject(new Error(event.message)); });
  return reply.opened ?? reply;
}, input);
assert.ok(opened.parameters, JSON.stringify(opened));

const request = { kind: 'ask', passage: words(passage), question: words(question) };
const run = {
  ours: () => page.evaluate(async request => {
    const begin = performance.now();
    const { reply } = await spanbert.ask(request).done;
    return { millis: performance.now() - begin, answer: reply.answered?.answer ?? reply };
  }, request),
  other: () => page.evaluate(async () => {
    const begin = performance.now();
    const answered = new Promise(resolve => { other.onmessage = ({ data }) => resolve(data); });
    other.postMessage(input);
    const answer = await answered;
    return { millis: performance.now() - begin, answer };
  }),
};
// The same window, and the same logits.
const [ours, theirs] = [(await run.ours()).answer, (await run.other()).answer];
assert.equal(ours.windows, 1);
const [best] = ours.answers;
const nearest = (value, among) => Math.min(...among.map(other => Math.abs(other - value)));
const difference = Math.max(nearest(best.start_logit, theirs.start), nearest(best.end_logit, theirs.end));
assert.ok(difference < 1e-3, `the logits differ by ${difference}`);

const measured = { ours: [], other: [] };
for (let round = 0; round < Number(ROUNDS); round += 1) {
  for (const engine of round % 2 ? ['other', 'ours'] : ['ours', 'other']) {
    const before = seconds();
    const { millis } = await run[engine]();
    measured[engine].push({ millis, cpu: (seconds() - before) * 1e3 });
  }
}
const median = values => { const sorted = values.toSorted((one, other) => one - other), middle = sorted.length >> 1; return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2; };
const summary = runs => ({
  wall_ms: Number(median(runs.map(({ millis }) => millis)).toFixed(1)),
  fastest_ms: Number(Math.min(...runs.map(({ millis }) => millis)).toFixed(1)),
  cpu_ms: Number(median(runs.map(({ cpu }) => cpu)).toFixed(0)),
});
const [one, two] = [summary(measured.ours), summary(measured.other)];
console.log(JSON.stringify({
  model: path.basename(MODEL), parameters: opened.parameters, length: LENGTH, rounds: Number(ROUNDS), browser: await browser.version(),
  logits_differ_by: difference, ours: one, onnxruntime_web: two, ratio_wall: Number((two.wall_ms / one.wall_ms).toFixed(2)),
}, null, 2));
await browser.close();
server.close();
fs.rmSync(profile, { recursive: true, force: true });

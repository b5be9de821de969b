// SpanBERT in Chromium beside the command line. Started by test.sh, which says what the variables are.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before, test } from 'node:test';

const { SPANBERT_WEB_PAGE: site, SPANBERT: spanbert, SPANBERT_WEB_PUPPETEER: puppeteerPath } = process.env;
const { default: puppeteer } = await import(pathToFileURL(puppeteerPath));

/** Largest difference of logits, null score differences and thresholds between the browser and the command line. */
const LOGITS = 1e-4;
/** The same of probabilities, and of what is made of them. */
const PROBABILITIES = 1e-5;
/** Questions of the demonstration that are evaluated. */
const QUESTIONS = 204;

const hasWebGpu = fs.readFileSync(path.join(site, 'spanbert_web_bg.wasm')).includes('requestAdapter');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spanbert-web-'));
const model = Object.fromEntries(['config.json', 'vocab.txt', 'tokenizer_config.json', 'spanbert.json', 'model.safetensors']
  .map(name => [name, fs.readFileSync(new URL(`../../assets/demo/model/${name}`, import.meta.url))]));
const violations = [];
let server, browser, page, data, asked;

const cli = (...args) => execFileSync(spanbert, args, { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] });

/** Serves the page and lets it speak to no other host; what it tries is reported. */
function serve() {
  const types = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };
  const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src data:; report-uri /violation";
  return new Promise(resolve => {
    const server = http.createServer((request, response) => {
      if (request.url === '/violation') {
        request.on('data', part => violations.push(String(part)));
        response.writeHead(204);
        return response.end();
      }
      const file = path.join(site, path.normalize(new URL(request.url, 'http://x').pathname));
      if (!fs.existsSync(file) || !fs.statSync(file).isFile()) { response.writeHead(404); return response.end(); }
      // The page's script is a part of the page.
      const own = file.endsWith('.html') ? policy.replace("'self' 'wasm", "'self' 'unsafe-inline' 'wasm") : policy;
      response.writeHead(200, { 'content-type': types[path.extname(file)] ?? 'application/octet-stream', 'content-security-policy': own });
      fs.createReadStream(file).pipe(response);
    }).listen(0, '127.0.0.1', () => resolve(server));
  });
}

/** Sends a request with files, {name: Buffer}, in their order. Gives {reply, contents, said, millis}. */
async function ask(request, files = {}, { cancelAfterProgress = false } = {}) {
  const contents = Object.values(files).map(content => content.toString('base64'));
  const result = await page.evaluate(async (request, contents, cancelAfterProgress) => {
    const bytes = contents.map(text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0)));
    const said = [];
    const begin = performance.now();
    const { id, done } = spanbert.ask(request, bytes, reply => {
      said.push(reply);
      if (cancelAfterProgress && reply.progress) spanbert.cancel(id);
    });
    const { reply, contents: files } = await done;
    const millis = performance.now() - begin;
    return { reply, said, millis, contents: files.map(file => new TextDecoder().decode(file)) };
  }, request, contents, cancelAfterProgress);
  return result;
}

const builtIn = device => ({ kind: 'open', model: 'built_in', device });
const own = files => ({ kind: 'open', device: 'cpu', model: { files: { name: 'mine', files: Object.keys(files) } } });
async function open(device) {
  const opened = await ask(builtIn(device));
  assert.ok(opened.reply.opened, JSON.stringify(opened.reply));
  return opened;
}

/** Compares what the browser and the command line say of a question. Gives the largest difference of a score. */
function sameAnswer(found, expected) {
  const { answer } = found.answered;
  assert.equal(answer.answered, expected.answered);
  assert.equal(answer.answers[0]?.text, expected.answers[0]?.text);
  assert.equal(answer.answers.length, expected.answers.length);
  const pairs = [[answer.score_diff, expected.score_diff]];
  answer.answers.forEach((one, index) => {
    const other = expected.answers[index];
    assert.deepEqual([one.text, one.bytes], [other.text, other.bytes]);
    pairs.push([one.start_logit, other.start_logit], [one.end_logit, other.end_logit]);
    assert.ok(Math.abs(one.probability - other.probability) <= PROBABILITIES, `${one.probability} ${other.probability}`);
  });
  const largest = Math.max(...pairs.map(([one, other]) => Math.abs(one - other)));
  assert.ok(largest <= LOGITS, `the scores differ by ${largest}`);
  return largest;
}

/** Compares two JSON values: all but numbers with a fraction are equal. Gives how many numbers there were, and the largest difference. */
function compare(found, expected, where, seen = { numbers: 0, largest: 0, place: '' }) {
  if (typeof expected === 'number' && typeof found === 'number') {
    seen.numbers += 1;
    const difference = Math.abs(found - expected);
    if (difference > seen.largest) Object.assign(seen, { largest: difference, place: where });
    assert.ok(difference <= LOGITS && (difference === 0 || !Number.isInteger(expected)), `${where}: ${found} instead of ${expected}`);
  } else if (expected !== null && typeof expected === 'object') {
    assert.deepEqual(Object.keys(found ?? {}), Object.keys(expected), where);
    for (const key of Object.keys(expected)) compare(found[key], expected[key], `${where}.${key}`, seen);
  } else {
    assert.equal(found, expected, where);
  }
  return seen;
}

before(async () => {
  cli('demo', '--write-files', 'made');
  const dev = JSON.parse(fs.readFileSync(path.join(folder, 'made/dev.json'), 'utf8'));
  let count = 0;
  for (const article of dev.data) {
    article.paragraphs = article.paragraphs.filter(paragraph => count < QUESTIONS && (count += paragraph.qas.length));
  }
  dev.data = dev.data.filter(article => article.paragraphs.length);
  data = Buffer.from(JSON.stringify(dev));
  fs.writeFileSync(path.join(folder, 'questions.json'), data);
  const paragraph = dev.data[0].paragraphs[0];
  fs.writeFileSync(path.join(folder, 'passage.txt'), paragraph.context);
  asked = paragraph.qas.map(({ question }) => {
    const [expected] = JSON.parse(cli('ask', '--model', 'demo', '--passage', 'passage.txt', '--backend', 'cpu', '--json', '--show', '20', question));
    return { request: { kind: 'ask', passage: paragraph.context, question }, expected };
  });
  server = await serve();
  browser = await puppeteer.launch({
    executablePath: '/usr/bin/chromium',
    userDataDir: path.join(folder, 'profile'),
    headless: true,
    protocolTimeout: 600_000,
    // WebGPU on the processor, by SwiftShader.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan,WebGPU'],
  });
  page = await browser.newPage();
  page.on('console', message => console.log(`console ${message.type()}: ${message.text().slice(0, 500)}`));
  page.on('pageerror', error => console.log(`page error: ${error.message}`));
  await page.goto(`http://127.0.0.1:${server.address().port}/index.html`);
});

/** Asks every question. Gives the milliseconds of each answer, and the largest difference of a score from the command line's. */
async function sameAnswers() {
  const times = [];
  let largest = 0;
  for (const { request, expected } of asked) {
    const found = await ask(request);
    assert.ok(found.reply.answered, JSON.stringify(found.reply));
    largest = Math.max(largest, sameAnswer(found.reply, expected));
    times.push(found.millis);
  }
  return { times, largest };
}

after(async () => {
  await browser?.close();
  server?.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

test('questions are answered on the processor as by the command line', async () => {
  const { reply, millis } = await open('cpu');
  const { times, largest } = await sameAnswers();
  console.log(`processor: ${reply.opened.device.name}, open after ${millis.toFixed(0)} ms (the module's start included), ` +
    `answers in ${times.map(time => time.toFixed(1)).join(', ')} ms, largest difference of a score ${largest.toExponential(1)}`);
});

test('questions are answered on WebGPU as by the command line', { skip: hasWebGpu ? false : 'built without WebGPU' }, async () => {
  const { reply, said, millis } = await open('wgpu');
  assert.equal(reply.opened.device.choice, 'wgpu:0');
  assert.ok(reply.opened.device.software, JSON.stringify(reply.opened.device));
  console.log(`WebGPU: ${reply.opened.device.name}, ${said.filter(one => one.notice).map(one => Object.values(one.notice)[0]).join(' | ')}`);
  const { times, largest } = await sameAnswers();
  console.log(`WebGPU: open and tested after ${millis.toFixed(0)} ms, answers in ${times.map(time => time.toFixed(0)).join(', ')} ms, ` +
    `largest difference of a score ${largest.toExponential(1)}`);
});

test('where nothing is said of a device, a software rasteriser is passed over', async () => {
  const { reply } = await open('auto');
  assert.equal(reply.opened.device.choice, 'cpu');
});

test('a file is evaluated with the figures of the command line', async () => {
  cli('evaluate', '--model', 'demo', '--data', 'questions.json', '--backend', 'cpu', '--output-dir', 'evaluation', '--json');
  const expected = JSON.parse(cli('breakdown', 'evaluation', '--json'));
  await open('cpu');
  const { reply, said, contents, millis } = await ask({ kind: 'evaluate', file: 'questions.json' }, { 'questions.json': data });
  assert.ok(reply.evaluated, JSON.stringify(reply));
  const { report, results, files } = reply.evaluated;
  assert.equal(results.official.total, QUESTIONS);
  assert.deepEqual(said.at(-1).progress, { done: results.windows, total: results.windows });
  // The name of the folder, and the data's fingerprint, which the browser has no path for.
  delete expected.name;
  delete report.name;
  const figures = compare(report, expected, 'breakdown');
  const stored = name => JSON.parse(fs.readFileSync(path.join(folder, 'evaluation', name), 'utf8'));
  // The model is a folder to the one and a name to the other.
  const { model: _, ...scores } = stored('results.json');
  const { model: __, ...found } = results;
  const summary = compare(found, scores, 'results');
  assert.deepEqual(JSON.parse(contents[files.indexOf('predictions.json')]), stored('predictions.json'));
  console.log(`evaluation: ${QUESTIONS} questions in ${millis.toFixed(0)} ms, ${figures.numbers} figures of the breakdown, largest difference ` +
    `${figures.largest.toExponential(1)} (${figures.place}), ${summary.numbers} of the scores, ${summary.largest.toExponential(1)}`);
});

test('an evaluation that is given up ends between two batches, and the model stays', async () => {
  await open('cpu');
  const { reply, said } = await ask({ kind: 'evaluate', file: 'questions.json' }, { 'questions.json': data }, { cancelAfterProgress: true });
  assert.equal(reply, 'cancelled');
  const { done, total } = said.at(-1).progress;
  assert.ok(done < total, `${done} of ${total}`);
  assert.ok((await ask(asked[0].request)).reply.answered);
});

test("a checkpoint of one's own is opened from its files", async () => {
  const { reply } = await ask(own(model), model);
  assert.equal(reply.opened?.name, 'mine', JSON.stringify(reply));
  sameAnswer((await ask(asked[0].request)).reply, asked[0].expected);
});

test('hostile files are told what is wrong with them, and the worker lives', async () => {
  const weights = model['model.safetensors'];
  const picture = Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');
  const long = Buffer.from(weights);
  long.writeBigUInt64LE(1n << 60n);
  const wrong = {
    'a picture as configuration': [{ ...model, 'config.json': picture }, 'mine/config.json'],
    'weights as configuration': [{ ...model, 'config.json': weights }, 'mine/config.json'],
    'configuration as vocabulary': [{ ...model, 'vocab.txt': model['config.json'] }, 'mine/vocab.txt'],
    'configuration as weights': [{ ...model, 'model.safetensors': model['config.json'] }, 'mine/model.safetensors'],
    'half of the weights': [{ ...model, 'model.safetensors': weights.subarray(0, weights.length / 2) }, 'mine/model.safetensors'],
    'weights without their last byte': [{ ...model, 'model.safetensors': weights.subarray(0, -1) }, 'mine/model.safetensors'],
    'a header of an exbibyte': [{ ...model, 'model.safetensors': long }, 'mine/model.safetensors'],
    'no weights': [Object.fromEntries(Object.entries(model).filter(([name]) => name !== 'model.safetensors')), 'mine'],
    'nothing': [{}, 'mine'],
  };
  const started = await page.evaluate(() => spanbert.started);
  for (const [what, [files, place]] of Object.entries(wrong)) {
    const { reply } = await ask(own(files), files);
    assert.ok(reply.failed?.cause.includes(place) && reply.failed.remedy, `${what}: ${JSON.stringify(reply)}`);
    console.log(`${what}: ${reply.failed.cause}`);
  }
  await open('cpu');
  const questions = { 'a picture': picture, 'half a file': data.subarray(0, data.length / 2), 'weights': weights, 'nothing': Buffer.alloc(0), 'another JSON': Buffer.from('{"data": 3}') };
  for (const [what, content] of Object.entries(questions)) {
    const { reply } = await ask({ kind: 'evaluate', file: 'mine.json' }, { 'mine.json': content });
    assert.ok(reply.failed?.cause.includes('mine.json') && reply.failed.remedy, `${what}: ${JSON.stringify(reply)}`);
    console.log(`${what} as questions: ${reply.failed.cause}`);
  }
  assert.equal(await page.evaluate(() => spanbert.started), started);
  sameAnswer((await ask(asked[0].request)).reply, asked[0].expected);
});

for (const end of ['kill', 'breakDown']) {
  test(`a worker that ends is replaced (${end})`, async () => {
    await open('cpu');
    const started = await page.evaluate(() => spanbert.started);
    const evaluating = ask({ kind: 'evaluate', file: 'questions.json' }, { 'questions.json': data });
    await page.evaluate(end => spanbert[end](), end);
    const { reply } = await evaluating;
    assert.match(reply.failed?.cause, /the model's worker has ended: (it was killed|.*asked to break down)/s);
    assert.equal(await page.evaluate(() => spanbert.started), started + 1);
    await open('cpu');
    sameAnswer((await ask(asked[0].request)).reply, asked[0].expected);
  });
}

test('no other host was asked for anything', () => {
  assert.deepEqual(violations, []);
});

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
/** Probability below which an answer may have another's place in the list. */
const TIES = 1e-4;
/** The same of losses, by their size. */
const LOSSES = 1e-4;
/** Questions of the demonstration that are evaluated. */
const QUESTIONS = 204;

const hasWebGpu = fs.readFileSync(path.join(site, 'spanbert_web_bg.wasm')).includes('requestAdapter');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spanbert-web-'));
const model = Object.fromEntries(['config.json', 'vocab.txt', 'tokenizer_config.json', 'spanbert.json', 'model.safetensors']
  .map(name => [name, fs.readFileSync(new URL(`../../assets/demo/model/${name}`, import.meta.url))]));
const violations = [];
let server, browser, page, data, asked, opening;

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

/**
 * Sends a request with files, {name: Buffer}, in their order. Gives {reply, contents, said, millis}, the contents as Buffers. `steer`
 * has what is asked of a training after an update, {update: request}.
 */
async function ask(request, files = {}, { cancelAfterProgress = false, steer = {} } = {}) {
  const contents = Object.values(files).map(content => content.toString('base64'));
  const result = await page.evaluate(async (request, contents, cancelAfterProgress, steer) => {
    const bytes = contents.map(text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0)));
    const said = [];
    const begin = performance.now();
    const { id, done } = spanbert.ask(request, bytes, reply => {
      said.push({ ...reply, at: performance.now() - begin });
      if (cancelAfterProgress && reply.progress) spanbert.cancel(id);
      const { event, step, phase } = reply.happened ?? {};
      if (event === 'step' && steer[step]) spanbert.steer(id, steer[step]);
      if (event === 'phase' && phase === 'paused') setTimeout(() => spanbert.steer(id, 'resume'), 300);
    });
    const { reply, contents: files } = await done;
    const millis = performance.now() - begin;
    const base64 = bytes => { let text = ''; for (const byte of bytes) text += String.fromCharCode(byte); return btoa(text); };
    return { reply, said, millis, contents: files.map(base64) };
  }, request, contents, cancelAfterProgress, steer);
  return { ...result, contents: result.contents.map(text => Buffer.from(text, 'base64')) };
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
  const place = ({ bytes }) => `${bytes.start}-${bytes.end}`;
  const places = new Map(expected.answers.map(one => [place(one), one]));
  for (const one of answer.answers) {
    const other = places.get(place(one));
    // Which place of twenty is the last to be considered may be a tie, and with it some of the least likely answers.
    if (!other) {
      assert.ok(one.probability < TIES, `${one.text} is not among the command line's answers`);
      continue;
    }
    pairs.push([one.start_logit, other.start_logit], [one.end_logit, other.end_logit]);
    assert.ok(Math.abs(one.probability - other.probability) <= PROBABILITIES, `${one.probability} ${other.probability}`);
  }
  assert.ok(pairs.length > expected.answers.length, 'fewer than half of the answers are the same');
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
  opening = Date.now();
  // Where the app has the first page, the one for these tests is beside it.
  const first = fs.existsSync(path.join(site, 'worker.html')) ? 'worker.html' : 'index.html';
  await page.goto(`http://127.0.0.1:${server.address().port}/${first}`);
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
  await ask(asked[0].request);
  const first = Date.now() - opening;
  const { times, largest } = await sameAnswers();
  console.log(`processor: first answer ${first} ms after the page was asked for`);
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
  assert.deepEqual(JSON.parse(contents[files.indexOf('predictions.json')].toString()), stored('predictions.json'));
  for (const threshold of [-6, 0, 2.5]) {
    const dragged = await ask({ kind: 'evaluate', file: 'questions.json', threshold }, { 'questions.json': data });
    const printed = JSON.parse(cli('breakdown', 'evaluation', '--threshold', String(threshold), '--json'));
    delete printed.name;
    delete dragged.reply.evaluated.report.name;
    compare(dragged.reply.evaluated.report, printed, `breakdown at ${threshold}`, figures);
  }
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

/** Passages of the trainings, for training and for evaluation. */
const PASSAGES = { train_passages: 32, dev_passages: 4 };

/** Trains natively for so many updates. Gives the run's folder and its events. */
function trainNatively(name, updates, { train_passages, dev_passages }) {
  const made = path.join(folder, `made-${train_passages}`);
  if (!fs.existsSync(made)) cli('demo', '--write-files', made, '--passages', String(train_passages));
  const dev = JSON.parse(fs.readFileSync(path.join(made, 'dev.json'), 'utf8'));
  let left = dev_passages;
  for (const article of dev.data) left -= (article.paragraphs = article.paragraphs.slice(0, left)).length;
  dev.data = dev.data.filter(article => article.paragraphs.length);
  fs.writeFileSync(path.join(made, 'few.json'), JSON.stringify(dev));
  const run = path.join(folder, name);
  cli('train', '--preset', 'demo', '--model', `${made}/model`, '--train-file', `${made}/train.json`, '--dev-file', `${made}/few.json`,
    '--max-steps', String(updates), '--output-dir', run, '--backend', 'cpu');
  return { run, events: events(fs.readFileSync(path.join(run, 'events.jsonl'), 'utf8')) };
}

const events = text => text.trim().split('\n').map(line => JSON.parse(line));
const steps = happened => happened.filter(({ event }) => event === 'step');
const evaluations = happened => happened.filter(({ event }) => event === 'evaluation');

/** The demonstration's recipe, as the command line writes it down. */
function recipe(run, updates) {
  const lines = fs.readFileSync(path.join(run, 'recipe.toml'), 'utf8').split('\n').filter(line => line && !line.startsWith('#'));
  const fields = lines.map(line => line.split(' = ')).map(([name, value]) => [name, JSON.parse(value)]);
  // What follows from the device is left to it.
  return { ...Object.fromEntries(fields.filter(([name]) => name !== 'length_multiple' && name !== 'do_lower_case')), max_steps: updates };
}

/** Compares the updates of two trainings. Gives the largest difference of a loss, by its size. */
function sameLosses(found, expected, most) {
  assert.deepEqual(steps(found).map(({ step, learning_rate }) => [step, learning_rate]), steps(expected).map(({ step, learning_rate }) => [step, learning_rate]));
  const differences = steps(found).map(({ loss }, index) => Math.abs(loss / steps(expected)[index].loss - 1));
  assert.ok(Math.max(...differences) <= most, `losses differ by ${differences}`);
  return Math.max(...differences);
}

const happened = said => said.filter(one => one.happened).map(one => one.happened);

test('the demonstration is trained on the processor with the losses of the command line, and its model answers', async () => {
  const updates = 24;
  const { run, events: expected } = trainNatively('native', updates, PASSAGES);
  const { reply, said, contents, millis } = await ask({ kind: 'train', device: 'cpu', training: { recipe: recipe(run, updates), ...PASSAGES } });
  assert.ok(reply.trained, JSON.stringify(reply));
  const found = happened(said);
  assert.equal(steps(found).length, updates);
  const largest = sameLosses(found, expected, LOSSES);
  const [scores] = evaluations(found).map(({ scores }) => scores);
  const judged = compare(scores, evaluations(expected)[0].scores, 'scores');
  const { trained, opened, files } = reply.trained;
  assert.deepEqual([trained.ending, trained.steps, opened.device.choice], ['completed', updates, 'cpu']);
  // The run's files, taken out, are a run folder of the command line's.
  const taken = path.join(folder, 'taken');
  files.forEach((name, index) => {
    fs.mkdirSync(path.dirname(path.join(taken, name)), { recursive: true });
    fs.writeFileSync(path.join(taken, name), contents[index]);
  });
  const [listed] = JSON.parse(cli('runs', 'list', folder, '--json')).filter(({ name }) => name === 'taken');
  assert.equal(listed.status, 'completed');
  const { reply: answer } = await ask(asked[0].request);
  const [expectedAnswer] = JSON.parse(cli('ask', '--model', path.join(taken, 'best'), '--passage', 'passage.txt', '--backend', 'cpu', '--json', '--show', '20', asked[0].request.question));
  const difference = sameAnswer(answer, expectedAnswer);
  const [first, last] = [steps(found)[0].elapsed_secs, steps(found).at(-1).elapsed_secs];
  console.log(`training: ${updates} updates of 8 questions and an evaluation in ${millis.toFixed(0)} ms, ${((last - first) / (updates - 1) * 1e3).toFixed(1)} ms an update ` +
    `(with its drawing of losses), largest relative difference of a loss ${largest.toExponential(1)}, of ${judged.numbers} scores ${judged.largest.toExponential(1)}, ` +
    `of the trained model's scores for a question ${difference.toExponential(1)}`);
});

test('a training is paused, goes on and is stopped, and what it has learnt answers', async () => {
  const training = { recipe: recipe(path.join(folder, 'native'), 200), ...PASSAGES, train_passages: 400 };
  const { reply, said } = await ask({ kind: 'train', device: 'cpu', training }, {}, { steer: { 3: 'pause', 6: 'stop' } });
  const found = happened(said);
  assert.deepEqual([reply.trained?.trained.ending, found.at(-1).outcome], ['stopped', 'stopped'], JSON.stringify(reply));
  assert.ok(reply.trained.trained.steps < 20, JSON.stringify(reply.trained.trained));
  const paused = found.findIndex(({ phase }) => phase === 'paused');
  assert.ok(paused > 0 && steps(found.slice(paused)).length > 0);
  assert.ok((await ask(asked[0].request)).reply.answered);
});

test('the demonstration is trained on WebGPU with the losses of the command line', { skip: hasWebGpu ? false : 'built without WebGPU' }, async () => {
  const [updates, few] = [3, { train_passages: 4, dev_passages: 1 }];
  const { run, events: expected } = trainNatively('native-few', updates, few);
  // Padded as natively on a processor, so that the same is computed.
  const { reply, said, millis } = await ask({ kind: 'train', device: 'wgpu', training: { recipe: { ...recipe(run, updates), length_multiple: 8 }, ...few } });
  assert.equal(reply.trained?.opened.device.choice, 'wgpu:0', JSON.stringify(reply));
  const found = happened(said);
  const largest = sameLosses(found, expected, LOSSES);
  const judged = compare(evaluations(found)[0].scores, evaluations(expected)[0].scores, 'scores');
  const tested = said.find(one => one.happened).at;
  const times = steps(found).map(({ elapsed_secs }) => elapsed_secs);
  console.log(`training on WebGPU: opened and tested in ${tested.toFixed(0)} ms, ${updates} updates and an evaluation in ${(millis - tested).toFixed(0)} ms ` +
    `(updates after ${times.map(time => time.toFixed(1)).join(', ')} s), largest relative difference of a loss ${largest.toExponential(1)}, of ${judged.numbers} scores ${judged.largest.toExponential(1)}`);
});

test('a run folder is read as the command line reads it', async () => {
  const run = path.join(folder, 'native');
  const names = fs.readdirSync(run, { recursive: true }).filter(name => fs.statSync(path.join(run, name)).isFile() && !name.endsWith('.safetensors'));
  const files = Object.fromEntries(names.map(name => [`native/${name}`, fs.readFileSync(path.join(run, name))]));
  const { reply } = await ask({ kind: 'open_run', name: 'dropped', files: Object.keys(files) }, files);
  const [listed] = JSON.parse(cli('runs', 'list', folder, '--json')).filter(({ name }) => name === 'native');
  const { summary, curves, damaged, evaluations: evaluated, environment } = reply.run;
  assert.deepEqual([summary.name, summary.status, summary.started, summary.state], [listed.name, listed.status, listed.started, listed.state]);
  const written = events(files['native/events.jsonl'].toString());
  const plain = ({ time, event, ...step }) => step;
  assert.deepEqual(curves.steps, steps(written).map(plain));
  assert.deepEqual(curves.evaluations.map(({ scores }) => scores), evaluations(written).map(({ scores }) => scores));
  assert.deepEqual([damaged, evaluated, environment.backend], [[], [24], 'cpu']);
  const picture = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  const hostile = await ask({ kind: 'open_run', name: 'mine', files: ['events.jsonl', 'state.json', 'recipe.toml'] }, { a: picture, b: picture, c: picture });
  assert.deepEqual(hostile.reply.run?.damaged, ['state.json', 'recipe.toml', 'events.jsonl'], JSON.stringify(hostile.reply));
  const none = await ask({ kind: 'open_run', name: 'mine', files: ['picture.png'] }, { a: picture });
  assert.match(none.reply.failed?.cause, /^mine holds no run/);
});

test('a checkpoint of 1.3 GB is refused before memory runs out, and the worker lives', async () => {
  await open('cpu');
  const started = await page.evaluate(() => spanbert.started);
  const reply = await page.evaluate(async () => {
    const request = { kind: 'open', device: 'cpu', model: { files: { name: 'large', files: ['model.safetensors'] } } };
    const part = new Uint8Array(134_000_000);
    return (await spanbert.ask(request, [new File(Array(10).fill(part), 'model.safetensors')]).done).reply;
  });
  assert.match(reply.failed?.cause, /1340 MB.*700 MB/);
  console.log(`1.3 GB: ${reply.failed.cause}; ${reply.failed.remedy}`);
  assert.equal(await page.evaluate(() => spanbert.started), started);
  // The model that was open is open still.
  sameAnswer((await ask(asked[0].request)).reply, asked[0].expected);
});

/** A new worker in which `sabotage` was done before anything else. */
async function sabotaged(sabotage) {
  await page.evaluate(() => spanbert.kill());
  await ask({ kind: 'close' });
  const worker = page.workers().at(-1);
  await worker.evaluate(sabotage);
  return worker;
}

const obstacles = {
  'no adapter': [() => { GPU.prototype.requestAdapter = async () => null; }, /offers no WebGPU adapter/],
  'no WebGPU at all': [() => { Object.defineProperty(Object.getPrototypeOf(navigator), 'gpu', { get: () => undefined }); }, /offers no WebGPU adapter/],
  'no timestamp queries': [() => {
    Object.defineProperty(GPUAdapter.prototype, 'features', { get: () => new Set(['shader-f16']) });
  }, /has no timestamp queries/],
  'a device that does not start': [() => { GPUAdapter.prototype.requestDevice = async () => { throw new DOMException('too many devices', 'OperationError'); }; }, /did not start.*too many devices/],
  'shaders that do not compile': [() => {
    const create = GPUDevice.prototype.createShaderModule;
    GPUDevice.prototype.createShaderModule = function (described) { return create.call(this, { ...described, code: described.code + '\nfn (' }); };
  }, /failed its self-test/],
};
for (const [what, [sabotage, expected]] of Object.entries(obstacles)) {
  test(`WebGPU is told to be unusable, and the processor answers: ${what}`, { skip: hasWebGpu ? false : 'built without WebGPU' }, async () => {
    await sabotaged(sabotage);
    const { reply } = await ask(builtIn('wgpu'));
    assert.match(reply.failed?.cause ?? JSON.stringify(reply), expected);
    assert.ok(reply.failed.remedy);
    console.log(`${what}: ${reply.failed.cause}; ${reply.failed.remedy}`);
    // By itself, and when it is asked for.
    for (const device of ['auto', 'cpu']) {
      assert.equal((await open(device)).reply.opened.device.choice, 'cpu');
      sameAnswer((await ask(asked[0].request)).reply, asked[0].expected);
    }
  });
}

test('a GPU that is lost is told, and a new worker answers', { skip: hasWebGpu ? false : 'built without WebGPU' }, async () => {
  const worker = await sabotaged(() => {
    const request = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (...asked) {
      const device = await request.apply(this, asked);
      const info = Object.create(GPUDeviceLostInfo.prototype, { reason: { value: 'unknown' }, message: { value: 'the driver was updated' } });
      const lost = new Promise(resolve => { globalThis.loseDevice = () => resolve(info); });
      Object.defineProperty(device, 'lost', { get: () => lost });
      return device;
    };
  });
  await open('wgpu');
  const started = await page.evaluate(() => spanbert.started);
  await worker.evaluate(() => loseDevice());
  const { reply } = await ask(asked[0].request);
  assert.match(reply.failed?.cause ?? JSON.stringify(reply), /GPU was lost: the driver was updated/);
  assert.ok(reply.failed.device_failed);
  console.log(`a lost GPU: ${reply.failed.cause}; ${reply.failed.remedy}`);
  assert.equal(await page.evaluate(() => spanbert.started), started + 1);
  await open('cpu');
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

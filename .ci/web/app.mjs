// SpanBERT Studio in Chromium, by labels, beside the command line. Started by test.sh, which says what the variables are.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, afterEach, before, test } from 'node:test';

const { SPANBERT_WEB_PAGE: site, SPANBERT: spanbert, SPANBERT_WEB_PUPPETEER: puppeteerPath, SPANBERT_WEB_PICTURES: pictures } = process.env;
const { default: puppeteer } = await import(pathToFileURL(puppeteerPath));

/** Questions of the demonstration that are evaluated. */
const QUESTIONS = 204;
/** Milliseconds until something has to be on the page; WebGPU by software is slow. */
const PATIENCE = 240_000;

const hasWebGpu = fs.readFileSync(path.join(site, 'spanbert_web_bg.wasm')).includes('requestAdapter');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spanbert-studio-'));
const downloads = path.join(folder, 'downloads');
/** What is served besides the page. */
const served = path.join(folder, 'served');
const modelFiles = () => Object.fromEntries(['config.json', 'vocab.txt', 'tokenizer_config.json', 'spanbert.json', 'model.safetensors']
  .map(name => [name, fs.readFileSync(new URL(`../../assets/demo/model/${name}`, import.meta.url))]));
const violations = [];
let server, browser, page, questions, report;

const cli = (...args) => execFileSync(spanbert, args, { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] });
const sleep = millis => new Promise(resolve => setTimeout(resolve, millis));

/** Serves the page and lets it speak to no other host; what it tries is reported. */
function serve() {
  const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm' };
  const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; worker-src 'self'; connect-src 'self'; img-src data:; report-uri /violation";
  return new Promise(resolve => {
    const server = http.createServer((request, response) => {
      if (request.url === '/violation') {
        request.on('data', part => violations.push(String(part)));
        response.writeHead(204);
        return response.end();
      }
      const name = path.normalize(new URL(request.url, 'http://x').pathname);
      const file = [site, served].map(root => path.join(root, name)).find(file => fs.existsSync(file) && fs.statSync(file).isFile());
      if (!file) { response.writeHead(404); return response.end(); }
      response.writeHead(200, { 'content-type': types[path.extname(file)] ?? 'application/octet-stream', 'content-security-policy': policy });
      fs.createReadStream(file).pipe(response);
    }).listen(0, '127.0.0.1', () => resolve(server));
  });
}

const shown = () => page.evaluate(() => studio.shown());
const text = one => one.label ?? one.value ?? '';
const fits = (one, what) => what instanceof RegExp ? what.test(text(one)) : text(one) === what;
const find = async (what, role) => (await shown()).find(one => fits(one, what) && (!role || one.role === role));

/** Waits until something is on the page. */
async function see(what, role, patience = PATIENCE) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await find(what, role);
    if (found) return found;
    if (Date.now() > end) assert.fail(`${what} is not on the page: ${JSON.stringify((await shown()).map(text))}`);
    await sleep(20);
  }
}

/** Waits until something is not on the page any more. */
async function gone(what, patience = PATIENCE) {
  for (const end = Date.now() + patience; await find(what); await sleep(20)) assert.ok(Date.now() < end, `${what} stays on the page`);
}

async function click(what, role) {
  let found = await see(what, role);
  // What has just been opened takes clicks a moment later.
  for (const end = Date.now() + 3000; found.disabled && Date.now() < end; found = await see(what, role)) await sleep(50);
  const { x, y, width, height, disabled } = found;
  assert.ok(!disabled, `${what} is disabled`);
  await page.mouse.click(x + width / 2, y + height / 2);
  // Until the click has been drawn.
  await sleep(120);
}

/** Chooses files in the dialog that a button opens. */
async function choose(button, ...files) {
  const [chooser] = await Promise.all([page.waitForFileChooser({ timeout: PATIENCE }), click(button)]);
  await chooser.accept(files);
}

/** Hands files over as if they were dropped: {path: content}. */
const drop = files => page.evaluate(async files => {
  await studio.take(files.map(([path, content]) => ({ path, file: new File([Uint8Array.from(atob(content), letter => letter.charCodeAt(0))], path) })));
}, Object.entries(files).map(([name, content]) => [name, Buffer.from(content).toString('base64')]));

/** Asks the question that is there. */
async function ask() {
  await click('Question', 'TextInput');
  await page.keyboard.press('Enter');
}

let picture = 0;
async function look(name) {
  if (!pictures) return;
  fs.mkdirSync(pictures, { recursive: true });
  // Pointers over buttons open tooltips.
  await page.mouse.move(1, 1);
  await sleep(700);
  picture += 1;
  await page.screenshot({ path: path.join(pictures, `${String(picture).padStart(2, '0')}-${name}.png`) });
}

async function load() {
  await page.goto(`http://127.0.0.1:${server.address().port}/index.html`);
  await page.waitForFunction(() => globalThis.studio && document.getElementById('told').hidden, { timeout: PATIENCE });
}

before(async () => {
  cli('demo', '--write-files', 'made');
  const dev = JSON.parse(fs.readFileSync(path.join(folder, 'made/dev.json'), 'utf8'));
  let count = 0;
  for (const article of dev.data) {
    article.paragraphs = article.paragraphs.filter(paragraph => count < QUESTIONS && (count += paragraph.qas.length));
  }
  dev.data = dev.data.filter(article => article.paragraphs.length);
  questions = path.join(folder, 'questions.json');
  fs.writeFileSync(questions, JSON.stringify(dev));
  server = await serve();
  browser = await puppeteer.launch({
    executablePath: '/usr/bin/chromium', headless: true, protocolTimeout: 600_000,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan,WebGPU', '--enable-unsafe-swiftshader'],
    defaultViewport: { width: 1280, height: 860 },
  });
  page = await browser.newPage();
  page.on('console', message => console.log(`console ${message.type()}: ${message.text().slice(0, 500)}`));
  page.on('pageerror', error => console.log(`page error: ${error.message}`));
  const session = await page.createCDPSession();
  await session.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: downloads });
});

afterEach(async context => { if (!context.passed) await look(`failed-${context.name.replaceAll(/\W+/g, '-').slice(0, 40)}`); });

after(async () => {
  await browser?.close();
  server?.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

const number = text => Number(text.match(/[-+]?[\d.]+/)[0]);

/** Waits for a download. */
async function downloaded(name) {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(50)) {
    const found = fs.existsSync(downloads) ? fs.readdirSync(downloads) : [];
    const file = found.find(one => name instanceof RegExp ? name.test(one) : one === name);
    if (file) return path.join(downloads, file);
  }
  assert.fail(`${name} was not downloaded`);
}

/** Whether the figures of an evaluation are those of a report of the command line, at the threshold that was stored. */
async function figures(report) {
  const at = report.thresholds.find(one => one.name === 'stored threshold') ?? report.thresholds.at(-1);
  const all = (await shown()).map(text);
  for (const value of [at.f1, at.exact, at.has_ans_f1, at.no_ans]) assert.ok(all.includes(value.toFixed(2)), `${value}: ${all.join(' | ')}`);
  const { has_ans_answered, has_ans_abstained, no_ans_answered, no_ans_abstained } = at.confusion;
  for (const label of [`Answerable, answered: ${has_ans_answered}`, `Answerable, not answered: ${has_ans_abstained}`,
    `Unanswerable, answered: ${no_ans_answered}`, `Unanswerable, not answered: ${no_ans_abstained}`]) assert.ok(all.includes(label), label);
}

test('the demonstration answers at once, as on the command line', async () => {
  const begin = Date.now();
  await load();
  const drawn = Date.now() - begin;
  await see('demo', 'Label');
  const ready = Date.now() - begin;
  const passage = (await see('Passage', 'MultilineTextInput')).value;
  const question = (await see('Question', 'TextInput')).value;
  await ask();
  await see(/^(probability|no answer) /);
  console.log(`drawn after ${drawn} ms, the demonstration open after ${ready} ms, answered after ${Date.now() - begin} ms`);
  const difference = text(await see(/^[+-]\d+\.\d{3}$/));
  fs.writeFileSync(path.join(folder, 'passage.txt'), passage);
  const [expected] = JSON.parse(cli('ask', '--model', 'demo', '--passage', 'passage.txt', '--backend', 'cpu', '--json', question));
  assert.ok(await find(expected.answers[0].text), expected.answers[0].text);
  assert.ok(Math.abs(number(difference) - expected.score_diff) < 6e-4, `${difference} instead of ${expected.score_diff}`);
  await look('ask');
});

test('WebGPU and the processor can be switched, and answer alike', { skip: hasWebGpu ? false : 'built without WebGPU' }, async () => {
  const difference = text(await see(/^[+-]\d+\.\d{3}$/));
  await click(/^Device: /);
  await click(/^wgpu:0 /);
  await see('Device: wgpu:0');
  await see(/^BERT, /);
  await see(/software rasteriser/);
  await look('ask-webgpu');
  await ask();
  await gone(/^(probability|no answer) /, 5000).catch(() => {});
  await see(/^(probability|no answer) /);
  const there = text(await see(/^[+-]\d+\.\d{3}$/));
  assert.ok(Math.abs(number(difference) - number(there)) < 1.1e-3, `${there} instead of ${difference}`);
  await click(/^Device: /);
  await click(/^cpu /);
  await see('Device: cpu');
  await see(/^BERT, /);
});

test('a file is evaluated, with the figures of the command line', async () => {
  cli('evaluate', '--model', 'demo', '--data', 'questions.json', '--backend', 'cpu', '--output-dir', 'evaluation', '--json');
  report = JSON.parse(cli('breakdown', 'evaluation', '--json'));
  await click('Evaluate', 'Button');
  await see('No evaluations yet');
  await look('evaluate-empty');
  await click('New evaluation…');
  await choose('Choose file…', questions);
  await see('questions.json');
  await look('evaluate-form');
  await click('Start evaluation');
  await see(`All ${QUESTIONS}`);
  await sleep(1500);
  await look('evaluate');
  await figures(report.scores ?? report);
});

test('the threshold is dragged, and the figures follow', async () => {
  const slider = await see('Threshold', 'Slider');
  const before = (await see(/^Answerable, answered: /)).label;
  await page.mouse.move(slider.x + 30, slider.y + slider.height / 2);
  await page.mouse.down();
  await page.mouse.move(slider.x + 60, slider.y + slider.height / 2, { steps: 5 });
  await page.mouse.up();
  await sleep(300);
  const after = (await see(/^Answerable, answered: /)).label;
  assert.notEqual(after, before);
  await look('evaluate-threshold');
  // The cells add up to all questions, whatever the threshold.
  const cells = (await shown()).filter(one => /^(Una|A)nswerable, (not )?answered: /.test(text(one)));
  assert.equal(cells.reduce((sum, one) => sum + number(text(one).split(': ')[1]), 0), QUESTIONS);
  await click('Stored');
  await see(before);
});

test('what is shown is downloaded', async () => {
  for (const [entry, name] of [['Questions shown as CSV', 'questions.csv'], ['Everything as a web page', 'breakdown.html'], ['Charts as PNG', /\.zip$/]]) {
    await click(/Export$/);
    await click(entry);
    await see(/downloaded as /);
    const file = await downloaded(name);
    if (name === 'questions.csv') {
      const rows = fs.readFileSync(file, 'utf8').trim().split('\r\n');
      assert.equal(rows.length, QUESTIONS + 1);
    }
    if (name instanceof RegExp) {
      // Whatever reads archives takes it; Python is everywhere.
      const listed = execFileSync('python3', ['-m', 'zipfile', '-l', file], { encoding: 'utf8' });
      assert.ok(listed.split('\n').filter(line => line.includes('.png')).length > 2, listed);
      execFileSync('python3', ['-m', 'zipfile', '-t', file]);
    }
    if (await find('Close message')) await click('Close message');
  }
});

test('an evaluation of the command line is dropped as a folder, and compared with', async () => {
  const files = Object.fromEntries(fs.readdirSync(path.join(folder, 'evaluation'))
    .map(name => [`evaluation/${name}`, fs.readFileSync(path.join(folder, 'evaluation', name))]));
  await drop(files);
  // Its data is the file that was chosen before, by its name.
  await see(`All ${QUESTIONS}`);
  await see('Run', 'ComboBox');
  await sleep(600);
  await figures(report.scores ?? report);
  await click('Compare with', 'ComboBox');
  await click(/^1 · demo on questions.json$/);
  await see(/^Other F1 /);
  await see(/^Right to wrong 0, wrong to right 0, /);
  await look('evaluate-compared');
});

test("a checkpoint of one's own is dropped, asked, kept, found again and deleted", async () => {
  await click('Ask', 'Button');
  await drop(Object.fromEntries(Object.entries(modelFiles()).map(([name, content]) => [`mine/${name}`, content])));
  await see('mine', 'Label');
  await see(/^BERT, /);
  await ask();
  await see(/^(probability|no answer) /);
  await click('Keep in this browser');
  await see('mine is kept in this browser');
  await look('ask-own');
  await load();
  await see('demo', 'Label');
  await click('Unload');
  await look('ask-empty');
  await click('mine', 'Button');
  await see('mine', 'Label');
  await see(/^BERT, /);
  await click('Settings', 'Button');
  await sleep(400);
  await look('settings');
  await page.mouse.move(700, 600);
  await page.mouse.wheel({ deltaY: 3000 });
  await sleep(500);
  await click('Delete mine');
  await see(/^mine is deleted/);
  await click('Ask', 'Button');
});

test('a checkpoint is fetched from an address, and what is wrong with one is said', async () => {
  await click('Unload');
  const fetching = async address => {
    await click('Address of a checkpoint', 'TextInput');
    await page.keyboard.down('Control');
    await page.keyboard.press('a');
    await page.keyboard.up('Control');
    await page.keyboard.type(address);
    await click('Fetch', 'Button');
  };
  await fetching('nowhere');
  await see(/was not opened: there is no config.json/);
  fs.mkdirSync(path.join(served, 'fetched'), { recursive: true });
  for (const [name, content] of Object.entries(modelFiles())) fs.writeFileSync(path.join(served, 'fetched', name), content);
  await fetching(`http://127.0.0.1:${server.address().port}/fetched`);
  await see('fetched', 'Label');
  await see(/^BERT, /);
});

test('hostile files are told what is wrong with them, and the page lives', async () => {
  const model = modelFiles();
  const picture = Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');
  for (const [what, files, expected] of [
    ['a picture as configuration', { ...model, 'config.json': picture }, /bad\/config\.json/],
    ['configuration as weights', { ...model, 'model.safetensors': model['config.json'] }, /bad\/model\.safetensors/],
    ['no weights', Object.fromEntries(Object.entries(model).filter(([name]) => name !== 'model.safetensors')), /^bad.*safetensors/],
  ]) {
    if (await find('Unload')) await click('Unload');
    await drop(Object.fromEntries(Object.entries(files).map(([name, content]) => [`bad/${name}`, content])));
    console.log(`${what}: ${text(await see(expected))}`);
  }
  await look('ask-hostile');
  await drop({ 'nothing.json': Buffer.from('{}') });
  await see(/^nothing.json is neither /);
  await click('the demo model');
  await see('demo', 'Label');
  await see(/^BERT, /);
});

test('a worker that is lost is said, and another one answers', async () => {
  await page.evaluate(() => { for (const one of Spanbert.living) one.kill(); });
  await see(/the model's worker has ended: it was killed; load the model again/);
  await look('ask-lost');
  await click('the demo model');
  await see(/^BERT, /);
  await page.evaluate(() => { for (const one of Spanbert.living) one.breakDown(); });
  await see(/the model's worker has ended: .*asked to break down/s);
  await click('the demo model');
  await see(/^BERT, /);
  await ask();
  await see(/^(probability|no answer) /);
});

test('the demonstration is trained in the page: curves, pause, evaluation, and the model that came of it', async () => {
  await click('Train', 'Button');
  const passages = (await shown()).find(one => one.role === 'SpinButton' && fits(one, 'Passages to learn from'));
  assert.ok(passages, JSON.stringify(await shown()));
  await page.mouse.click(passages.x + passages.width / 2, passages.y + passages.height / 2);
  await page.keyboard.down('Control');
  await page.keyboard.press('a');
  await page.keyboard.up('Control');
  await page.keyboard.type('60');
  await page.keyboard.press('Enter');
  await see(/^360 questions, 45 updates; /);
  await look('train-form');
  await click('Start training');
  await see(/^Loss chart: /);
  await click('Pause training');
  await see('Paused');
  const paused = text(await see(/^\d+ of 45$/));
  await look('train-paused');
  await sleep(1000);
  assert.equal(text(await see(/^\d+ of 45$/)), paused);
  await click('Resume training');
  await see(/^The demonstration is trained: best F1 /);
  await look('train-done');
  await click('Download the run');
  const file = await downloaded(/demo\.zip$/);
  const run = path.join(folder, 'run');
  execFileSync('python3', ['-m', 'zipfile', '-e', file, run]);
  // The command line takes what came out of the page as it takes its own.
  const best = JSON.parse(cli('runs', 'show', run, '--json'));
  fs.writeFileSync(path.join(folder, 'show.json'), JSON.stringify(best));
  const asked = JSON.parse(cli('ask', '--model', path.join(run, 'best'), '--passage', 'passage.txt', '--backend', 'cpu', '--json', 'Who wrote the song?'));
  assert.ok(Number.isFinite(asked[0].score_diff));
  await click('Show evaluation');
  await see('All 300');
  await sleep(600);
  await look('train-evaluation');
  await click('Train', 'Button');
  await click('Ask this model');
  await see(/best$/, 'Label');
  await see(/^BERT, /);
  await ask();
  await see(/^(probability|no answer) /);
});

test('a training is stopped, and one that is lost is said', async () => {
  await click('Train', 'Button');
  await click('Start training');
  await see(/^Loss chart: /);
  await click('Stop training');
  await see(/^The demonstration is trained/);
  await click('Start training');
  await see('Starting a worker').catch(() => {});
  await page.evaluate(() => { for (const one of Spanbert.living) one.kill(); });
  await see(/the model's worker has ended: it was killed/);
});

test('a run folder is dropped and looked at', async () => {
  const run = path.join(folder, 'run');
  const files = fs.readdirSync(run, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
    .map(entry => path.join(entry.parentPath ?? entry.path, entry.name));
  await drop(Object.fromEntries(files.map(file => [`mine run/${path.relative(run, file)}`, fs.readFileSync(file)])));
  await see('Completed');
  await see(/^Loss chart: /);
  await look('run-curves');
  await click(/^Evaluations \d/);
  await see('Show predictions');
  await click('Recipe');
  await see(/learning_rate/);
  await click('Show evaluation');
  await see('All 300');
  await click('Runs', 'Button');
  await click('Back to the runs');
  await look('runs');
  // The same as an archive, and one that is none.
  await drop({ 'packed run.zip': fs.readFileSync(await downloaded(/demo\.zip$/)) });
  await see('packed run');
  await see('Completed');
  await click('Back to the runs');
  await drop({ 'broken.zip': Buffer.from('PK no archive') });
  await see(/^broken\.zip is no ZIP archive/);
});

test('narrow windows are usable', async () => {
  await page.setViewport({ width: 480, height: 800 });
  await sleep(600);
  await look('narrow-ask');
  await click('Evaluate', 'Button');
  await sleep(600);
  await look('narrow-evaluate');
  await page.setViewport({ width: 1280, height: 860 });
});

test('no other host was asked for anything', () => { assert.deepEqual(violations, []); });

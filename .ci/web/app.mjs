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
const modelFolder = new URL('../../assets/demo/model/', import.meta.url);
const violations = [];
let server, browser, page, questions;

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
      const file = path.join(site, path.normalize(new URL(request.url, 'http://x').pathname));
      if (!fs.existsSync(file) || !fs.statSync(file).isFile()) { response.writeHead(404); return response.end(); }
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
  const { x, y, width, height, disabled } = await see(what, role);
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
  studio.take(files.map(([path, content]) => ({ path, file: new File([Uint8Array.from(atob(content), letter => letter.charCodeAt(0))], path) })));
}, Object.entries(files).map(([name, content]) => [name, Buffer.from(content).toString('base64')]));

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

/** What the page says of a figure that stands beside or under its name. */
const number = text => Number(text.match(/-?[\d.]+/)[0]);

test('the demonstration answers at once, as on the command line', async () => {
  const begin = Date.now();
  await load();
  const drawn = Date.now() - begin;
  await see('demo', 'Label');
  const ready = Date.now() - begin;
  const passage = (await see(/^.{80,}/s, 'MultilineTextInput')).value;
  const question = (await see('Question', 'TextInput')).value;
  await click('Ask', 'Button');
  await see(/^probability /);
  console.log(`drawn after ${drawn} ms, the demonstration open after ${ready} ms, answered after ${Date.now() - begin} ms`);
  const difference = (await see(/^[+-]\d+\.\d{3}$/)).label ?? (await see(/^[+-]\d+\.\d{3}$/)).value;
  fs.writeFileSync(path.join(folder, 'passage.txt'), passage);
  const [expected] = JSON.parse(cli('ask', '--model', 'demo', '--passage', 'passage.txt', '--backend', 'cpu', '--json', question));
  assert.ok(await find(expected.answers[0].text), expected.answers[0].text);
  assert.ok(Math.abs(number(difference) - expected.score_diff) < 6e-4, `${difference} instead of ${expected.score_diff}`);
  await look('ask');
});

test('a file is evaluated, with the figures of the command line', async () => {
  cli('evaluate', '--model', 'demo', '--data', 'questions.json', '--backend', 'cpu', '--output-dir', 'evaluation', '--json');
  const report = JSON.parse(cli('breakdown', 'evaluation', '--json'));
  fs.writeFileSync(path.join(folder, 'report.json'), JSON.stringify(report, null, 1));
  await click('Evaluate', 'Button');
  await look('evaluate-empty');
  await click('New evaluation…');
  await choose('Choose file…', questions);
  await see('questions.json');
  await look('evaluate-form');
  await click('Start evaluation');
  await see(`All ${QUESTIONS}`);
  await sleep(1500);
  await look('evaluate');
  const all = (await shown()).map(text);
  const at = report.thresholds?.at(-1) ?? report;
  console.log(JSON.stringify(at).slice(0, 600));
  console.log(all.slice(0, 120).join(' | '));
});

test('no other host was asked for anything', () => { assert.deepEqual(violations, []); });

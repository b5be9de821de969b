// What all tests in browsers share: a server, Chromium, the command line, questions. Started by test.sh, which says what the variables are.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before } from 'node:test';

export const { SPANBERT_WEB_PAGE: site, SPANBERT: spanbert, SPANBERT_WEB_PUPPETEER: puppeteerPath, SPANBERT_WEB_PICTURES: pictures } = process.env;
export const { default: puppeteer } = await import(pathToFileURL(puppeteerPath));

/** Questions of the demonstration that are evaluated. */
export const QUESTIONS = 204;
/** Milliseconds until something has to be there; WebGPU by software is slow. */
export const PATIENCE = 240_000;

export const hasWebGpu = fs.readFileSync(path.join(site, 'spanbert_web_bg.wasm')).includes('requestAdapter');
export const withWebGpu = { skip: hasWebGpu ? false : 'built without WebGPU' };
export const sleep = millis => new Promise(resolve => setTimeout(resolve, millis));
export const PICTURE = Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');

/** The files of the demonstration's model, {name: Buffer}. */
export const modelFiles = () => Object.fromEntries(['config.json', 'vocab.txt', 'tokenizer_config.json', 'spanbert.json', 'model.safetensors']
  .map(name => [name, fs.readFileSync(new URL(`../../assets/demo/model/${name}`, import.meta.url))]));
export const without = (files, name) => Object.fromEntries(Object.entries(files).filter(([one]) => one !== name));

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm' };
/** As `spanbert web` has it, but for the inline script of the tests' own page, and for where what is tried is reported. */
const POLICY = "default-src 'none'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'self'; worker-src 'self'; img-src data:; report-uri /violation";

/**
 * Serves folders, in which the first that has a file counts, and lets their pages speak to no other host but `others`. What they try
 * comes into `violations`; `answer(request, response, file)` may answer in place of the server, `change(name, text)` changes a file.
 */
export function serve(folders, { others = [], violations = [], answer = () => false, change } = {}) {
  const policy = `${POLICY}; connect-src 'self' ${others.join(' ')}`;
  return new Promise(resolve => {
    const server = http.createServer((request, response) => {
      if (request.url === '/violation') {
        request.on('data', part => violations.push(String(part)));
        response.writeHead(204);
        return response.end();
      }
      const name = path.normalize(new URL(request.url, 'http://x').pathname);
      const file = folders.map(root => path.join(root, name)).find(file => fs.existsSync(file) && fs.statSync(file).isFile());
      if (answer(request, response, file)) return;
      if (!file) { response.writeHead(404); return response.end(); }
      const changed = change?.(name, file);
      response.writeHead(200, { 'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream', 'content-security-policy': policy });
      if (changed) return response.end(changed);
      fs.createReadStream(file).pipe(response);
    }).listen(0, '127.0.0.1', () => resolve(Object.assign(server, { address: `http://127.0.0.1:${server.address().port}` })));
  });
}

export const FIREFOX = '/usr/bin/firefox-esr';
const COMMON = { headless: true, protocolTimeout: 600_000, defaultViewport: { width: 1280, height: 860 } };

/** Starts Firefox or, by default, Chromium with WebGPU on the processor, by SwiftShader. */
export const launch = options => options.browser === 'firefox' ? puppeteer.launch({ ...COMMON, ...options, executablePath: FIREFOX }) : puppeteer.launch({
  executablePath: '/usr/bin/chromium',
  ...COMMON,
  ...options,
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader',
    '--enable-features=Vulkan,WebGPU', '--enable-unsafe-swiftshader', ...options?.args ?? []],
});

/**
 * What a file of tests plays on, from before its first test to after its last: {folder, served, downloads, server, browser, page,
 * violations, cli, questions, asked, stays}. `served` is a folder that is served beside the page, `questions` the path of questions of the
 * demonstration. The browser's questions before a page is left come into `asked`; a page is left unless `stays`.
 */
export function stage(name, { server: serving = {}, browser: launching = {} } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `spanbert-${name}-`));
  const it = { name, folder, served: path.join(folder, 'served'), downloads: path.join(folder, 'downloads'), violations: [], asked: [], stays: false };
  // In portable mode it has the bits of WebAssembly.
  const env = { ...process.env, SPANBERT_PORTABLE: '1' };
  it.cli = (...args) => execFileSync(spanbert, args, { cwd: folder, env, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] });
  it.listen = page => {
    page.on('console', message => console.log(`console ${message.type()}: ${message.text().slice(0, 500)}`));
    page.on('pageerror', error => console.log(`page error: ${error.message}`));
    page.on('dialog', dialog => {
      it.asked.push(dialog.type());
      return it.stays ? dialog.dismiss() : dialog.accept();
    });
    return page;
  };
  const begin = Date.now();
  // Hooks of a file are not waited for by one another.
  let ready;
  it.ready = new Promise((resolve, reject) => { ready = { resolve, reject }; });
  it.ready.catch(() => {});
  before(() => prepare().then(ready.resolve, error => { ready.reject(error); throw error; }));
  async function prepare() {
    fs.mkdirSync(it.served);
    it.cli('demo', '--write-files', 'made');
    const dev = JSON.parse(fs.readFileSync(path.join(folder, 'made/dev.json'), 'utf8'));
    let count = 0;
    for (const article of dev.data) {
      article.paragraphs = article.paragraphs.filter(paragraph => count < QUESTIONS && (count += paragraph.qas.length));
    }
    dev.data = dev.data.filter(article => article.paragraphs.length);
    it.dev = dev;
    it.questions = path.join(folder, 'questions.json');
    fs.writeFileSync(it.questions, JSON.stringify(dev));
    it.server = await serve([site, it.served], { violations: it.violations, ...serving });
    it.browser = await launch({ userDataDir: path.join(folder, 'profile'), ...launching });
    it.page = it.listen(await it.browser.newPage());
    if (launching.browser === 'firefox') return;
    const session = await it.page.createCDPSession();
    await session.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: it.downloads });
  }
  after(async () => {
    await it.browser?.close();
    it.server?.close();
    it.server?.closeAllConnections();
    fs.rmSync(folder, { recursive: true, force: true });
    console.log(`${name}: ${((Date.now() - begin) / 1e3).toFixed(0)} s`);
  });
  return it;
}

/** Compares two JSON values: all but numbers with a fraction are equal, and those within `most`. Gives how many numbers there were, and the largest difference. */
export function compare(found, expected, where, most, seen = { numbers: 0, largest: 0, place: '' }) {
  if (typeof expected === 'number' && typeof found === 'number') {
    seen.numbers += 1;
    const difference = Math.abs(found - expected);
    if (difference > seen.largest) Object.assign(seen, { largest: difference, place: where });
    assert.ok(difference <= most && (difference === 0 || !Number.isInteger(expected)), `${where}: ${found} instead of ${expected}`);
  } else if (expected !== null && typeof expected === 'object') {
    assert.deepEqual(Object.keys(found ?? {}), Object.keys(expected), where);
    for (const key of Object.keys(expected)) compare(found[key], expected[key], `${where}.${key}`, most, seen);
  } else {
    assert.equal(found, expected, where);
  }
  return seen;
}

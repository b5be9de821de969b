// Bad days of SpanBERT Studio's page: storage that is full or forbidden, hosts that send nothing or half, wrong files, tabs in the background.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';

import { PICTURE, modelFiles, serve, sleep, stage, withWebGpu } from './harness.mjs';
import { labels, text } from './labels.mjs';

// Another host is another port of this one. `open` lets other pages read it, the rest does not.
const elsewhere = fs.mkdtempSync(path.join(fs.realpathSync('/tmp'), 'spanbert-elsewhere-'));
for (const folder of ['open', 'closed', 'broken', 'lacking']) {
  fs.mkdirSync(path.join(elsewhere, folder));
  for (const [name, content] of Object.entries(modelFiles())) {
    if (folder !== 'lacking' || name !== 'model.safetensors') fs.writeFileSync(path.join(elsewhere, folder, name), content);
  }
}
const other = await serve([elsewhere], {
  answer(request, response, file) {
    if (!request.url.startsWith('/closed')) response.setHeader('access-control-allow-origin', '*');
    if (request.url !== '/broken/model.safetensors') return false;
    const content = fs.readFileSync(file);
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, content.length / 2));
    setTimeout(() => response.destroy(), 200);
    return true;
  },
});
after(() => { other.close(); fs.rmSync(elsewhere, { recursive: true }); });

/** What is done in the page's workers before anything else, as JavaScript. */
let sabotage = '';
const it = stage('bad-days', {
  server: { others: [other.address], change: (name, file) => name === '/worker.js' && sabotage && sabotage + fs.readFileSync(file, 'utf8') },
});
const { shown, find, see, gone, click, dismiss, fill, choose, drop, dropIn, answer, look, load: loadLast } = labels(it);

/** Opens the app on its first page, whichever was shown last. */
async function load() {
  await loadLast();
  await click('Ask', 'Button');
}

/** Opens the app with a script that runs before it. */
async function loadAfter(script) {
  const { identifier } = await it.page.evaluateOnNewDocument(script);
  await load();
  await it.page.removeScriptToEvaluateOnNewDocument(identifier);
}
async function answers() {
  if (!await find('demo', 'Label')) await click('the demo model');
  await see(/^BERT, /);
  await answer();
}
async function unload() {
  if (!await find('Unload')) return;
  await click('Unload');
  await gone('Unload');
}
/** Opens the app without a model. */
async function loadEmpty() {
  await load();
  await see(/^BERT, /);
  await unload();
}
async function toast(what) {
  const said = text(await see(what));
  console.log(said);
  await dismiss();
}

const obstacles = {
  'no WebGPU': ["Object.defineProperty(Object.getPrototypeOf(navigator), 'gpu', { get: () => undefined });", /offers no WebGPU adapter/],
  'an adapter without timestamp queries': ["Object.defineProperty(GPUAdapter.prototype, 'features', { get: () => new Set(['shader-f16']) });", /has no timestamp queries/],
  'shaders that do not compile': ["const create = GPUDevice.prototype.createShaderModule; GPUDevice.prototype.createShaderModule = function (said) { return create.call(this, { ...said, code: `${said.code}\\nfn (` }); };", /failed its self-test/],
};
for (const [what, [script, expected]] of Object.entries(obstacles)) {
  test(`WebGPU is asked for and cannot be had, which is said, and the processor answers: ${what}`, withWebGpu, async () => {
    sabotage = script;
    await load();
    sabotage = '';
    await see(/^BERT, /);
    await click(/^Device: /);
    const wgpu = await see(/^wgpu/).catch(() => null);
    assert.ok(wgpu, JSON.stringify((await shown()).map(text)));
    if (!wgpu.disabled) {
      await click(/^wgpu/);
      await toast(expected);
      await look(what.replaceAll(' ', '-'));
      await click(/^Device: /);
      await click(/^cpu /);
    } else {
      assert.ok(await find(expected), JSON.stringify((await shown()).map(text)));
      await it.page.keyboard.press('Escape');
    }
    await answers();
  });
}

test('a tab in the background goes on with an evaluation and a training', async () => {
  await load();
  await see(/^BERT, /);
  await click('Evaluate', 'Button');
  await click('New evaluation…');
  await choose('Choose file…', it.questions);
  await see('questions.json');
  await click('Start evaluation');
  const front = await it.browser.newPage();
  await front.bringToFront();
  await sleep(500);
  assert.equal(await it.page.evaluate(() => document.visibilityState), 'hidden');
  // Workers go on; the page takes in what they say once it is seen again.
  await sleep(6000);
  await it.page.bringToFront();
  await see(/^All \d+/, undefined, 5000);
  await click('Train', 'Button');
  await fill('Passages to learn from', 'SpinButton', '60');
  await it.page.keyboard.press('Enter');
  await click('Start training');
  await see(/^Loss chart: /);
  const before = text(await see(/^\d+ of 45$/));
  await front.bringToFront();
  await sleep(6000);
  assert.equal(await it.page.evaluate(() => document.visibilityState), 'hidden');
  await it.page.bringToFront();
  await see(/^The demonstration is trained: best F1 /);
  console.log(`in the background: from ${before} on`);
  await front.close();
});

test('a checkpoint of 1.3 GB is refused with a word, and the page lives', async () => {
  await loadEmpty();
  const folder = path.join(it.folder, 'huge');
  fs.mkdirSync(folder);
  for (const [name, content] of Object.entries(modelFiles())) fs.writeFileSync(path.join(folder, name), content);
  fs.truncateSync(path.join(folder, 'model.safetensors'), 1_340_000_000);
  await choose('Choose the files of a checkpoint…', ...fs.readdirSync(folder).map(name => path.join(folder, name)));
  console.log(text(await see(/1340 MB.*700 MB/)));
  await look('too-large');
  fs.rmSync(folder, { recursive: true });
  await unload();
  await answers();
});

test('a full storage is said, nothing of the checkpoint stays, and the page lives', async () => {
  await load();
  await dropIn('full', modelFiles());
  await see('full', 'Label');
  await see('Keep in this browser');
  const session = await it.page.createCDPSession();
  const quota = bytes => session.send('Storage.overrideQuotaForOrigin', { origin: it.server.address, ...bytes && { quotaSize: bytes } });
  await quota(100_000);
  await click('Keep in this browser');
  await toast(/^full is not kept: /);
  await look('storage-full');
  await quota();
  assert.deepEqual(await it.page.evaluate(() => studio.kept()), []);
  await click('Keep in this browser');
  await toast('full is kept in this browser');
  await it.page.evaluate(() => studio.forget('full'));
  await answer();
});

test('a storage that is forbidden is said, and the page lives', async () => {
  await loadAfter(() => {
    const denied = () => { throw new DOMException('The operation is insecure.', 'SecurityError'); };
    StorageManager.prototype.getDirectory = async () => denied();
    Object.defineProperty(window, 'localStorage', { get: denied });
  });
  await see(/^BERT, /);
  await dropIn('denied', modelFiles());
  await see('denied', 'Label');
  await click('Keep in this browser');
  await toast(/^denied is not kept: /);
  await answer();
});

test('a private window keeps a checkpoint as long as it is open', async () => {
  const context = await it.browser.createBrowserContext();
  const usual = it.page;
  it.page = it.listen(await context.newPage());
  try {
    await load();
    await see(/^BERT, /);
    await dropIn('private', modelFiles());
    await see('private', 'Label');
    await click('Keep in this browser');
    await toast('private is kept in this browser');
    await answer();
  } finally {
    it.page = usual;
    await context.close();
  }
});

test('a checkpoint of another host: with its leave, without, broken off, with a file missing, and from nowhere', async () => {
  await loadEmpty();
  for (const [place, expected] of [
    [`${other.address}/closed`, /closed was not opened: .*does not allow pages of other hosts to read its files \(CORS\)/],
    [`${other.address}/broken`, /broken was not opened: the transfer of model\.safetensors broke off after 0\.\d of 1\.3 MB/],
    [`${other.address}/lacking`, /lacking was not opened: there is neither model\.safetensors nor pytorch_model\.bin/],
    [`${other.address}/none`, /none was not opened: there is no config\.json/],
  ]) {
    await fill('Address of a checkpoint', 'TextInput', place);
    await click('Fetch', 'Button');
    await toast(expected);
  }
  await fill('Address of a checkpoint', 'TextInput', `${other.address}/open`);
  await click('Fetch', 'Button');
  await see('open', 'Label');
  await see(/^BERT, /);
  await answer();
});

test('files of other kinds are told by name, and the page lives', async () => {
  const model = modelFiles();
  const word = name => new RegExp(`^(?!Reading ).*${name.replace('.', '\\.')}`);
  await load();
  await see(/^BERT, /);
  for (const [name, content] of Object.entries({
    'photo.png': PICTURE, 'model.gguf': Buffer.from('GGUF\u0003\0\0\0\u0001\0\0\0\0\0\0\0'),
    'model.onnx': Buffer.from([8, 7, 18, 7, ...Buffer.from('pytorch'), 26, 3, 0, 0, 0x80, 0x3f, 0xff]),
    'notes.pdf': Buffer.concat([Buffer.from('%PDF-1.7\n%'), Buffer.from([0xe2, 0xe3, 0xcf, 0xd3, 10])]),
  })) {
    await drop({ [name]: content });
    await toast(word(name));
  }
  await unload();
  for (const [what, files, expected] of [
    ['a pickle under the name of safetensors', { ...model, 'model.safetensors': Buffer.from('PK\u0003\u0004 archive/data.pkl') }, /model\.safetensors/],
    ['safetensors as vocabulary', { ...model, 'vocab.txt': model['model.safetensors'] }, /vocab\.txt/],
    ['questions as configuration', { ...model, 'config.json': fs.readFileSync(it.questions) }, /config\.json/],
  ]) {
    await unload();
    await dropIn('mixed', files);
    console.log(`${what}: ${text(await see(expected))}`);
  }
  await unload();
  await answers();
  await click('Evaluate', 'Button');
  await click('New evaluation…');
  const weights = path.join(it.folder, 'weights.json');
  fs.writeFileSync(weights, model['model.safetensors']);
  await choose('Choose file…', weights);
  await see('weights.json');
  await click('Start evaluation');
  console.log(text(await see(/weights\.json.*(JSON|text|UTF-8)/)));
  await look('wrong-questions');
  await click('Ask', 'Button');
  await answer();
});

test('no other host was asked for anything but what the user named', () => { assert.deepEqual(it.violations, []); });

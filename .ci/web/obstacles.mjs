// What goes wrong beneath the worker: no WebGPU, devices that fail, workers that end, memory.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import { largeCheckpoint } from './large.mjs';
import { stage, withWebGpu } from './harness.mjs';
import { builtIn, worker } from './worker.mjs';

// A worker of whose memory tests can take so much that none is left.
const REACH = `for (const name of ['instantiate', 'instantiateStreaming']) {
  const make = WebAssembly[name];
  WebAssembly[name] = async (...given) => {
    const made = await make(...given);
    globalThis.memory = (made.instance ?? made).exports.memory;
    return made;
  };
}
globalThis.useUp = () => {
  const grow = pages => { try { memory.grow(pages); return true; } catch (error) { if (error instanceof RangeError) return false; throw error; } };
  for (let pages = 32768; pages >= 1; pages /= 2) while (grow(pages)) { /* There may be room for as many again. */ }
  return memory.buffer.byteLength;
};
`;
const it = stage('obstacles', { server: { change: (name, file) => name === '/worker.js' && REACH + fs.readFileSync(file, 'utf8') } });
const { ask, open, stillAnswers, started } = worker(it);

test('a checkpoint of 1.3 GB is refused before memory runs out, and the worker lives', async () => {
  await open('cpu');
  const before = await started();
  const reply = await it.page.evaluate(async () => {
    const request = { kind: 'open', device: 'cpu', model: { files: { name: 'large', files: ['model.safetensors'] } } };
    const part = new Uint8Array(134_000_000);
    return (await spanbert.ask(request, [new File(Array(10).fill(part), 'model.safetensors')]).done).reply;
  });
  assert.match(reply.failed?.cause, /1340 MB.*700 MB/);
  console.log(`1.3 GB: ${reply.failed.cause}; ${reply.failed.remedy}`);
  assert.equal(await started(), before);
  // The model that was open is open still.
  await stillAnswers();
});

test('a checkpoint of 700 MB in one file is opened and asked', async () => {
  const { files, bytes } = largeCheckpoint(it.folder, 690_000_000);
  assert.ok(bytes > 680_000_000 && bytes < 700_000_000, String(bytes));
  await it.page.evaluate(() => { const input = Object.assign(document.createElement('input'), { type: 'file', multiple: true, id: 'files' }); document.body.append(input); });
  await (await it.page.$('#files')).uploadFile(...files);
  const { opened, answered, millis } = await it.page.evaluate(async asked => {
    const files = [...document.getElementById('files').files];
    const begin = performance.now();
    const open = { kind: 'open', device: 'cpu', model: { files: { name: 'large', files: files.map(file => file.name) } } };
    const opened = (await spanbert.ask(open, files).done).reply;
    const between = performance.now();
    const answered = opened.opened && (await spanbert.ask(asked).done).reply;
    return { opened, answered, millis: [between - begin, performance.now() - between] };
  }, { ...it.asked[0].request, passage: 'Marra built the mill of Kelford.' });
  assert.ok(opened.opened, JSON.stringify(opened));
  assert.ok(answered.answered, JSON.stringify(answered));
  console.log(`${(bytes / 1e6).toFixed(0)} MB, ${(opened.opened.parameters / 1e6).toFixed(0)} million parameters: open after ${millis[0].toFixed(0)} ms, answered after ${millis[1].toFixed(0)} more`);
  // What took so much memory has to be gone before the next test.
  await it.page.evaluate(() => spanbert.kill());
});

test('memory that is used up is told, and a new worker answers', async () => {
  await open('cpu');
  const before = await started();
  assert.ok(await it.page.workers().at(-1).evaluate(() => useUp()) > 4_000_000_000);
  const large = { ...it.asked[0].request, passage: `${it.asked[0].request.passage} `.repeat(2000) };
  const { reply } = await ask(large);
  assert.match(reply.failed?.cause ?? JSON.stringify(reply).slice(0, 200), /its memory is used up/);
  assert.match(reply.failed.remedy, /smaller model/);
  console.log(`no memory: ${reply.failed.cause}; ${reply.failed.remedy}`);
  assert.equal(await started(), before + 1);
  await open('cpu');
  await stillAnswers();
});

/** A new worker in which `sabotage` was done before anything else. */
async function sabotaged(sabotage) {
  await it.page.evaluate(() => spanbert.kill());
  await ask({ kind: 'close' });
  const worker = it.page.workers().at(-1);
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
  test(`WebGPU is told to be unusable, and the processor answers: ${what}`, withWebGpu, async () => {
    await sabotaged(sabotage);
    const { reply } = await ask(builtIn('wgpu'));
    assert.match(reply.failed?.cause ?? JSON.stringify(reply), expected);
    assert.ok(reply.failed.remedy);
    console.log(`${what}: ${reply.failed.cause}; ${reply.failed.remedy}`);
    // By itself, and when it is asked for.
    for (const device of ['auto', 'cpu']) {
      assert.equal((await open(device)).reply.opened.device.choice, 'cpu');
      await stillAnswers();
    }
  });
}

test('a GPU that is lost is told, and a new worker answers', withWebGpu, async () => {
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
  const before = await started();
  await worker.evaluate(() => loseDevice());
  const { reply } = await ask(it.asked[0].request);
  assert.match(reply.failed?.cause ?? JSON.stringify(reply), /GPU was lost: the driver was updated/);
  assert.ok(reply.failed.device_failed);
  console.log(`a lost GPU: ${reply.failed.cause}; ${reply.failed.remedy}`);
  assert.equal(await started(), before + 1);
  await open('cpu');
  await stillAnswers();
});

for (const end of ['kill', 'breakDown']) {
  test(`a worker that ends is replaced (${end})`, async () => {
    await open('cpu');
    const before = await started();
    const evaluating = ask({ kind: 'evaluate', file: 'questions.json' }, { 'questions.json': fs.readFileSync(it.questions) });
    await it.page.evaluate(end => spanbert[end](), end);
    const { reply } = await evaluating;
    assert.match(reply.failed?.cause, /the model's worker has ended: (it was killed|.*asked to break down)/s);
    assert.equal(await started(), before + 1);
    await open('cpu');
    await stillAnswers();
  });
}

test('no other host was asked for anything', () => { assert.deepEqual(it.violations, []); });

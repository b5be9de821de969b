// The worker in Chromium beside the command line: answers, evaluations, files of models.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { PICTURE, QUESTIONS, modelFiles, stage, withWebGpu, without } from './harness.mjs';
import { compare, own, sameAnswer, worker } from './worker.mjs';

const it = stage('answers');
const { ask, open, sameAnswers, stillAnswers, started } = worker(it);

const model = modelFiles();
const data = () => fs.readFileSync(it.questions);

test('questions are answered on the processor as by the command line', async () => {
  const { reply, millis } = await open('cpu');
  await ask(it.asked[0].request);
  const first = Date.now() - it.opening;
  const { times, largest } = await sameAnswers();
  assert.equal(largest, 0);
  console.log(`processor: first answer ${first} ms after the page was asked for`);
  console.log(`processor: ${reply.opened.device.name}, open after ${millis.toFixed(0)} ms (the module's start included), ` +
    `answers in ${times.map(time => time.toFixed(1)).join(', ')} ms, largest difference of a score ${largest.toExponential(1)}`);
});

test('questions are answered on WebGPU as by the command line', withWebGpu, async () => {
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
  it.cli('evaluate', '--model', 'demo', '--data', 'questions.json', '--backend', 'cpu', '--output-dir', 'evaluation', '--json');
  const expected = JSON.parse(it.cli('breakdown', 'evaluation', '--json'));
  await open('cpu');
  const { reply, said, contents, millis } = await ask({ kind: 'evaluate', file: 'questions.json' }, { 'questions.json': data() });
  assert.ok(reply.evaluated, JSON.stringify(reply));
  const { report, results, files } = reply.evaluated;
  assert.equal(results.official.total, QUESTIONS);
  assert.deepEqual(said.at(-1).progress, { done: results.windows, total: results.windows });
  // The name of the folder, and the data's fingerprint, which the browser has no path for.
  delete expected.name;
  delete report.name;
  const figures = compare(report, expected, 'breakdown');
  const stored = name => JSON.parse(fs.readFileSync(path.join(it.folder, 'evaluation', name), 'utf8'));
  // The model is a folder to the one and a name to the other.
  const { model: _, ...scores } = stored('results.json');
  const { model: __, ...found } = results;
  const summary = compare(found, scores, 'results');
  assert.deepEqual(JSON.parse(contents[files.indexOf('predictions.json')].toString()), stored('predictions.json'));
  for (const threshold of [-6, 0, 2.5]) {
    const dragged = await ask({ kind: 'evaluate', file: 'questions.json', threshold }, { 'questions.json': data() });
    const printed = JSON.parse(it.cli('breakdown', 'evaluation', '--threshold', String(threshold), '--json'));
    delete printed.name;
    delete dragged.reply.evaluated.report.name;
    compare(dragged.reply.evaluated.report, printed, `breakdown at ${threshold}`, figures);
  }
  assert.deepEqual([figures.largest, summary.largest], [0, 0]);
  console.log(`evaluation: ${QUESTIONS} questions in ${millis.toFixed(0)} ms, ${figures.numbers} figures of the breakdown, largest difference ` +
    `${figures.largest.toExponential(1)} (${figures.place}), ${summary.numbers} of the scores, ${summary.largest.toExponential(1)}`);
});

test('an evaluation that is given up ends between two batches, and the model stays', async () => {
  await open('cpu');
  const { reply, said } = await ask({ kind: 'evaluate', file: 'questions.json' }, { 'questions.json': data() }, { cancelAfterProgress: true });
  assert.equal(reply, 'cancelled');
  const { done, total } = said.at(-1).progress;
  assert.ok(done < total, `${done} of ${total}`);
  assert.ok((await ask(it.asked[0].request)).reply.answered);
});

test("a checkpoint of one's own is opened from its files", async () => {
  const { reply } = await ask(own(model), model);
  assert.equal(reply.opened?.name, 'mine', JSON.stringify(reply));
  await stillAnswers();
});

test('hostile files are told what is wrong with them, and the worker lives', async () => {
  const weights = model['model.safetensors'];
  const long = Buffer.from(weights);
  long.writeBigUInt64LE(1n << 60n);
  const wrong = {
    'a picture as configuration': [{ ...model, 'config.json': PICTURE }, 'mine/config.json'],
    'weights as configuration': [{ ...model, 'config.json': weights }, 'mine/config.json'],
    'configuration as vocabulary': [{ ...model, 'vocab.txt': model['config.json'] }, 'mine/vocab.txt'],
    'configuration as weights': [{ ...model, 'model.safetensors': model['config.json'] }, 'mine/model.safetensors'],
    'half of the weights': [{ ...model, 'model.safetensors': weights.subarray(0, weights.length / 2) }, 'mine/model.safetensors'],
    'weights without their last byte': [{ ...model, 'model.safetensors': weights.subarray(0, -1) }, 'mine/model.safetensors'],
    'a header of an exbibyte': [{ ...model, 'model.safetensors': long }, 'mine/model.safetensors'],
    'no weights': [without(model, 'model.safetensors'), 'mine'],
    'nothing': [{}, 'mine'],
  };
  const before = await started();
  for (const [what, [files, place]] of Object.entries(wrong)) {
    const { reply } = await ask(own(files), files);
    assert.ok(reply.failed?.cause.includes(place) && reply.failed.remedy, `${what}: ${JSON.stringify(reply)}`);
    console.log(`${what}: ${reply.failed.cause}`);
  }
  await open('cpu');
  const questions = { 'a picture': PICTURE, 'half a file': data().subarray(0, data().length / 2), 'weights': weights, 'nothing': Buffer.alloc(0), 'another JSON': Buffer.from('{"data": 3}') };
  for (const [what, content] of Object.entries(questions)) {
    const { reply } = await ask({ kind: 'evaluate', file: 'mine.json' }, { 'mine.json': content });
    assert.ok(reply.failed?.cause.includes('mine.json') && reply.failed.remedy, `${what}: ${JSON.stringify(reply)}`);
    console.log(`${what} as questions: ${reply.failed.cause}`);
  }
  assert.equal(await started(), before);
  await stillAnswers();
});

test('no other host was asked for anything', () => { assert.deepEqual(it.violations, []); });

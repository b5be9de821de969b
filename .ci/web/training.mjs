// Trainings of the worker in Chromium beside those of the command line, and the runs they leave.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { stage, withWebGpu } from './harness.mjs';
import { compare, sameAnswer, worker } from './worker.mjs';

const it = stage('training');
const { ask } = worker(it);

/** Largest difference of a loss from the command line's, by its size. */
const LOSSES = 1e-4;

/** Updates of the training on the processor; more take longer, and show more. */
const UPDATES = Number(process.env.SPANBERT_WEB_UPDATES ?? 24);

/** Passages of the trainings, for training and for evaluation. */
const PASSAGES = { train_passages: Math.ceil(UPDATES * 4 / 3), dev_passages: 4 };

/** Trains natively for so many updates. Gives the run's folder and its events. */
function trainNatively(name, updates, { train_passages, dev_passages }) {
  const made = path.join(it.folder, `made-${train_passages}`);
  if (!fs.existsSync(made)) it.cli('demo', '--write-files', made, '--passages', String(train_passages));
  const dev = JSON.parse(fs.readFileSync(path.join(made, 'dev.json'), 'utf8'));
  let left = dev_passages;
  for (const article of dev.data) left -= (article.paragraphs = article.paragraphs.slice(0, left)).length;
  dev.data = dev.data.filter(article => article.paragraphs.length);
  fs.writeFileSync(path.join(made, 'few.json'), JSON.stringify(dev));
  const run = path.join(it.folder, name);
  it.cli('train', '--preset', 'demo', '--model', `${made}/model`, '--train-file', `${made}/train.json`, '--dev-file', `${made}/few.json`,
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
  const updates = UPDATES;
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
  const taken = path.join(it.folder, 'taken');
  files.forEach((name, index) => {
    fs.mkdirSync(path.dirname(path.join(taken, name)), { recursive: true });
    fs.writeFileSync(path.join(taken, name), contents[index]);
  });
  const [listed] = JSON.parse(it.cli('runs', 'list', it.folder, '--json')).filter(({ name }) => name === 'taken');
  assert.equal(listed.status, 'completed');
  const { reply: answer } = await ask(it.asked[0].request);
  const [expectedAnswer] = JSON.parse(it.cli('ask', '--model', path.join(taken, 'best'), '--passage', 'passage.txt', '--backend', 'cpu', '--json', '--show', '20', it.asked[0].request.question));
  const difference = sameAnswer(answer, expectedAnswer);
  assert.deepEqual([largest, judged.largest, difference], [0, 0, 0]);
  const [first, last] = [steps(found)[0].elapsed_secs, steps(found).at(-1).elapsed_secs];
  console.log(`training: ${updates} updates of 8 questions and an evaluation in ${millis.toFixed(0)} ms, ${((last - first) / (updates - 1) * 1e3).toFixed(1)} ms an update ` +
    `(with its drawing of losses), largest relative difference of a loss ${largest.toExponential(1)}, of ${judged.numbers} scores ${judged.largest.toExponential(1)}, ` +
    `of the trained model's scores for a question ${difference.toExponential(1)}`);
});

test('a training is paused, goes on and is stopped, and what it has learnt answers', async () => {
  const training = { recipe: recipe(path.join(it.folder, 'native'), 200), ...PASSAGES, train_passages: 400 };
  const { reply, said } = await ask({ kind: 'train', device: 'cpu', training }, {}, { steer: { 3: 'pause', 6: 'stop' } });
  const found = happened(said);
  assert.deepEqual([reply.trained?.trained.ending, found.at(-1).outcome], ['stopped', 'stopped'], JSON.stringify(reply));
  assert.ok(reply.trained.trained.steps < 20, JSON.stringify(reply.trained.trained));
  const paused = found.findIndex(({ phase }) => phase === 'paused');
  assert.ok(paused > 0 && steps(found.slice(paused)).length > 0);
  assert.ok((await ask(it.asked[0].request)).reply.answered);
});

test('the demonstration is trained on WebGPU with the losses of the command line', withWebGpu, async () => {
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
  const run = path.join(it.folder, 'native');
  const names = fs.readdirSync(run, { recursive: true }).filter(name => fs.statSync(path.join(run, name)).isFile() && !name.endsWith('.safetensors'));
  const files = Object.fromEntries(names.map(name => [`native/${name}`, fs.readFileSync(path.join(run, name))]));
  const { reply } = await ask({ kind: 'open_run', name: 'dropped', files: Object.keys(files) }, files);
  const [listed] = JSON.parse(it.cli('runs', 'list', it.folder, '--json')).filter(({ name }) => name === 'native');
  const { summary, curves, damaged, evaluations: evaluated, environment } = reply.run;
  assert.deepEqual([summary.name, summary.status, summary.started, summary.state], [listed.name, listed.status, listed.started, listed.state]);
  const written = events(files['native/events.jsonl'].toString());
  const plain = ({ time, event, ...step }) => step;
  assert.deepEqual(curves.steps, steps(written).map(plain));
  assert.deepEqual(curves.evaluations.map(({ scores }) => scores), evaluations(written).map(({ scores }) => scores));
  assert.deepEqual([damaged, evaluated, environment.backend], [[], [UPDATES], 'cpu']);
  const picture = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  const hostile = await ask({ kind: 'open_run', name: 'mine', files: ['events.jsonl', 'state.json', 'recipe.toml'] }, { a: picture, b: picture, c: picture });
  assert.deepEqual(hostile.reply.run?.damaged, ['state.json', 'recipe.toml', 'events.jsonl'], JSON.stringify(hostile.reply));
  const none = await ask({ kind: 'open_run', name: 'mine', files: ['picture.png'] }, { a: picture });
  assert.match(none.reply.failed?.cause, /^mine holds no run/);
});

test('no other host was asked for anything', () => { assert.deepEqual(it.violations, []); });

// SpanBERT Studio in Chromium, by labels, beside the command line.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { PICTURE, QUESTIONS, modelFiles, sleep, stage, withWebGpu, without } from './harness.mjs';
import { labels, number, text } from './labels.mjs';

const it = stage('app');
const { shown, find, see, gone, click, dismiss, fill, choose, drop, dropIn, ask, answer, answersAsTheCommandLine, look, load, downloaded } = labels(it);
let report;

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
  await answer();
  console.log(`drawn after ${drawn} ms, the demonstration open after ${ready} ms, answered after ${Date.now() - begin} ms`);
  await answersAsTheCommandLine();
  await look('ask');
});

test('WebGPU and the processor can be switched, and answer alike', withWebGpu, async () => {
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
  it.cli('evaluate', '--model', 'demo', '--data', 'questions.json', '--backend', 'cpu', '--output-dir', 'evaluation', '--json');
  report = JSON.parse(it.cli('breakdown', 'evaluation', '--json'));
  await click('Evaluate', 'Button');
  await see('No evaluations yet');
  await look('evaluate-empty');
  await click('New evaluation…');
  await choose('Choose file…', it.questions);
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
  await it.page.mouse.move(slider.x + 30, slider.y + slider.height / 2);
  await it.page.mouse.down();
  await it.page.mouse.move(slider.x + 60, slider.y + slider.height / 2, { steps: 5 });
  await it.page.mouse.up();
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
    await dismiss();
  }
});

test('an evaluation of the command line is dropped as a folder, and compared with', async () => {
  const files = Object.fromEntries(fs.readdirSync(path.join(it.folder, 'evaluation'))
    .map(name => [`evaluation/${name}`, fs.readFileSync(path.join(it.folder, 'evaluation', name))]));
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
  await dropIn('mine', modelFiles());
  await see('mine', 'Label');
  await see(/^BERT, /);
  await answer();
  await click('Keep in this browser');
  await see('mine is kept in this browser');
  await look('ask-own');
  await load();
  await see('demo', 'Label');
  await click('Unload');
  await look('ask-empty');
  await click('mine, kept in this browser', 'Button');
  await see('mine', 'Label');
  await see(/^BERT, /);
  await click('Settings', 'Button');
  await sleep(400);
  await look('settings');
  await it.page.mouse.move(700, 600);
  await it.page.mouse.wheel({ deltaY: 3000 });
  await sleep(500);
  await click('Delete mine');
  await see(/^mine is deleted/);
  await click('Ask', 'Button');
});

test('a checkpoint is fetched from an address, and what is wrong with one is said', async () => {
  await click('Unload');
  const fetching = async address => {
    await fill('Address of a checkpoint', 'TextInput', address);
    await click('Fetch', 'Button');
  };
  await fetching('nowhere');
  await see(/was not opened: there is no config.json/);
  fs.mkdirSync(path.join(it.served, 'fetched'), { recursive: true });
  for (const [name, content] of Object.entries(modelFiles())) fs.writeFileSync(path.join(it.served, 'fetched', name), content);
  await fetching(`${it.server.address}/fetched`);
  await see('fetched', 'Label');
  await see(/^BERT, /);
});

test('hostile files are told what is wrong with them, and the page lives', async () => {
  const model = modelFiles();
  for (const [what, files, expected] of [
    ['a picture as configuration', { ...model, 'config.json': PICTURE }, /bad\/config\.json/],
    ['configuration as weights', { ...model, 'model.safetensors': model['config.json'] }, /bad\/model\.safetensors/],
    ['no weights', without(model, 'model.safetensors'), /^bad.*safetensors/],
  ]) {
    if (await find('Unload')) await click('Unload');
    await dropIn('bad', files);
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
  await it.page.evaluate(() => { for (const one of Spanbert.living) one.kill(); });
  await see(/the model's worker has ended: it was killed; open the model again/);
  await look('ask-lost');
  await click('the demo model');
  await see(/^BERT, /);
  await it.page.evaluate(() => { for (const one of Spanbert.living) one.breakDown(); });
  await see(/the model's worker has ended: .*asked to break down/s);
  await click('the demo model');
  await see(/^BERT, /);
  await answer();
});

test('the demonstration is trained in the page: curves, pause, evaluation, and the model that came of it', async () => {
  await click('Train', 'Button');
  await fill('Passages to learn from', 'SpinButton', '60');
  await it.page.keyboard.press('Enter');
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
  const run = path.join(it.folder, 'run');
  execFileSync('python3', ['-m', 'zipfile', '-e', file, run]);
  // The command line takes what came out of the page as it takes its own.
  const best = JSON.parse(it.cli('runs', 'show', run, '--json'));
  fs.writeFileSync(path.join(it.folder, 'show.json'), JSON.stringify(best));
  const asked = JSON.parse(it.cli('ask', '--model', path.join(run, 'best'), '--passage', 'passage.txt', '--backend', 'cpu', '--json', 'Who wrote the song?'));
  assert.ok(Number.isFinite(asked[0].score_diff));
  await click('Show evaluation');
  await see('All 300');
  await sleep(600);
  await look('train-evaluation');
  await click('Train', 'Button');
  await click('Ask this model');
  await see(/best$/, 'Label');
  await see(/^BERT, /);
  await answer();
});

test('a training is stopped, and one that is lost is said', async () => {
  await click('Train', 'Button');
  await click('Start training');
  await see(/^Loss chart: /);
  await click('Stop training');
  await see(/^The demonstration is trained/);
  await click('Start training');
  await see('Starting a worker').catch(() => {});
  await it.page.evaluate(() => { for (const one of Spanbert.living) one.kill(); });
  await see(/the model's worker has ended: it was killed/);
});

test('a run folder is dropped and looked at', async () => {
  const run = path.join(it.folder, 'run');
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

test('pages keep within windows of 480, 1,000 and 1,600 pixels', async () => {
  await dismiss();
  for (const width of [480, 1000, 1600]) {
    await it.page.setViewport({ width, height: 800 });
    await sleep(600);
    for (const page of ['Ask', 'Evaluate', 'Train', 'Runs', 'Settings']) {
      await click(page, 'Button');
      await sleep(400);
      await look(`${width}-${page.toLowerCase()}`);
      if (page !== 'Evaluate') continue;
      for (const part of [/^Unanswerable, not answered: /, /^Answerable, answered: /, 'Threshold', 'Compare with']) {
        const found = await see(part);
        assert.ok(found.x >= 0 && found.x + found.width <= width, `${part} is cut off at ${width}: ${JSON.stringify(found)}`);
      }
    }
  }
  await it.page.setViewport({ width: 1280, height: 860 });
});

test('no other host was asked for anything', () => { assert.deepEqual(it.violations, []); });

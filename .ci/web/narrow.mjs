// SpanBERT Studio in a window of 360 x 640 pixels, as on a telephone, and with names and texts of any length.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { modelFiles, sleep, stage } from './harness.mjs';
import { labels, text } from './labels.mjs';

const [WIDTH, HEIGHT] = [360, 640];
const it = stage('narrow', { browser: { defaultViewport: { width: WIDTH, height: HEIGHT } } });
const { reach, press, holds, find, see, click, dismiss, fill, drop, dropIn, ask, look, load } = labels(it);
const page = name => click(name, 'Button');

/** Whether something is within the window, as it is scrolled now. */
async function inSight(what, role) {
  const found = await see(what, role);
  assert.ok(found.y > 0 && found.y + found.height < HEIGHT, `out of sight: ${JSON.stringify(found)}`);
}

test('Ask holds, and an answer is in sight once it is there', async () => {
  await load();
  await see(/^BERT, /);
  await holds('Ask');
  await look('ask');
  await ask();
  await see(/^(probability|no answer) /);
  await sleep(800);
  await inSight(/^(probability|no answer) /);
  await inSight('All answers');
  await holds('Ask, answered');
  await look('answered');
  await press('Add model');
  await holds('Ask, two models');
  await look('two-models');
  await press('Remove this place');
});

test('Ask holds without a model', async () => {
  await press('Unload');
  await holds('Ask, empty');
  await look('ask-empty');
});

test('Train holds: its form, a training and what came of it', async () => {
  await page('Train');
  await holds('Train');
  await look('train');
  await fill('Passages to learn from', 'SpinButton', '20');
  await it.page.keyboard.press('Enter');
  await press('Start training');
  await see(/^Loss chart: /);
  await holds('Train, running');
  await look('train-running');
  await see(/^The demonstration is trained: /);
  await dismiss();
  await holds('Train, done');
  await reach('Logarithmic');
  await look('train-done');
  await press('Open run');
  for (const tab of ['Curves', /^Evaluations \d/, 'Recipe', 'Messages', 'Notes']) {
    await press(tab);
    await sleep(300);
    // The table of evaluations is scrolled sideways.
    if (tab instanceof RegExp) await see('Show predictions');
    else await holds(`Runs, ${tab}`);
    await look(`run-${text(await see(tab)).toLowerCase().replace(/ .*/, '')}`);
  }
  await press('Back to the runs');
  await holds('Runs');
  await look('runs');
});

test('questions that are dropped on Evaluate fill its form, and the evaluation holds in all its parts', async () => {
  await page('Evaluate');
  await drop({ 'dropped.json': fs.readFileSync(it.questions) });
  await see('New evaluation');
  assert.equal((await see('SQuAD file to evaluate on', 'ComboBox')).value, 'dropped.json');
  await holds('Evaluate, form');
  await look('evaluate-form');
  const before = await see('New evaluation…');
  await press('Start evaluation');
  await see(/^1 · demo on dropped\.json/);
  await see('Threshold', 'Slider');
  await sleep(600);
  await reach('New evaluation…');
  await sleep(400);
  const after = await see('New evaluation…');
  assert.deepEqual([after.x, after.y], [before.x, before.y], 'the button has moved');
  for (const part of ['Scores', 'Slices', 'Questions', 'Passage']) {
    await press(part);
    await sleep(400);
    await holds(`Evaluate, ${part}`);
    await look(`evaluate-${part.toLowerCase()}`);
  }
  await press('Scores');
  for (const cell of [/^Answerable, not answered: /, /^Unanswerable, answered: /, 'Threshold']) await reach(cell);
});

test('Settings hold, down to their end', async () => {
  await page('Settings');
  await holds('Settings');
  await look('settings');
  await press('Keyboard shortcuts');
  await holds('Keyboard shortcuts');
  await look('shortcuts');
  await click('Close');
});

test('menus, palette and messages hold', async () => {
  await page('Ask');
  for (const menu of ['File', 'Run', 'View', 'Help']) {
    await click(menu, 'Button');
    await sleep(200);
    await holds(menu);
    await it.page.keyboard.press('Escape');
    await sleep(200);
  }
  await it.page.keyboard.down('Control');
  await it.page.keyboard.press('k');
  await it.page.keyboard.up('Control');
  await see('Find a command');
  await holds('palette');
  await it.page.keyboard.press('Escape');
  await page('Runs');
  await drop({ [`${'n'.repeat(300)}.bin`]: Buffer.from('?') });
  await see(/ is neither /);
  await holds('a message');
  await look('message');
  await dismiss();
});

const NAME = 'a-name-of-three-hundred-letters-'.repeat(10).slice(0, 300);
for (const width of [WIDTH, 1280]) {
  test(`names of 300 letters, words of 3,000 and questions of 10,000 hold at ${width} pixels`, async () => {
    await it.page.setViewport({ width, height: width === WIDTH ? HEIGHT : 860 });
    await page('Ask');
    await sleep(400);
    if (await find('Unload')) await press('Unload');
    await dropIn(NAME, modelFiles());
    await see(/^BERT, /);
    await drop({ 'long.txt': Buffer.from(`Marra built the mill of ${'W'.repeat(3000)} in spring. Tove lives in ${'W'.repeat(40)}.`) });
    await see(/^[\d,]+ words$/);
    const question = `Who built the mill at ${width} points, ${'and which of the two was it '.repeat(360)}?`;
    for (let tries = 0; tries < 5 && (await see('Question', 'TextInput')).value !== question; tries += 1) {
      await press('Question', 'TextInput');
      await it.page.keyboard.down('Control');
      await it.page.keyboard.press('a');
      await it.page.keyboard.up('Control');
      await sleep(200);
      await it.page.keyboard.sendCharacter(question);
      await sleep(300);
    }
    await it.page.keyboard.press('Enter');
    await see(question, 'Label');
    await see(/^(probability|no answer) /);
    await sleep(900);
    // The question leaves the answer its place.
    await inSight(/^(probability|no answer) /);
    await holds('long texts');
    await look('long-answer');
    await reach(/^Likeliest start /);
    await holds('long texts');
    await look('long-heat');
    await reach('Keep in this browser', 'Button');
    await press('Keep in this browser');
    await see(/ is kept in this browser$/);
    await holds('a long name, kept');
    await dismiss();
    await press('Unload');
    await holds('long names, to be opened');
    await look('long-names');
    await see(`${NAME}, kept in this browser`);
    await page('Settings');
    await reach(`Delete ${NAME}`);
    await holds('Settings, a long name');
    await look('long-settings');
    await press(`Delete ${NAME}`);
    await see(/ is deleted; /);
    await dismiss();
    await page('Evaluate');
    await press('New evaluation…');
    await dropIn(NAME, modelFiles());
    await see('SQuAD file to evaluate on', 'ComboBox');
    await drop({ [`${NAME}.json`]: fs.readFileSync(it.questions) });
    await holds('Evaluate, long names');
    await press('Start evaluation');
    await see(new RegExp(`· ${NAME} on ${NAME}`));
    await see('Threshold', 'Slider');
    await holds('Evaluate, a long name');
    await look('long-evaluation');
  });
}

test('a run with a name of 300 letters holds', async () => {
  await it.page.setViewport({ width: WIDTH, height: HEIGHT });
  const run = path.join(it.folder, 'run');
  it.cli('train', '--model', 'made/model', '--train-file', 'made/dev.json', '--dev-file', 'made/dev.json', '--output-dir', run, '--backend', 'cpu', '--max-steps', '1');
  const files = Object.fromEntries(['recipe.toml', 'state.json', 'events.jsonl', 'environment.json'].map(name => [`${NAME}/${name}`, fs.readFileSync(path.join(run, name))]));
  await drop(files);
  await see('Back to the runs');
  await holds('Runs, a long name');
  await look('long-run');
  await press('Back to the runs');
  await holds('Runs, long names');
  await look('long-runs');
});

test('no other host was asked for anything', () => { assert.deepEqual(it.violations, []); });

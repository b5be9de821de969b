// How long a frame of SpanBERT Studio waits at most with an evaluation of 12,000 questions, as a measurement: started as the tests are.
import { test } from 'node:test';
import fs from 'node:fs';
import path from 'node:path';

import { sleep, stage } from './harness.mjs';
import { labels } from './labels.mjs';

/** Six questions each. */
const PASSAGES = 2000;

const it = stage('frames');
const { see, click, dismiss, choose, drop, load, downloaded } = labels(it);

/** The longest time between two frames while something is done. */
async function worst(what, work) {
  await it.page.evaluate(() => {
    globalThis.gaps = [];
    let last = performance.now();
    const frame = now => { gaps.push(now - last); last = now; globalThis.framing = requestAnimationFrame(frame); };
    globalThis.framing = requestAnimationFrame(frame);
  });
  const begin = Date.now();
  await work();
  const gaps = await it.page.evaluate(() => { cancelAnimationFrame(framing); return gaps.sort((a, b) => b - a).slice(0, 4); });
  console.log(`${what}: ${((Date.now() - begin) / 1e3).toFixed(1)} s, longest times between frames ${gaps.map(gap => gap.toFixed(0)).join(', ')} ms`);
}

test('frames beside an evaluation of 12,000 questions', async () => {
  it.cli('demo', '--write-files', 'many', '--passages', String(PASSAGES));
  const evaluation = path.join(it.folder, 'evaluation');
  it.cli('evaluate', '--model', 'demo', '--data', 'many/train.json', '--backend', 'cpu', '--output-dir', evaluation);
  await load();
  await see(/^BERT, /);
  await click('Evaluate', 'Button');
  // Its data is a file of the disk; it is handed over under the name that the evaluation has for it.
  await drop(Object.fromEntries(fs.readdirSync(evaluation).map(name => [`evaluation/${name}`, fs.readFileSync(path.join(evaluation, name))])));
  await see(/has not been handed to this page/);
  await worst('opened', async () => {
    await choose('Choose file…', path.join(it.folder, 'many/train.json'));
    await see('All 12,000');
    await sleep(3000);
  });
  await worst('threshold dragged', async () => {
    const slider = await see('Threshold', 'Slider');
    await it.page.mouse.move(slider.x + 30, slider.y + slider.height / 2);
    await it.page.mouse.down();
    await it.page.mouse.move(slider.x + 90, slider.y + slider.height / 2, { steps: 30 });
    await it.page.mouse.up();
    await sleep(3000);
  });
  for (const [what, name] of [['Charts as PNG', /\.zip$/], ['Everything as a web page', 'breakdown.html'], ['Questions shown as CSV', 'questions.csv']]) {
    await worst(what, async () => {
      await click(/Export$/);
      await click(what);
      await downloaded(name);
    });
    await dismiss();
  }
});

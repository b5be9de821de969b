// SpanBERT Studio in Firefox, where that is installed: the page opens, and the processor answers as on the command line.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { FIREFOX, stage } from './harness.mjs';
import { labels, number, text } from './labels.mjs';

const installed = fs.existsSync(FIREFOX);
if (installed) {
  const it = stage('firefox', { browser: { browser: 'firefox', userDataDir: undefined, headless: !process.env.DISPLAY, extraPrefsFirefox: { 'webgl.force-enabled': true } } });
  const { find, see, answer, look, load } = labels(it);

  test('Firefox opens the page, and the processor answers as on the command line', async () => {
    const begin = Date.now();
    await load();
    await see('demo', 'Label');
    await see(/^BERT, /);
    console.log(`${await it.browser.version()}: the demonstration is open after ${Date.now() - begin} ms`);
    const passage = (await see('Passage', 'MultilineTextInput')).value;
    const question = (await see('Question', 'TextInput')).value;
    await answer();
    const difference = text(await see(/^[+-]\d+\.\d{3}$/));
    fs.writeFileSync(path.join(it.folder, 'passage.txt'), passage);
    const [expected] = JSON.parse(it.cli('ask', '--model', 'demo', '--passage', 'passage.txt', '--backend', 'cpu', '--json', question));
    assert.ok(await find(expected.answers[0].text), expected.answers[0].text);
    assert.ok(Math.abs(number(difference) - expected.score_diff) < 6e-4, `${difference} instead of ${expected.score_diff}`);
    await look('ask');
  });

  test('Firefox asked no other host for anything', () => { assert.deepEqual(it.violations, []); });
} else {
  test('Firefox opens the page', { skip: `${FIREFOX} is not installed` }, () => {});
}

// SpanBERT Studio in Firefox, where that is installed: the page opens, and the processor answers as on the command line.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import { FIREFOX, stage } from './harness.mjs';
import { labels } from './labels.mjs';

const installed = fs.existsSync(FIREFOX);
if (installed) {
  const it = stage('firefox', { browser: { browser: 'firefox', userDataDir: undefined, headless: !process.env.DISPLAY, extraPrefsFirefox: { 'webgl.force-enabled': true } } });
  const { see, answer, answersAsTheCommandLine, look, load } = labels(it);

  test('Firefox opens the page, and the processor answers as on the command line', async () => {
    const begin = Date.now();
    await load();
    await see('demo', 'Label');
    await see(/^BERT, /);
    console.log(`${await it.browser.version()}: the demonstration is open after ${Date.now() - begin} ms`);
    await answer();
    await answersAsTheCommandLine();
    await look('ask');
  });

  test('Firefox asked no other host for anything', () => { assert.deepEqual(it.violations, []); });
} else {
  test('Firefox opens the page', { skip: `${FIREFOX} is not installed` }, () => {});
}

// How long it takes from asking for the page to the demonstration's first answer on the processor, for one folder or several in turns, as a
// measurement: node .ci/web/first_answer.mjs FOLDER… with SPANBERT_WEB_PUPPETEER and SPANBERT_WEB_PAGE as for the tests.
import os from 'node:os';

import { launch, serve, sleep } from './harness.mjs';

const ROUNDS = 5;

/** Opens the page in a browser of its own. Gives when it was drawn, the model open and the question answered. */
async function first(folder) {
  const server = await serve([folder]);
  const browser = await launch({});
  try {
    const page = await browser.newPage();
    const begin = performance.now();
    const since = () => Math.round(performance.now() - begin);
    const find = async what => (await page.evaluate(() => studio.shown())).find(one => what.test(one.label ?? one.value ?? ''));
    const see = async what => { for (;; await sleep(5)) { const found = await find(what); if (found) return found; } };
    await page.goto(`${server.address}/index.html`);
    await page.waitForFunction(() => globalThis.studio && document.getElementById('told').hidden, { polling: 5 });
    const drawn = since();
    await see(/^BERT, /);
    const open = since();
    const { x, y, width, height } = (await page.evaluate(() => studio.shown())).find(one => one.role === 'TextInput' && one.label === 'Question');
    await page.mouse.click(x + width / 2, y + height / 2);
    await page.keyboard.press('Enter');
    await see(/^(probability|no answer) /);
    return [drawn, open, since()];
  } finally {
    await browser.close();
    server.close();
  }
}

for (let round = 0; round < ROUNDS; round += 1) {
  for (const folder of process.argv.slice(2)) {
    const [drawn, open, answered] = await first(folder);
    console.log(`${folder}: drawn after ${drawn} ms, the model open after ${open}, answered after ${answered}; load ${os.loadavg()[0].toFixed(1)}`);
  }
}

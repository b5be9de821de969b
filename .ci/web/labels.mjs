// Drives SpanBERT Studio by what is on the page, as assistive technology hears it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach } from 'node:test';

import { PATIENCE, pictures, sleep } from './harness.mjs';

export const text = one => one.label ?? one.value ?? '';
/** Whether something has a text as its name, or in it, as a list has what is chosen. */
export const fits = (one, what) => [one.label, one.value].some(text => text != null && (what instanceof RegExp ? what.test(text) : text === what));
export const number = text => Number(text.match(/[-+]?[\d.]+/)[0]);

/** What is on the page of a stage, and what a user does with it. */
export function labels(stage) {
  let taken = 0;
  afterEach(async context => {
    if (!context.passed && !stage.page.isClosed()) await look(`failed-${context.name.replaceAll(/\W+/g, '-').slice(0, 40)}`);
  });

  function shown() { return stage.page.evaluate(() => studio.shown()); }

  async function find(what, role) { return (await shown()).find(one => fits(one, what) && (!role || one.role === role)); }

  /** Waits until something is on the page. */
  async function see(what, role, patience = PATIENCE) {
    for (const end = Date.now() + patience; ; await sleep(20)) {
      const found = await find(what, role);
      if (found) return found;
      if (Date.now() > end) assert.fail(`${what} is not on the page: ${JSON.stringify((await shown()).map(text))}`);
    }
  }

  /** Waits until something is not on the page any more. */
  async function gone(what, patience = PATIENCE) {
    for (const end = Date.now() + patience; await find(what); await sleep(20)) assert.ok(Date.now() < end, `${what} stays on the page`);
  }

  async function click(what, role) {
    let found = await see(what, role);
    // What has just been opened takes clicks a moment later.
    for (const end = Date.now() + 3000; found.disabled && Date.now() < end; found = await see(what, role)) await sleep(50);
    const { x, y, width, height, disabled } = found;
    assert.ok(!disabled, `${what} is disabled`);
    await stage.page.mouse.click(x + width / 2, y + height / 2);
    // Until the click has been drawn.
    await sleep(120);
  }

  /** Closes messages; one may have gone by itself meanwhile. */
  async function dismiss() {
    for (let found; (found = await find('Close message')); await sleep(200)) {
      await stage.page.mouse.click(found.x + found.width / 2, found.y + found.height / 2);
    }
  }

  /** Puts a text in place of the one in a field. */
  async function fill(what, role, value) {
    await click(what, role);
    await stage.page.keyboard.down('Control');
    await stage.page.keyboard.press('a');
    await stage.page.keyboard.up('Control');
    await stage.page.keyboard.type(value);
  }

  /** Chooses files in the dialog that a button opens. */
  async function choose(button, ...files) {
    const [chooser] = await Promise.all([stage.page.waitForFileChooser({ timeout: PATIENCE }), click(button)]);
    await chooser.accept(files);
  }

  /** Hands files over as if they were dropped: {path: content}. */
  function drop(files) {
    return stage.page.evaluate(async files => {
      await studio.take(files.map(([path, content]) => ({ path, file: new File([Uint8Array.from(atob(content), letter => letter.charCodeAt(0))], path) })));
    }, Object.entries(files).map(([name, content]) => [name, Buffer.from(content).toString('base64')]));
  }

  function dropIn(folder, files) { return drop(Object.fromEntries(Object.entries(files).map(([name, content]) => [`${folder}/${name}`, content]))); }

  /** Asks the question that is there. */
  async function ask() {
    await click('Question', 'TextInput');
    await stage.page.keyboard.press('Enter');
  }

  async function answer() {
    await ask();
    return see(/^(probability|no answer) /);
  }

  /** What is answered is what the command line answers to the demonstration's model: text and null score difference. */
  async function answersAsTheCommandLine() {
    const passage = (await see('Passage', 'MultilineTextInput')).value;
    const question = (await see('Question', 'TextInput')).value;
    const difference = text(await see(/^[+-]\d+\.\d{3}$/));
    fs.writeFileSync(path.join(stage.folder, 'passage.txt'), passage);
    const [expected] = JSON.parse(stage.cli('ask', '--model', 'demo', '--passage', 'passage.txt', '--backend', 'cpu', '--json', question));
    assert.ok(await find(expected.answers[0].text), expected.answers[0].text);
    assert.ok(Math.abs(number(difference) - expected.score_diff) < 6e-4, `${difference} instead of ${expected.score_diff}`);
  }

  /** Takes a picture. */
  async function look(name) {
    if (!pictures) return;
    fs.mkdirSync(pictures, { recursive: true });
    // Pointers over buttons open tooltips.
    await stage.page.mouse.move(1, 1);
    await sleep(700);
    taken += 1;
    const before = stage.name === 'app' ? '' : `${stage.name}-`;
    await stage.page.screenshot({ path: path.join(pictures, `${before}${String(taken).padStart(2, '0')}-${name}.png`) });
  }

  /** Scrolls until something is within the window, where a user can see and press it. */
  async function reach(what, role) {
    const { width, height } = stage.page.viewport();
    for (let [tries, before] = [0, NaN]; tries < 60; tries += 1) {
      const found = await see(what, role);
      const middle = found.y + found.height / 2;
      // Under the menus and a page's title, which does not scroll itself.
      if (middle > 90 && middle < height - 20) return found;
      if (middle > 40 && middle < height - 4 && middle === before) return found;
      before = middle;
      // On the margin of a card: what is in it may scroll by itself.
      await stage.page.mouse.move(width - (width < 600 ? 16 : 26), height / 2);
      await stage.page.mouse.wheel({ deltaY: middle < 100 ? -160 : 160 });
      await sleep(250);
    }
    assert.fail(`${what} is not within reach: ${JSON.stringify(await find(what, role))}`);
  }

  /** The same, and presses it. */
  async function press(what, role) {
    await reach(what, role);
    // Until it stands still.
    await sleep(300);
    await click(what, role);
  }

  /** Nothing on the page is cut off at the left or right, and no two controls have one name. */
  async function holds(where) {
    const { width } = stage.page.viewport();
    // Rows of tables reach beyond what is drawn of them.
    const isRow = one => one.role === 'Button' && one.toggled !== null && one.height <= 24;
    const all = (await shown()).filter(one => !['Window', 'ScrollView', 'GenericContainer'].includes(one.role) && !isRow(one));
    for (const one of all) {
      assert.ok(one.x > -1 && one.x + one.width < width + 1, `${where}: cut off at ${width}: ${JSON.stringify(one).slice(0, 300)}`);
    }
    const names = all.filter(one => ['Button', 'ComboBox', 'TextInput', 'Slider', 'SpinButton', 'CheckBox'].includes(one.role)).map(one => `${one.role} ${one.label}`);
    assert.deepEqual(names.filter((name, at) => names.indexOf(name) !== at), [], `${where}: controls of one name`);
  }

  /** Opens the app, or opens it again. */
  async function load() {
    await stage.page.goto(`${stage.server.address}/index.html`);
    await stage.page.waitForFunction(() => globalThis.studio && document.getElementById('told').hidden, { timeout: PATIENCE });
  }

  /** Waits for a download. */
  async function downloaded(name) {
    const { downloads } = stage;
    for (const end = Date.now() + 20_000; Date.now() < end; await sleep(50)) {
      const found = fs.existsSync(downloads) ? fs.readdirSync(downloads) : [];
      const file = found.find(one => name instanceof RegExp ? name.test(one) : one === name);
      if (file) return path.join(downloads, file);
    }
    assert.fail(`${name} was not downloaded`);
  }

  return { reach, press, holds, shown, find, see, gone, click, dismiss, fill, choose, drop, dropIn, ask, answer, answersAsTheCommandLine, look, load, downloaded };
}

// What a user has waited for, kept or not: leaving the page while something runs, models of one name, and a second tab.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PATIENCE, modelFiles, sleep, stage, without } from './harness.mjs';
import { labels, text } from './labels.mjs';

// What is fetched from there never comes.
const it = stage('leaving', { server: { answer: request => request.url.startsWith('/never/') } });
const { press, find, see, gone, click, dismiss, fill, dropIn, answer, look, load, downloaded } = labels(it);

/** Whether the browser asks before the page is left; where it does not, the page is left, and opened again. */
async function asks() {
  const before = it.asked.length;
  let left = false;
  const leave = frame => { left ||= frame === it.page.mainFrame(); };
  it.page.on('framenavigated', leave);
  it.stays = true;
  // By a task of its own: whoever waits for it would wait as long as the question is open.
  await it.page.evaluate(() => { setTimeout(() => location.reload(), 0); });
  for (const end = Date.now() + PATIENCE; !left && it.asked.length === before; await sleep(20)) assert.ok(Date.now() < end);
  it.page.off('framenavigated', leave);
  it.stays = false;
  if (left) {
    await it.page.waitForFunction(() => globalThis.studio && document.getElementById('told').hidden, { timeout: PATIENCE });
    await click('Ask', 'Button');
    await see(/^BERT, /);
  }
  return !left;
}
const kept = () => it.page.evaluate(async () => (await studio.kept()).map(({ name }) => name));
/** Deletes a model of the storage behind the app's back, as a browser does that needs the room. */
const lose = name => it.page.evaluate(async name => {
  const models = await (await navigator.storage.getDirectory()).getDirectoryHandle('models');
  await models.removeEntry(name, { recursive: true });
}, name);

test('a page with nothing to lose is left without a question', async () => {
  await load();
  await see(/^BERT, /);
  await answer();
  assert.equal(await asks(), false);
});

test('while a training runs, and until its run is downloaded, the browser asks', async () => {
  await click('Train', 'Button');
  await fill('Passages to learn from', 'SpinButton', '20');
  await it.page.keyboard.press('Enter');
  await click('Start training');
  await see('Pause training');
  assert.ok(await asks());
  await see(/^The demonstration is trained: /);
  assert.ok(await asks());
  await click('Download the run');
  await downloaded(/demo\.zip$/);
  await sleep(300);
  assert.equal(await asks(), false);
});

test('while an evaluation runs the browser asks', async () => {
  await click('Evaluate', 'Button');
  await click('New evaluation…');
  // All of the demonstration's questions: more than a moment's work.
  await click('Start evaluation');
  await see('Cancel', 'Button');
  assert.ok(await asks());
  await click('Cancel', 'Button');
  await gone('Cancel');
  await sleep(300);
  assert.equal(await asks(), false);
});

test('while a model is fetched the browser asks', async () => {
  await click('Unload');
  await fill('Address of a checkpoint', 'TextInput', `${it.server.address}/never`);
  await click('Fetch', 'Button');
  await see('Cancel fetching');
  assert.ok(await asks());
  await click('Cancel fetching');
  await see('Fetch', 'Button');
  await sleep(300);
  assert.equal(await asks(), false);
});

test('another checkpoint of the name of a kept one is kept beside it, or in its place', async () => {
  await click('Ask', 'Button');
  const drop = async files => {
    await dropIn('mine', files);
    await see('mine', 'Label');
    await see(/^BERT, /);
  };
  await drop(modelFiles());
  await click('Keep in this browser');
  await see('mine is kept in this browser');
  await dismiss();
  await gone('Keep in this browser');
  const second = without(modelFiles(), 'spanbert.json');
  await drop(second);
  await click('Keep in this browser');
  await see('Replace the kept mine');
  await look('of-one-name');
  await click('Keep both, this one as mine (2)');
  await see('mine (2) is kept in this browser');
  await dismiss();
  assert.deepEqual(await kept(), ['mine', 'mine (2)']);
  await gone('Keep in this browser');
  await drop(second);
  await click('Keep in this browser');
  await click('Replace the kept mine');
  await see('mine is kept in this browser');
  await dismiss();
  assert.deepEqual(await kept(), ['mine', 'mine (2)']);
  // Nothing of the replaced one is left among its files.
  const names = await it.page.evaluate(async () => (await studio.open_kept('mine')).map(({ file }) => file.name).sort());
  assert.deepEqual(names, Object.keys(second).sort());
  await click('Unload');
  await click('mine (2), kept in this browser');
  await see('mine (2)', 'Label');
  await see(/^BERT, /);
  assert.equal(await find('Keep in this browser'), undefined);
  await answer();
});

test('a model that cannot be replaced whole stays as it was', async () => {
  const before = await it.page.evaluate(async () => (await studio.open_kept('mine')).map(({ file }) => `${file.name} ${file.size}`).sort());
  const error = await it.page.evaluate(async () => {
    const broken = new ReadableStream({ start(controller) { controller.error(new DOMException('No room.', 'QuotaExceededError')); } });
    return studio.keep('mine', ['config.json', 'new.json', 'model.safetensors'], ['{}', '{}', broken], true).then(() => '', error => error.name);
  });
  assert.notEqual(error, '');
  const after = await it.page.evaluate(async () => (await studio.open_kept('mine')).map(({ file }) => `${file.name} ${file.size}`).sort());
  assert.deepEqual(after, before);
});

test('a name that the browser cannot keep is told so, with what helps', async () => {
  await dropIn('..', modelFiles());
  await see('..', 'Label');
  await see(/^BERT, /);
  await click('Keep in this browser');
  const said = text(await see(/^\.\. is not kept: /));
  assert.match(said, /under that name; rename the folder/);
  assert.doesNotMatch(said, /room|\.;/);
  await look('not-kept');
  await dismiss();
});

test('what another tab keeps and deletes is seen here, and what is gone is told so', async () => {
  await load();
  await click('Ask', 'Button');
  await see(/^BERT, /);
  await click('Unload');
  const here = it.page;
  const there = it.listen(await it.browser.newPage());
  it.page = there;
  await load();
  await it.page.evaluate(() => studio.keep('theirs', ['config.json'], ['{}'], false));
  it.page = here;
  await here.bringToFront();
  await see('theirs, kept in this browser');
  await there.evaluate(() => studio.forget('theirs'));
  await gone('theirs, kept in this browser');
  await there.close();
  // What nobody tells of is noticed when it is asked for, and the list is read anew.
  await lose('mine (2)');
  await click('mine (2), kept in this browser');
  const said = text(await see(/^mine \(2\) was not opened: /));
  assert.match(said, /deleted/);
  assert.doesNotMatch(said, /NotFound|could not be found|operation/);
  await look('gone');
  await dismiss();
  await gone('mine (2), kept in this browser');
  // The same where it is deleted.
  await click('Settings', 'Button');
  await see('Delete mine');
  await lose('mine');
  await press('Delete mine');
  await see('mine was deleted before');
  await gone('Delete mine');
});

test('a kept model that is deleted while it is opened is told so, and the worker lives', async () => {
  await it.page.evaluate(async files => {
    const contents = files.map(([, content]) => Uint8Array.from(atob(content), letter => letter.charCodeAt(0)));
    await studio.keep('fleeting', files.map(([name]) => name), contents, false);
  }, Object.entries(modelFiles()).map(([name, content]) => [name, content.toString('base64')]));
  await load();
  await click('Ask', 'Button');
  await see(/^BERT, /);
  await click('Unload');
  await click('fleeting, kept in this browser');
  await see('fleeting', 'Label');
  await see(/^BERT, /);
  await lose('fleeting');
  await click('Unload');
  // Its files are at hand still, for all that the page knows.
  await click('fleeting', 'Button');
  const said = text(await see(/was deleted, moved or changed since it was handed over; choose it again/));
  assert.doesNotMatch(said, /worker has ended|could not be found/);
  await gone('fleeting, kept in this browser');
  await look('fleeting');
  await click('the demo model');
  await see(/^BERT, /);
  await answer();
});

test('no other host was asked for anything', () => { assert.deepEqual(it.violations, []); });

// How tests speak to the worker without the app, and what its answers have to be.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { before } from 'node:test';

import { compare as compareAll, site } from './harness.mjs';

/** Largest difference of logits, null score differences and thresholds between the browser and the command line. */
export const LOGITS = 1e-4;
/** The same of probabilities, and of what is made of them. */
const PROBABILITIES = 1e-5;
/** Probability below which an answer may have another's place in the list. */
const TIES = 1e-4;

export const compare = (found, expected, where, seen) => compareAll(found, expected, where, LOGITS, seen);

/** Compares what the browser and the command line say of a question. Gives the largest difference of a score. */
export function sameAnswer(found, expected) {
  const { answer } = found.answered;
  assert.equal(answer.answered, expected.answered);
  assert.equal(answer.answers[0]?.text, expected.answers[0]?.text);
  assert.equal(answer.answers.length, expected.answers.length);
  const pairs = [[answer.score_diff, expected.score_diff]];
  const place = ({ bytes }) => `${bytes.start}-${bytes.end}`;
  const places = new Map(expected.answers.map(one => [place(one), one]));
  for (const one of answer.answers) {
    const other = places.get(place(one));
    // Which place of twenty is the last to be considered may be a tie, and with it some of the least likely answers.
    if (!other) {
      assert.ok(one.probability < TIES, `${one.text} is not among the command line's answers`);
      continue;
    }
    pairs.push([one.start_logit, other.start_logit], [one.end_logit, other.end_logit]);
    assert.ok(Math.abs(one.probability - other.probability) <= PROBABILITIES, `${one.probability} ${other.probability}`);
  }
  assert.ok(pairs.length > expected.answers.length, 'fewer than half of the answers are the same');
  const largest = Math.max(...pairs.map(([one, other]) => Math.abs(one - other)));
  assert.ok(largest <= LOGITS, `the scores differ by ${largest}`);
  return largest;
}

export const builtIn = device => ({ kind: 'open', model: 'built_in', device });
export const own = files => ({ kind: 'open', device: 'cpu', model: { files: { name: 'mine', files: Object.keys(files) } } });

/**
 * The worker of a stage's page, and questions with the command line's answers in `it.asked`, once the stage is there. `it.opening` is when
 * the page was asked for.
 */
export function worker(it) {
  before(async () => {
    await it.ready;
    const paragraph = it.dev.data[0].paragraphs[0];
    fs.writeFileSync(path.join(it.folder, 'passage.txt'), paragraph.context);
    it.asked = paragraph.qas.map(({ question }) => {
      const [expected] = JSON.parse(it.cli('ask', '--model', 'demo', '--passage', 'passage.txt', '--backend', 'cpu', '--json', '--show', '20', question));
      return { request: { kind: 'ask', passage: paragraph.context, question }, expected };
    });
    it.opening = Date.now();
    // Where the app has the first page, the one for these tests is beside it.
    const first = fs.existsSync(path.join(site, 'worker.html')) ? 'worker.html' : 'index.html';
    await it.page.goto(`${it.server.address}/${first}`);
  });

  /**
   * Sends a request with files, {name: Buffer}, in their order. Gives {reply, contents, said, millis}, the contents as Buffers. `steer`
   * has what is asked of a training after an update, {update: request}.
   */
  async function ask(request, files = {}, { cancelAfterProgress = false, steer = {} } = {}) {
    const contents = Object.values(files).map(content => content.toString('base64'));
    const result = await it.page.evaluate(async (request, contents, cancelAfterProgress, steer) => {
      const bytes = contents.map(text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0)));
      const said = [];
      const begin = performance.now();
      const { id, done } = spanbert.ask(request, bytes, reply => {
        said.push({ ...reply, at: performance.now() - begin });
        if (cancelAfterProgress && reply.progress) spanbert.cancel(id);
        const { event, step, phase } = reply.happened ?? {};
        if (event === 'step' && steer[step]) spanbert.steer(id, steer[step]);
        if (event === 'phase' && phase === 'paused') setTimeout(() => spanbert.steer(id, 'resume'), 300);
      });
      const { reply, contents: files } = await done;
      const millis = performance.now() - begin;
      const base64 = bytes => { let text = ''; for (const byte of bytes) text += String.fromCharCode(byte); return btoa(text); };
      return { reply, said, millis, contents: files.map(base64) };
    }, request, contents, cancelAfterProgress, steer);
    return { ...result, contents: result.contents.map(text => Buffer.from(text, 'base64')) };
  }

  async function open(device) {
    const opened = await ask(builtIn(device));
    assert.ok(opened.reply.opened, JSON.stringify(opened.reply));
    return opened;
  }

  /** Asks every question. Gives the milliseconds of each answer, and the largest difference of a score from the command line's. */
  async function sameAnswers() {
    const times = [];
    let largest = 0;
    for (const { request, expected } of it.asked) {
      const found = await ask(request);
      assert.ok(found.reply.answered, JSON.stringify(found.reply));
      largest = Math.max(largest, sameAnswer(found.reply, expected));
      times.push(found.millis);
    }
    return { times, largest };
  }

  /** Whether the model that was open answers still, as the command line does. */
  const stillAnswers = async () => sameAnswer((await ask(it.asked[0].request)).reply, it.asked[0].expected);
  const started = () => it.page.evaluate(() => spanbert.started);

  return { ask, open, sameAnswers, stillAnswers, started };
}

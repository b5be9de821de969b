// A checkpoint of any size, with random weights in half precision.
import fs from 'node:fs';
import path from 'node:path';

import { modelFiles } from './harness.mjs';

const HIDDEN = 1024;

/** Writes a BERT with so many layers of BERT-large as there is room for, `bytes` at most. Gives its files' paths, and the bytes of its weights. */
export function largeCheckpoint(folder, bytes) {
  const small = modelFiles();
  const config = JSON.parse(small['config.json']);
  const layer = 12 * HIDDEN * HIDDEN + 13 * HIDDEN;
  const embeddings = (config.vocab_size + config.max_position_embeddings + 4) * HIDDEN;
  const layers = Math.floor((bytes / 2 - embeddings) / layer);
  Object.assign(config, { hidden_size: HIDDEN, num_hidden_layers: layers, num_attention_heads: 16, intermediate_size: 4 * HIDDEN });
  const shapes = [];
  const linear = (name, out, from) => shapes.push([`${name}.weight`, [out, from]], [`${name}.bias`, [out]]);
  const norm = name => shapes.push([`${name}.LayerNorm.weight`, [HIDDEN]], [`${name}.LayerNorm.bias`, [HIDDEN]]);
  shapes.push(['bert.embeddings.word_embeddings.weight', [config.vocab_size, HIDDEN]],
    ['bert.embeddings.position_embeddings.weight', [config.max_position_embeddings, HIDDEN]],
    ['bert.embeddings.token_type_embeddings.weight', [config.type_vocab_size ?? 2, HIDDEN]]);
  norm('bert.embeddings');
  for (let index = 0; index < layers; index += 1) {
    const at = `bert.encoder.layer.${index}`;
    for (const part of ['query', 'key', 'value']) linear(`${at}.attention.self.${part}`, HIDDEN, HIDDEN);
    linear(`${at}.attention.output.dense`, HIDDEN, HIDDEN);
    norm(`${at}.attention.output`);
    linear(`${at}.intermediate.dense`, 4 * HIDDEN, HIDDEN);
    linear(`${at}.output.dense`, HIDDEN, 4 * HIDDEN);
    norm(`${at}.output`);
  }
  linear('qa_outputs', 2, HIDDEN);
  const header = {};
  let end = 0;
  for (const [name, shape] of shapes) {
    const begin = end;
    end += 2 * shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype: 'F16', shape, data_offsets: [begin, end] };
  }
  const head = Buffer.from(JSON.stringify(header).padEnd(8 * Math.ceil(JSON.stringify(header).length / 8)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(head.length));
  // Numbers between 2^-6 and 2^-5 of either sign, drawn once (xorshift).
  const block = new Uint16Array(1 << 20);
  for (let index = 0, state = 42; index < block.length; index += 1) {
    state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
    block[index] = (state & 0x8000) | 0x2400 | (state & 0x3ff);
  }
  const directory = path.join(folder, 'large');
  fs.mkdirSync(directory, { recursive: true });
  const weights = path.join(directory, 'model.safetensors');
  const file = fs.openSync(weights, 'w');
  fs.writeSync(file, length);
  fs.writeSync(file, head);
  for (let left = end; left > 0; left -= block.byteLength) fs.writeSync(file, Buffer.from(block.buffer, 0, Math.min(left, block.byteLength)));
  fs.closeSync(file);
  const others = { ...small, 'config.json': JSON.stringify(config) };
  delete others['model.safetensors'];
  for (const [name, content] of Object.entries(others)) fs.writeFileSync(path.join(directory, name), content);
  return { files: [weights, ...Object.keys(others).map(name => path.join(directory, name))], bytes: fs.statSync(weights).size };
}

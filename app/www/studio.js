// Opens the app and gives it what only the page's script can: workers, the file dialog, dropped folders, downloads.
import init, { at_stake, kept_elsewhere, open, report, shown, take_dropped } from './spanbert_web.js';
import { forget, keep, kept, onKept, open_kept } from './kept.js';
import { Spanbert } from './spanbert.js';

const told = document.getElementById('told');
function tell(text) {
  told.hidden = false;
  told.replaceChildren(Object.assign(document.createElement('p'), { textContent: text }));
}

/** Files and folders that were dropped, as [{path, file}]; a folder's with all that is in it. */
async function dropped(transfer) {
  // All of it at once: the list is empty once the event is over.
  const entries = [...transfer.items].map(item => item.webkitGetAsEntry?.()).filter(Boolean);
  const found = [];
  const visit = async entry => {
    if (entry.isFile) {
      found.push({ path: entry.fullPath, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) });
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      // A hundred at a time.
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) return;
      for (const one of some) await visit(one);
    }
  };
  if (entries.length === 0) return [...transfer.files].map(file => ({ path: file.name, file }));
  for (const entry of entries) await visit(entry);
  return found;
}

let fetching;
/** The parts of a file, or nothing if there is none of that name. */
async function fetched(address, file, at) {
  let response;
  try {
    response = await fetch(address, { signal: fetching.signal });
  } catch (error) {
    if (fetching.signal.aborted) throw error;
    throw new Error(`${address.host} is not reachable from this page, or does not allow pages of other hosts to read its files (CORS)`);
  }
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`${address.host} answers ${response.status} to the request for ${file}`);
  // A length says nothing of what was packed on the way.
  const total = response.headers.get('content-encoding') ? 0 : Number(response.headers.get('content-length') ?? 0);
  const parts = [];
  let [done, next] = [0, 0];
  for (const reader = response.body.getReader(); ;) {
    let end, value;
    try {
      ({ done: end, value } = await reader.read());
    } catch (error) {
      if (fetching.signal.aborted) throw error;
      const of = total ? ` of ${(total / 1e6).toFixed(1)}` : '';
      throw new Error(`the transfer of ${file} broke off after ${(done / 1e6).toFixed(1)}${of} MB; fetch it again`);
    }
    if (end) return parts;
    parts.push(value);
    done += value.length;
    if (performance.now() > next) { next = performance.now() + 100; at(file, done, total); }
  }
}

/** Most bytes that the files of an archive may have together. */
const LARGEST = 2 ** 31;

/** The files in a ZIP archive (APPNOTE.TXT of PKWARE, sections 4.3.7, 4.3.12 and 4.3.16), under the archive's name if they have no folder in common. */
async function unzipped(archive) {
  const wrong = new Error(`${archive.name} is no ZIP archive that can be read, or is damaged; unpack it and drop the folder`);
  const view = new DataView(await archive.arrayBuffer());
  const short = at => view.getUint16(at, true);
  const long = at => view.getUint32(at, true);
  const found = [];
  try {
    let end = view.byteLength - 22;
    while (long(end) !== 0x06054b50) end -= 1;
    let [at, total] = [long(end + 16), 0];
    for (let left = short(end + 10); left > 0; left -= 1) {
      if (long(at) !== 0x02014b50) throw wrong;
      const [method, packed, name, start] = [short(at + 10), long(at + 20), short(at + 28), long(at + 42)];
      const path = new TextDecoder().decode(new Uint8Array(view.buffer, at + 46, name));
      total += long(at + 24);
      if (total > LARGEST || ![0, 8].includes(method)) throw wrong;
      at += 46 + name + short(at + 30) + short(at + 32);
      if (path.endsWith('/')) continue;
      const content = archive.slice(start + 30 + short(start + 26) + short(start + 28)).slice(0, packed);
      const file = method === 0 ? content : await new Response(content.stream().pipeThrough(new DecompressionStream('deflate-raw'))).blob();
      found.push({ path, file: new File([file], path.split('/').pop()) });
    }
  } catch { throw wrong; }
  const top = found[0]?.path.split('/')[0];
  const together = found.every(({ path }) => path.startsWith(`${top}/`));
  const name = archive.name.replace(/\.zip$/i, '');
  return together ? found : found.map(({ path, file }) => ({ path: `${name}/${path}`, file }));
}

/** Hands files over to the app, those of archives unpacked. */
async function take(files) {
  try {
    const all = await Promise.all(files.map(one => /\.zip$/i.test(one.path) ? unzipped(one.file) : [one]));
    take_dropped(all.flat());
  } catch (error) {
    report(String(error.message ?? error));
  }
}

globalThis.Spanbert = Spanbert;
globalThis.studio = {
  /** Has the user choose files; a promise of [{path, file}], empty if none were chosen. */
  choose_files(endings, several) {
    return new Promise(resolve => {
      const input = Object.assign(document.createElement('input'), { type: 'file', accept: endings, multiple: several });
      input.onchange = () => resolve([...input.files].map(file => ({ path: file.name, file })));
      input.oncancel = () => resolve([]);
      input.click();
    });
  },

  download(name, content) {
    const url = URL.createObjectURL(new Blob([content]));
    Object.assign(document.createElement('a'), { href: url, download: name }).click();
    // The browser has begun to save it by then.
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  },

  /** An SVG drawing as a PNG file's bytes. */
  async picture(svg, scale) {
    const image = Object.assign(new Image(), { src: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}` });
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: image.width * scale, height: image.height * scale });
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
    const file = await new Promise(resolve => canvas.toBlob(resolve, 'image/png'));
    if (!file) throw new Error('the chart is too large for a picture');
    return new Uint8Array(await file.arrayBuffer());
  },

  keep, kept, open_kept, forget,

  /** Fetches a checkpoint's files: [{path, file}]. `at` is told the file and its bytes, done and in all. */
  async fetch_checkpoint(address, at) {
    fetching = new AbortController();
    const hub = /^[\w.-]+\/[\w.-]+$/.test(address) ? `https://huggingface.co/${address}` : address;
    const [, onHub] = /^(https:\/\/huggingface\.co\/[^/]+\/[^/]+)\/?$/.exec(hub) ?? [];
    let base;
    try { base = new URL(onHub ? `${onHub}/resolve/main/` : `${hub.replace(/\/?$/, '/')}`, location.href); } catch { throw new Error('it is no address'); }
    const name = decodeURIComponent((onHub ?? base.pathname.replace(/\/$/, '')).split('/').pop()) || 'model';
    const files = [];
    const get = async file => {
      const content = await fetched(new URL(file, base), file, at);
      if (content) files.push({ path: `${name}/${file}`, file: new File(content, file) });
      return Boolean(content);
    };
    try {
      if (!await get('config.json')) throw new Error('there is no config.json');
      for (const file of ['vocab.txt', 'tokenizer.json', 'tokenizer_config.json', 'spanbert.json']) await get(file);
      if (!await get('model.safetensors') && !await get('pytorch_model.bin')) {
        throw new Error('there is neither model.safetensors nor pytorch_model.bin');
      }
    } catch (error) {
      throw fetching.signal.aborted ? Object.assign(new Error('as asked'), { name: 'GivenUp' }) : error;
    }
    return files;
  },

  cancel_fetch() { fetching?.abort(); },

  /** For tests: what is on the page, and the same hand-over as by dropping. */
  shown: () => JSON.parse(shown()),
  take,
};

// Before egui, which would read dropped files into memory at once.
addEventListener('drop', event => {
  event.preventDefault();
  event.stopImmediatePropagation();
  dropped(event.dataTransfer).then(take, error => report(`What was dropped cannot be read: ${error.message ?? error}`));
}, true);
addEventListener('dragover', event => event.preventDefault(), true);

// The browser asks before it leaves the page; in words of its own, and only where the page was used.
addEventListener('beforeunload', event => {
  // A module that has ended has nothing left to lose.
  try { if (at_stake()) { event.preventDefault(); event.returnValue = true; } } catch { /* As it is. */ }
});

// A panic ends the module. The app lives in the page, models in workers.
const ended = event => {
  if ((event.error ?? event.reason) instanceof WebAssembly.RuntimeError) {
    tell('SpanBERT Studio has ended, which is a mistake in it. Load the page again; files that were handed to it have to be chosen again.');
  }
};
addEventListener('error', ended);
addEventListener('unhandledrejection', ended);

try {
  // Compiled once, for the page and its workers. The first of these starts meanwhile: the app asks for one as soon as it is open.
  Spanbert.module = WebAssembly.compileStreaming(fetch(new URL('./spanbert_web_bg.wasm', import.meta.url)));
  Spanbert.spare = new Spanbert();
  await init({ module_or_path: Spanbert.module });
} catch (error) {
  tell(`SpanBERT Studio could not be loaded: ${error.message ?? error}. Load the page again, or use a newer browser.`);
  throw error;
}
try {
  await open(document.getElementById('studio'));
  onKept(kept_elsewhere);
  told.hidden = true;
} catch (error) {
  tell(`The browser cannot draw SpanBERT Studio: ${error.message ?? error}. Turn hardware acceleration on, or use another browser.`);
  throw error;
}

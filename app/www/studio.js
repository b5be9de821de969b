// Opens the app and gives it what only the page's script can: workers, the file dialog, dropped folders, downloads.
import init, { open, shown, take_dropped } from './spanbert_web.js';
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

  /** For tests: what is on the page, and the same hand-over as by dropping. */
  shown: () => JSON.parse(shown()),
  take: files => take_dropped(files),
};

// Before egui, which would read dropped files into memory at once.
addEventListener('drop', event => {
  event.preventDefault();
  event.stopImmediatePropagation();
  dropped(event.dataTransfer).then(take_dropped, error => console.warn(error));
}, true);
addEventListener('dragover', event => event.preventDefault(), true);

// A panic ends the module. The app lives in the page, models in workers.
const ended = event => {
  if ((event.error ?? event.reason) instanceof WebAssembly.RuntimeError) {
    tell('SpanBERT Studio has ended, which is a mistake in it. Load the page again; files that were handed to it have to be chosen again.');
  }
};
addEventListener('error', ended);
addEventListener('unhandledrejection', ended);

try {
  // Compiled once, for the page and its workers.
  const module = await WebAssembly.compileStreaming(fetch(new URL('./spanbert_web_bg.wasm', import.meta.url)));
  Spanbert.module = module;
  await init({ module_or_path: module });
} catch (error) {
  tell(`SpanBERT Studio could not be loaded: ${error.message ?? error}. Load the page again, or use a newer browser.`);
  throw error;
}
try {
  await open(document.getElementById('studio'));
  told.hidden = true;
} catch (error) {
  tell(`The browser cannot draw SpanBERT Studio: ${error.message ?? error}. Turn hardware acceleration on, or use another browser.`);
  throw error;
}

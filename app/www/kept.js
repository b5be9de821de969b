// Models that the browser keeps for the page, each in a folder of the file system that it has for that (OPFS).

/** An error by whose name the app chooses what to say: the browser's own name, or one given here. */
const trouble = (name, error) => Object.assign(new Error(error?.message ?? ''), { name });

/** Other tabs with this page; what is kept or deleted in one is told to all. */
const tabs = new BroadcastChannel('spanbert-kept-models');

/** The folder of all models. */
async function models(create) {
  let root;
  // Without a safe connection there is no such storage, in some private windows no leave for it.
  try { root = await navigator.storage.getDirectory(); } catch (error) { throw trouble('Forbidden', error); }
  return root.getDirectoryHandle('models', { create });
}

/** Runs what takes a name that the user has given. */
async function named(name, work) {
  try {
    return await work();
  } catch (error) {
    // What is no name at all is a TypeError; what is too long for one is an error of each browser's own.
    const known = ['NotFoundError', 'QuotaExceededError', 'SecurityError', 'NotAllowedError'].includes(error.name);
    throw error instanceof TypeError || !known && new TextEncoder().encode(name).length > 255 ? trouble('Name', error) : error;
  }
}

/** Whether there is a model of a name. */
const has = (models, name) => models.getDirectoryHandle(name).then(() => true, error => {
  if (error.name === 'NotFoundError') return false;
  throw error;
});

/**
 * Keeps a checkpoint's files, all of them or none. One of the name that is kept already is replaced, or left alone and the error
 * `Taken` is thrown.
 */
export async function keep(name, names, contents, replace) {
  const all = await models(true);
  const known = await named(name, () => has(all, name));
  if (known && !replace) throw trouble('Taken');
  const folder = await named(name, () => all.getDirectoryHandle(name, { create: true }));
  const before = new Set();
  for await (const file of folder.keys()) before.add(file);
  const written = [];
  try {
    for (const [at, file] of [...names].entries()) {
      const out = await (await named(file, () => folder.getFileHandle(file, { create: true }))).createWritable();
      written.push(out);
      await out.write(contents[at]);
    }
    // What is written takes a file's place only now, when there is room for all: until then the model of before is whole.
    for (const out of written) await out.close();
    for (const file of before) if (![...names].includes(file)) await folder.removeEntry(file);
  } catch (error) {
    for (const out of written) await out.abort().catch(() => {});
    for (const file of names) if (!before.has(file)) await folder.removeEntry(file).catch(() => {});
    if (!known) await all.removeEntry(name, { recursive: true }).catch(() => {});
    throw error;
  }
  tabs.postMessage(name);
  // Asks not to be cleared where others are; what comes of it is the browser's business.
  await navigator.storage.persist?.().catch(() => {});
}

/** What is kept: [{name, bytes}]; nothing where the browser has no such storage. */
export async function kept() {
  const found = [];
  try {
    for await (const [name, folder] of (await models(false)).entries()) {
      let bytes = 0;
      // One that another tab deletes just now has no size any more.
      try { for await (const file of folder.values()) bytes += (await file.getFile()).size; } catch { continue; }
      found.push({ name, bytes });
    }
  } catch { /* There is none. */ }
  return found.sort((a, b) => a.name.localeCompare(b.name));
}

/** The files of a model: [{path, file}]. */
export async function open_kept(name) {
  const folder = await (await models(false)).getDirectoryHandle(name);
  const files = [];
  for await (const file of folder.values()) files.push({ path: `${name}/${file.name}`, file: await file.getFile() });
  return files;
}

/** Deletes a model. */
export async function forget(name) {
  await (await models(false)).removeEntry(name, { recursive: true });
  tabs.postMessage(name);
}

/** Has something done whenever another tab has kept or deleted a model. */
export function onKept(done) { tabs.onmessage = done; }

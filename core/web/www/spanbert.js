// How a page speaks to the worker.

/** What is said of requests to a worker that has ended. */
const ended = (message, remedy = 'open the model again') => ({
  reply: { failed: { cause: `the model's worker has ended: ${message}`, remedy, device_failed: false } },
  contents: [],
});

/** A worker that is replaced when it ends. */
export class Spanbert {
  #worker; #ready; #next = 0; #asked = new Map();
  /** The module, or a promise of it, if the page compiles it: its workers need not do it again. */
  static module;
  /** One that was started before anybody asked for it. */
  static spare;
  /** Those that have not ended for good, for tests. */
  static living = new Set();
  // Workers in a row that did not start.
  #unstarted = 0;
  /** How many workers there have been. */
  started = 0;
  /** Is told why a worker has ended by itself, and what to do. */
  lost;

  /** Gives one: the spare one, if it is there still. */
  static take() {
    const spare = Spanbert.spare;
    Spanbert.spare = undefined;
    return spare ?? new Spanbert();
  }

  constructor() {
    Spanbert.living.add(this);
    this.#start();
  }

  #start() {
    this.started += 1;
    const worker = this.#worker = new Worker(new URL('./worker.js', import.meta.url), {
      type: 'module', name: Spanbert.module ? 'given' : '',
    });
    // Where the page could not compile it, the worker tries by itself, and says why it cannot either.
    if (Spanbert.module) Promise.resolve(Spanbert.module).catch(() => null).then(module => worker.postMessage({ module }));
    this.#ready = new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => this.#hear(worker, JSON.parse(data.json), data.contents, resolve, reject);
      // Its script was not to be had.
      worker.onerror = event => { event.preventDefault?.(); this.#lose(worker, event.message || 'it did not start', reject); };
    });
    this.#ready.catch(() => {});
  }

  #hear(worker, { id, reply }, contents, resolve, reject) {
    if (reply === 'ready') {
      this.#unstarted = 0;
      return resolve();
    }
    if (reply.panicked) return this.#lose(worker, reply.panicked.message, reject, reply.panicked.remedy);
    const asked = this.#asked.get(id);
    if (!asked) return;
    if (reply.notice || reply.progress || reply.happened || reply.working) return asked.hear?.(reply);
    this.#asked.delete(id);
    asked.resolve({ reply, contents });
    if (reply.failed?.device_failed) this.#lose(worker, reply.failed.cause, reject);
  }

  // Whatever was asked of a worker that has ended is told so, and the next one is started.
  #lose(worker, message, reject, remedy) {
    if (worker !== this.#worker) return;
    worker.terminate();
    reject(new Error(message));
    const failed = ended(message, remedy);
    this.lost?.(failed.reply.failed.cause, failed.reply.failed.remedy);
    for (const { resolve } of this.#asked.values()) resolve(failed);
    this.#asked.clear();
    // One that has not started three times would not the next time either.
    this.#unstarted += 1;
    if (this.#unstarted < 3) this.#start();
  }

  /**
   * Sends a request with contents of files ([Uint8Array], or Files that the worker reads); `hear` gets notices, progress and what
   * happens in a training. Gives {id, done}: a promise of {reply, contents}.
   */
  ask(request, contents = [], hear) {
    const id = this.#next++;
    const done = new Promise(resolve => {
      this.#asked.set(id, { resolve, hear });
      const worker = this.#worker;
      this.#ready.then(() => worker?.postMessage({ json: JSON.stringify({ do: { id, request } }), contents }),
        error => { this.#asked.delete(id); resolve(ended(error.message)); });
    });
    return { id, done };
  }

  /** Asks something of a training that goes on: pause, resume, evaluate or stop. */
  steer(id, request) { this.#worker?.postMessage({ json: JSON.stringify({ steer: { id, request } }), contents: [] }); }

  /** Gives a request up. */
  cancel(id) { this.#worker?.postMessage({ json: JSON.stringify({ cancel: { id } }), contents: [] }); }

  /** Ends the worker for good, and gives up what it was asked. */
  end() {
    this.#worker?.terminate();
    this.#worker = null;
    Spanbert.living.delete(this);
    for (const { resolve } of this.#asked.values()) resolve({ reply: 'cancelled', contents: [] });
    this.#asked.clear();
  }

  /** Ends the worker as the browser would, or as a defect of the program would. */
  kill() { this.#lose(this.#worker, 'it was killed', () => {}); }
  breakDown() { this.#worker.postMessage({ breakDown: true }); }
}

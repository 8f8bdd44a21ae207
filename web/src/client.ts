import type { ConnectionState, Storage } from './connection';
import { Doc } from './doc';
import type { AnyMutators, Mutators } from './doc';
import { LocalDocument } from './document';
import type { Link } from './document';
import { Emitter, Soon } from './emitter';
import type { Engine, Sink } from './engine';
import { RejectedError } from './errors';
import { notInUpdate } from './exclusive';
import type { JsonObject } from './json';
import { Transactions } from './transactions';
import type { AnyDoc, Drafts } from './transactions';
import { loadModule } from './wasm';
import type { Module } from './wasm';

export interface ClientOptions {
  /** The server's WebSocket; without it that of the server that the page came from. */
  readonly url?: string | URL;
  /** Where rivulet.wasm is; without it the module that was built with this script. */
  readonly wasm?: string | URL;
}

/** Makes a client, which loads the module and connects at once. */
export function createClient(options: ClientOptions = {}): Client {
  const url = serverURL(options.url);
  return new Client(loadModule(options.wasm), url);
}

function serverURL(url: string | URL | undefined): string {
  const full = new URL(url ?? '/v1/sync', document.baseURI);
  if (!/^(http|ws)s?:$/.test(full.protocol)) throw new TypeError(`createClient: the url must begin with ws, wss, http or https: ${full.href}`);
  full.protocol = full.protocol.replace('http', 'ws');
  full.hash = ''; // browsers refuse it
  return full.href;
}

export interface Rejection {
  /** The key of the document. */
  readonly doc: string;
  /** The number of the update within this client. */
  readonly mutation: number;
  readonly error: RejectedError;
}

export interface Rerun {
  readonly doc: string;
  readonly mutation: number;
}

export interface ClientEvents {
  connection: [now: ConnectionState, before: ConnectionState];
  /** The number of updates that are not in the log yet. */
  pending: [count: number];
  /** An update was not taken and has been rolled back; its promise rejects as well. */
  rejected: [rejection: Rejection];
  /** Others were first: an update ran again on what they did, and does something else now. */
  rerun: [rerun: Rerun];
  /**
   * A document was not what the server has at that revision, by their checksums: something is broken. It is
   * read anew, and pending updates run again on it. If it still differs then, it is closed: `fault`, code 'diverged'.
   */
  diverged: [divergence: { readonly doc: string; readonly revision: number }];
  /** A document could not be opened, or had to be closed. */
  fault: [fault: { readonly doc: string; readonly code: string; readonly detail: string }];
}

/** Switches for tests. */
export interface TestSwitches {
  /** Cuts the connection and stays offline. */
  goOffline(): void;
  goOnline(): void;
}

interface Opened {
  readonly local: LocalDocument;
  readonly doc: Doc<object>;
  /** The engine's name for it; 0 until the module runs. */
  handle: number;
}

interface Waiting {
  /** The last update that was made before the wait began. */
  readonly last: number;
  readonly resolve: () => void;
  readonly reject: (error: RejectedError) => void;
}

/** One connection to a server and the documents that are open over it. Made by createClient. */
export class Client {
  readonly test: TestSwitches;
  readonly #events = new Emitter<ClientEvents>();
  readonly #docs = new Map<string, Opened>();
  readonly #byHandle = new Map<number, LocalDocument>();
  /** Also those that were closed. */
  readonly #all = new WeakMap<object, Opened>();
  readonly #transactions = new Transactions({
    transact: (mutation, docs) => this.#engine?.transact(this.#handle, mutation, ...docs),
    nextMutation: () => ++this.#mutations,
    pendingChanged: () => this.#pendingSoon.ask(),
    failed: (failure) => this.#failWaiting(failure),
  });
  readonly #pendingSoon = new Soon(() => this.#tellPending());
  #waiting: Waiting[] = [];
  readonly #retryNow = (): void => this.retry();
  #engine: Engine | undefined;
  #handle = 0;
  #mutations = 0;
  #offline = false;
  #storage: Storage = { available: true };
  #state: ConnectionState = { status: 'loading' };
  #toldPending = 0;

  constructor(module: Promise<Module>, url: string) {
    this.test = {
      goOffline: () => this.#setOffline('goOffline', true),
      goOnline: () => this.#setOffline('goOnline', false),
    };
    module.then(
      ({ engine, exited }) => {
        this.#start(engine, url);
        exited.then(
          () => this.#end('crashed', 'The sync engine stopped. Reload the page.'),
          () => undefined,
        );
      },
      (error: unknown) => this.#end('load_failed', error instanceof Error ? error.message : String(error)),
    );
  }

  get connection(): ConnectionState {
    return this.#state;
  }

  /** How many updates and transactions of this page, over all documents, are not in the log yet. */
  get pending(): number {
    let sum = this.#transactions.pending;
    for (const { local } of this.#docs.values()) sum += local.pending;
    return sum;
  }

  on<Name extends keyof ClientEvents>(name: Name, listener: (...args: ClientEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /** Opens the document with that key, `space/id`; the same Doc for the same key until it is closed. */
  doc<T extends object, P extends object = JsonObject, M extends Mutators = AnyMutators>(key: string): Doc<T, P, M> {
    notInUpdate('client.doc');
    let opened = this.#docs.get(key);
    if (!opened) {
      opened = this.#opened(key);
      this.#docs.set(key, opened);
      if (this.#state.status === 'closed') opened.local.close(this.#state.detail);
      else if (this.#engine) this.#open(this.#engine, opened);
    }
    return opened.doc as unknown as Doc<T, P, M>;
  }

  /**
   * Runs a transaction over 1 to 64 documents of one space that this client has open: all that the function does to their
   * drafts happens, or nothing. The promise resolves when it is stored in all of them; it is not shown before. The function
   * runs when the documents are up to date and nothing of this page is pending on them, so offline not before it is online
   * again; and again when others write first what it looked at. As that of an update it may do nothing but change its drafts.
   * It throws to abort: nothing has happened, and the promise rejects with what it threw.
   *
   * Rejects with a RejectedError when it was not taken, or as 'closed' when a document or the client is closed before it
   * ended: then, and only then, it may be stored nevertheless. Other documents, or a function that is async, are a
   * TransactError. What is stored comes to the documents as others' doing, about when the promise resolves; it is no step of undo.
   * There is no event `rejected`: nothing was shown.
   */
  transact<const D extends readonly AnyDoc[]>(docs: D, run: (...drafts: Drafts<D>) => void): Promise<void> {
    notInUpdate('client.transact');
    return this.#transactions.add(Array.isArray(docs) ? docs.map((doc: object) => this.#all.get(doc)) : [], run as unknown as (...drafts: object[]) => void);
  }

  /**
   * Resolves when every update and transaction made so far and since then is in the log, those included that still wait
   * for their document to be ready. Rejects with the RejectedError of the first update, of those that were
   * pending at the call, that is not taken. An update whose function throws when it first runs does not count.
   */
  whenSynced(): Promise<void> {
    if (this.pending === 0) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ last: this.#mutations, resolve, reject }));
  }

  /** Dials now instead of at `retryAt`. */
  retry(): void {
    notInUpdate('client.retry');
    if (this.#state.status === 'waiting') this.#engine?.retry(this.#handle);
  }

  /** Ends the connection and forgets the documents. Updates that are not in the log yet are rejected. */
  close(): void {
    notInUpdate('client.close');
    this.#end('closed', 'The client was closed.');
  }

  #start(engine: Engine, url: string): void {
    if (this.#state.status === 'closed') return;
    this.#engine = engine;
    this.#handle = engine.connect(url, this.#sink());
    if (this.#offline) engine.offline(this.#handle, true);
    for (const opened of this.#docs.values()) this.#open(engine, opened);
    this.#transactions.start();
    globalThis.addEventListener?.('online', this.#retryNow);
  }

  #end(code: string, detail: string): void {
    if (this.#state.status === 'closed') return;
    const engine = this.#engine;
    this.#engine = undefined;
    this.#setState({ status: 'closed', code, detail });
    globalThis.removeEventListener?.('online', this.#retryNow);
    for (const { reject } of this.#waiting.splice(0)) reject(new RejectedError(code, detail));
    for (const { local } of this.#docs.values()) this.#close(local, detail);
    this.#byHandle.clear();
    if (code !== 'crashed') engine?.close(this.#handle);
  }

  #opened(key: string): Opened {
    const link: Link = {
      nextMutation: () => ++this.#mutations,
      commit: (mutation, delta, reads, flags) =>
        this.#engine?.commit(this.#handle, opened.handle, mutation, delta, reads, flags) ?? 'the client is closed',
      invoke: (mutation, name, args) => this.#engine?.invoke(this.#handle, opened.handle, mutation, name, args) ?? 'refused the client is closed',
      edit: (mutation, delta, reads, edits, flags) =>
        this.#engine?.edit(this.#handle, opened.handle, mutation, delta, reads, edits, flags) ?? 'refused \nthe client is closed',
      step: (mutation, redo) => this.#engine?.step(this.#handle, opened.handle, mutation, redo) ?? 'refused \nthe client is closed',
      watch: (pointer, on) => {
        if (opened.handle !== 0) this.#engine?.watch(this.#handle, opened.handle, pointer, on);
      },
      runs: (pointer) => (opened.handle === 0 ? '[]' : (this.#engine?.runs(this.#handle, opened.handle, pointer) ?? '[]')),
      canonical: () => this.#engine?.canonical(this.#handle, opened.handle) ?? new Uint8Array(),
      presence: (state) => {
        if (opened.handle !== 0) this.#engine?.presence(this.#handle, opened.handle, state);
      },
      pendingChanged: () => this.#pendingSoon.ask(),
      rejected: (rejection) => {
        this.#failWaiting(rejection);
        this.#later(() => this.#events.emit('rejected', { doc: key, ...rejection }));
      },
      rerun: (rerun) => this.#later(() => this.#events.emit('rerun', { doc: key, ...rerun })),
    };
    const local = new LocalDocument(key, link);
    const opened: Opened = { local, doc: new Doc(local, () => this.#leave(key)), handle: 0 };
    this.#all.set(opened.doc, opened);
    return opened;
  }

  #close(local: LocalDocument, detail: string): void {
    local.close(detail);
    this.#transactions.leave(local);
  }

  #open(engine: Engine, opened: Opened): void {
    const { local } = opened;
    const handle = engine.open(this.#handle, local.key);
    if (typeof handle === 'string') {
      this.#fault(local, 'bad_key', handle);
      return;
    }
    opened.handle = handle;
    this.#byHandle.set(handle, local);
    local.presence.resend();
    local.texts.resend();
  }

  #leave(key: string): void {
    notInUpdate('doc.close');
    const opened = this.#docs.get(key);
    if (!opened) return;
    this.#docs.delete(key);
    this.#close(opened.local, 'The document was closed.');
    if (opened.handle !== 0) this.#engine?.leave(this.#handle, opened.handle);
    this.#byHandle.delete(opened.handle); // only now: the engine may roll the mirror back
  }

  #setOffline(method: string, off: boolean): void {
    notInUpdate(`client.test.${method}`);
    this.#offline = off;
    this.#engine?.offline(this.#handle, off);
  }

  #fault(local: LocalDocument, code: string, detail: string): void {
    local.fault(code, detail);
    this.#transactions.leave(local);
    this.#later(() => this.#events.emit('fault', { doc: local.key, code, detail }));
  }

  /** What the engine calls. Nothing here calls the engine, or code of the application but functions of updates. */
  #sink(): Sink {
    const local = (handle: number): LocalDocument | undefined => this.#byHandle.get(handle);
    return {
      connection: (status, code, detail, retryIn) => {
        if (this.#state.status !== 'closed') this.#connected(status, code, detail, retryIn);
      },
      storage: (available, detail) => {
        this.#storage = available ? { available } : { available, detail };
        if (this.#state.status === 'online') this.#setState({ status: 'online', storage: this.#storage });
      },
      reset: (handle, json) => local(handle)?.reset(json),
      patch: (handle, delta) => local(handle)?.patched(delta),
      rerun: (handle, mutation) => local(handle)?.rerun(mutation) ?? null,
      attempt: (mutation) => this.#transactions.attempt(mutation),
      transacted: (mutation, code, detail) => this.#transactions.transacted(mutation, code, detail),
      spliced: (handle, pointer, splices, mutation) => local(handle)?.texts.spliced(pointer, splices, mutation),
      history: (handle, canUndo, canRedo) => local(handle)?.history.told({ canUndo, canRedo }),
      settled: (handle, mutation, code, detail, revision) => local(handle)?.settled(mutation, code, detail, revision),
      changed: (handle, revision, ready) => local(handle)?.changed(revision, ready),
      peer: (handle, client, state) => local(handle)?.presence.received(client, state),
      diverged: (handle, revision) => {
        const document = local(handle);
        if (document) this.#later(() => this.#events.emit('diverged', { doc: document.key, revision }));
      },
      fault: (handle, code, detail) => {
        const document = local(handle);
        if (document) this.#fault(document, code, detail);
      },
    };
  }

  #connected(status: Parameters<Sink['connection']>[0], code: string, detail: string, retryIn: number): void {
    switch (status) {
      case 'online':
        this.#setState({ status, storage: this.#storage });
        break;
      case 'waiting':
        this.#setState({ status, retryAt: Date.now() + retryIn, code, detail });
        break;
      case 'closed':
        this.#later(() => this.#end(code, detail));
        break;
      default:
        this.#setState({ status });
    }
  }

  #setState(now: ConnectionState): void {
    const before = this.#state;
    this.#state = now;
    this.#later(() => this.#events.emit('connection', now, before));
  }

  #later(run: () => void): void {
    queueMicrotask(run);
  }

  #failWaiting({ mutation, error }: { mutation: number; error: RejectedError }): void {
    const failed = this.#waiting.filter(({ last }) => mutation <= last);
    this.#waiting = this.#waiting.filter(({ last }) => mutation > last);
    for (const { reject } of failed) reject(error);
  }

  #tellPending(): void {
    const count = this.pending;
    if (count === 0) for (const { resolve } of this.#waiting.splice(0)) resolve();
    if (count === this.#toldPending) return;
    this.#toldPending = count;
    this.#events.emit('pending', count);
  }
}

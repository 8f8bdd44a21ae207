import { transact } from './draft';
import type { Transaction } from './draft';
import { guarded, Soon } from './emitter';
import { DocumentError, refusalOf, RejectedError, UnknownMutatorError } from './errors';
import { exclusively, notInUpdate } from './exclusive';
import { History } from './history';
import { decode, encode, parseObject } from './json';
import type { JsonObject } from './json';
import { isList, keysOf, partAt, toMirror, viewOf } from './mirror';
import { applyPatch, share } from './patch';
import { resolve } from './path';
import type { ListPath } from './path';
import { Presence } from './presence';
import type { Edit } from './scope';
import { Texts } from './texts';
import { copyValue, plainly } from './value';

/** What a document needs from its client. */
export interface Link {
  /** A number that no other transaction of the client has. */
  nextMutation(): number;
  commit(mutation: number, delta: Uint8Array, reads: string, flags: number): string;
  /** As Engine.invoke. */
  invoke(mutation: number, name: string, args: string): string;
  /** As Engine.edit, and so on. */
  edit(mutation: number, delta: Uint8Array, reads: string, edits: string, flags: number): string;
  step(mutation: number, redo: boolean): string;
  watch(pointer: string, on: boolean): void;
  runs(pointer: string): string;
  canonical(): Uint8Array;
  presence(state: Uint8Array): void;
  /** The number of pending transactions changed. */
  pendingChanged(): void;
  rejected(rejection: { mutation: number; error: RejectedError }): void;
  /** A pending transaction was run again on newer state and now does something else. */
  rerun(rerun: { mutation: number }): void;
}

export interface Committed {
  /** The revision of the log that holds the transaction; of the document, if it had no effect. */
  readonly revision: number;
}

type Run = (draft: object) => unknown;
type Selector = (document: JsonObject) => unknown;

interface Pending {
  /** The function of an update; null for what the engine runs: a named mutation, an edit, undo. */
  readonly run: Run | null;
  readonly resolve: (committed: Committed) => void;
  readonly reject: (error: Error) => void;
  /** What it did when it ran last; '' before it ran. */
  delta: string;
  changed: boolean;
  /** What the function threw when it ran again. */
  cause: unknown;
  /** Of the items that it puts into lists. */
  readonly ids: string[];
}

/** Flags of Engine.edit. */
const canRerun = 1;
const joined = 2;
const apart = 4;

interface Subscription {
  readonly selector: Selector;
  readonly listener: (now: unknown, before: unknown) => void;
  value: unknown;
}

/**
 * The mirror of one document and the functions of its pending transactions, without types for what is
 * in it: Doc puts those on top. Subscribers run in a microtask after the batch that changed something,
 * so they may call anything; the engine is never called from within one of its own callbacks.
 */
export class LocalDocument {
  readonly key: string;
  readonly ready: Promise<void>;
  readonly presence: Presence;
  readonly #link: Link;
  readonly #pending = new Map<number, Pending>();
  readonly #subscriptions = new Set<Subscription>();
  readonly #notify = new Soon(() => this.#tell());
  readonly texts: Texts;
  readonly history = new History();
  #readyDone!: () => void;
  #readyFailed!: (error: Error) => void;
  #isReady = false;
  #ended: RejectedError | undefined;
  #mirror: JsonObject = {};
  /** The parts of the mirror that patches of this batch made: nobody has seen them yet. */
  #unseen = new WeakSet<object>();
  #revision = 0;
  /** Whether there may be texts or lists; without them the mirror is what readers see. */
  #collections = false;

  constructor(key: string, link: Link) {
    this.key = key;
    this.#link = link;
    this.presence = new Presence((state) => link.presence(state));
    this.ready = new Promise((resolve, reject) => {
      this.#readyDone = resolve;
      this.#readyFailed = reject;
    });
    this.ready.catch(() => undefined); // not everybody waits for it
    this.texts = new Texts(this, link);
  }

  /** Whether the document is here. */
  get isReady(): boolean {
    return this.#isReady;
  }

  get mirror(): JsonObject {
    this.#unseen = new WeakSet();
    return this.#mirror;
  }

  /** What readers see: texts as strings, lists as arrays. */
  get view(): JsonObject {
    const { mirror } = this;
    return this.#collections ? (viewOf(mirror) as JsonObject) : mirror;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Why the document is over, when it is. */
  get ended(): RejectedError | undefined {
    return this.#ended;
  }

  /** The updates that are not over: those that wait for `ready` too. */
  get pending(): number {
    return this.#pending.size;
  }

  subscribe(selector: Selector, listener: (now: unknown, before: unknown) => void): () => void {
    const subscription: Subscription = { selector, listener, value: selector(this.view) };
    this.#subscriptions.add(subscription);
    return () => void this.#subscriptions.delete(subscription);
  }

  update(run: Run, undoable = true): Promise<Committed> {
    notInUpdate('doc.update');
    return this.#submit(run, (mutation, pending) => this.#begin(mutation, pending, run, undoable ? canRerun : canRerun | apart));
  }

  mutate(name: string, args: unknown): Promise<Committed> {
    notInUpdate('doc.mutate');
    const text = JSON.stringify(copyValue(args, '', plainly, true));
    return this.#submit(null, (mutation, pending) => this.#invoke(mutation, pending, name, text));
  }

  keys(path: ListPath<object>): readonly string[] {
    const { mirror } = this;
    const names = resolve(mirror, path);
    const list = names && partAt(mirror, names);
    return isList(list) ? keysOf(list) : [];
  }

  /** Makes edits that no function has to be run for. */
  edit(edits: readonly Edit[], join: boolean): Promise<Committed> {
    notInUpdate('the edit of a text');
    return this.#submit(null, (mutation, pending) => {
      this.#edit(mutation, pending, '{}', '[]', JSON.stringify(edits), join ? joined : 0);
    });
  }

  /** Takes back what this page did last, or does it again. Undefined when there is nothing. */
  step(redo: boolean): Promise<Committed> | undefined {
    notInUpdate(redo ? 'doc.redo' : 'doc.undo');
    const { canUndo, canRedo } = this.history.state;
    this.history.stop();
    if (!(redo ? canRedo : canUndo)) return undefined;
    return this.#submit(null, (mutation, pending) => void this.#begun(mutation, pending, this.#link.step(mutation, redo)));
  }

  #edit(mutation: number, pending: Pending, delta: string, reads: string, edits: string, flags: number): void {
    if (this.#begun(mutation, pending, this.#link.edit(mutation, encode(delta), reads, edits, this.#flags(flags)))) this.#did(flags);
  }

  /** Takes the answer of the engine to Engine.edit or step. Returns whether there is something now that is pending. */
  #begun(mutation: number, pending: Pending, answer: string): boolean {
    if (answer === '') {
      this.texts.changed();
      this.#notify.ask();
      this.#link.pendingChanged();
      return true;
    }
    this.#forget(mutation);
    if (answer === 'nothing') {
      pending.resolve({ revision: this.#revision });
      return false;
    }
    const error = refusalOf(answer);
    pending.reject(error);
    if (error instanceof RejectedError) this.#link.rejected({ mutation, error });
    return false;
  }

  /** Begins a transaction as soon as the document is ready. */
  #submit(run: Run | null, begin: (mutation: number, pending: Pending) => void): Promise<Committed> {
    if (this.#ended) return Promise.reject(this.#ended);
    const mutation = this.#link.nextMutation();
    const committed = new Promise<Committed>((resolve, reject) => {
      this.#pending.set(mutation, { run, resolve, reject, delta: '', changed: false, cause: undefined, ids: [] });
    });
    const start = (): void => {
      const pending = this.#pending.get(mutation);
      if (pending) begin(mutation, pending); // else it is over before it could begin
    };
    if (this.#isReady) {
      start();
    } else {
      this.#link.pendingChanged();
      this.ready.then(start, () => undefined); // a failure has settled it
    }
    return committed;
  }

  /** Has the engine run a named mutation for the first time. What it does comes by patched. */
  #invoke(mutation: number, pending: Pending, name: string, args: string): void {
    const refused = this.#link.invoke(mutation, name, args);
    if (refused === '') {
      this.#notify.ask();
      this.#link.pendingChanged();
      return;
    }
    const space = refused.indexOf(' ');
    const code = refused.slice(0, space);
    this.#forget(mutation);
    pending.reject(code === 'unknown_mutator' ? new UnknownMutatorError(name) : new RejectedError(code, refused.slice(space + 1)));
  }

  /** Runs an update for the first time. */
  #begin(mutation: number, pending: Pending, run: Run, flags: number): void {
    const before = this.mirror;
    let done: Transaction;
    try {
      done = exclusively(() => transact(before, run, pending.ids));
    } catch (error) {
      this.#forget(mutation);
      pending.reject(error instanceof Error ? error : new Error(String(error), { cause: error }));
      return;
    }
    if (done.edits !== '') {
      pending.delta = done.delta + done.edits;
      this.#edit(mutation, pending, done.delta, JSON.stringify(done.reads), done.edits, flags);
      return;
    }
    if (done.after === before) {
      this.#forget(mutation);
      pending.resolve({ revision: this.#revision });
      return;
    }
    pending.delta = done.delta;
    this.#mirror = done.after;
    this.#look(done.delta);
    const refused = this.#link.commit(mutation, encode(done.delta), JSON.stringify(done.reads), this.#flags(flags));
    if (refused !== '') {
      this.#mirror = before;
      this.settled(mutation, 'refused', refused, 0);
    } else {
      this.#did(flags);
      this.#notify.ask();
      this.#link.pendingChanged();
    }
  }

  #did(flags: number): void {
    if ((flags & apart) === 0) this.history.did();
  }

  #flags(flags: number): number {
    return this.history.joins ? flags | joined : flags;
  }

  #forget(mutation: number): void {
    this.#pending.delete(mutation);
    this.#link.pendingChanged();
  }

  /** Looks for the tag of a text or list in JSON text. */
  #look(json: string): void {
    this.#collections ||= json.includes('"$"') || json.includes('\\u0024');
  }

  canonical(): string {
    notInUpdate('doc.canonical');
    return decode(this.#link.canonical());
  }

  // What the engine says, by way of the client's sink.

  reset(json: Uint8Array): void {
    const text = decode(json);
    this.#look(text);
    this.#mirror = share(this.#mirror, toMirror(parseObject(text))) as JsonObject;
  }

  patched(delta: Uint8Array): void {
    const text = decode(delta);
    this.#look(text);
    this.#mirror = applyPatch(this.#mirror, parseObject(text), this.#unseen);
  }

  rerun(mutation: number): { delta: Uint8Array; reads: string; edits: string } | null {
    const pending = this.#pending.get(mutation);
    const run = pending?.run;
    if (!pending || !run) return null;
    try {
      const { delta, reads, edits, after } = exclusively(() => transact(this.mirror, run, pending.ids));
      this.#mirror = after;
      this.#look(delta);
      pending.changed ||= delta + edits !== pending.delta;
      pending.delta = delta + edits;
      return { delta: encode(delta), reads: JSON.stringify(reads), edits };
    } catch (error) {
      pending.cause = error;
      return null;
    }
  }

  settled(mutation: number, code: string, detail: string, revision: number): void {
    const pending = this.#pending.get(mutation);
    if (!pending) return;
    this.#pending.delete(mutation);
    if (code === '') {
      pending.resolve({ revision });
    } else {
      const error = new RejectedError(code, detail, pending.cause === undefined ? {} : { cause: pending.cause });
      pending.reject(error);
      this.#link.rejected({ mutation, error });
    }
    this.#link.pendingChanged();
  }

  changed(revision: number, ready: boolean): void {
    this.#revision = revision;
    if (ready && !this.#isReady) {
      this.#isReady = true;
      this.#readyDone();
    }
    this.texts.changed();
    for (const [mutation, pending] of this.#pending) {
      if (!pending.changed) continue;
      pending.changed = false;
      this.#link.rerun({ mutation });
    }
    this.#notify.ask();
  }

  /** The document is over. The engine takes what was pending off the mirror, before this or after it. */
  fault(code: string, detail: string): void {
    this.#readyFailed(new DocumentError(this.key, code, detail));
    this.#end(new RejectedError(code, detail));
    this.#notify.ask();
  }

  close(detail: string): void {
    this.#readyFailed(new DocumentError(this.key, 'closed', detail));
    this.#end(new RejectedError('closed', detail));
    this.#subscriptions.clear();
    this.presence.stop();
    this.texts.stop();
    this.history.end();
  }

  #end(error: RejectedError): void {
    this.#ended ??= error;
    for (const mutation of [...this.#pending.keys()]) this.settled(mutation, error.code, error.detail, 0);
  }

  #tell(): void {
    const { view } = this;
    for (const subscription of [...this.#subscriptions]) {
      guarded(() => {
        const before = subscription.value;
        const now = subscription.selector(view);
        if (Object.is(now, before)) return;
        subscription.value = now;
        if (this.#subscriptions.has(subscription)) subscription.listener(now, before);
      });
    }
  }
}

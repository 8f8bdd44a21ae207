import type { Doc } from './doc';
import type { LocalDocument } from './document';
import { isThenable, transactAll } from './draft';
import type { Draft } from './draft';
import { refusalOf, RejectedError, TransactError } from './errors';
import { exclusively } from './exclusive';
import { encode } from './json';

/** A document of any type. */
export type AnyDoc = Doc<any, any, any>;

/** The drafts of documents, each by the type of its own. */
export type Drafts<D extends readonly AnyDoc[]> = { -readonly [I in keyof D]: D[I] extends Doc<infer T, infer _P, infer _M> ? Draft<T> : never };

/** A document of the client, see Client. */
interface Opened {
  readonly local: LocalDocument;
  readonly handle: number;
}

/** What transactions need from their client. */
interface Link {
  /** As Engine.transact; undefined while the module does not run. */
  transact(mutation: number, docs: readonly number[]): string | undefined;
  nextMutation(): number;
  pendingChanged(): void;
  failed(failure: { mutation: number; error: RejectedError }): void;
}

interface Waiting {
  readonly docs: readonly Opened[];
  readonly run: (...drafts: object[]) => unknown;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** Of the items that it puts into lists, by document. */
  readonly ids: readonly string[][];
  /** What the function threw. */
  thrown?: { readonly what: unknown };
}

const maxDocuments = 64;

/** The transactions over several documents that are not over. The mirrors know nothing of them. */
export class Transactions {
  readonly #link: Link;
  readonly #waiting = new Map<number, Waiting>();

  constructor(link: Link) {
    this.#link = link;
  }

  get pending(): number {
    return this.#waiting.size;
  }

  add(docs: readonly (Opened | undefined)[], run: (...drafts: object[]) => unknown): Promise<void> {
    return new Promise((resolve, reject) => {
      const all = checked(docs);
      for (const { local } of all) if (local.ended) throw local.ended;
      const mutation = this.#link.nextMutation();
      this.#waiting.set(mutation, { docs: all, run, resolve, reject, ids: all.map(() => []) });
      this.#link.pendingChanged();
      this.#begin(mutation, all);
    });
  }

  /** The module runs, and the documents are open in it. */
  start(): void {
    for (const [mutation, { docs }] of [...this.#waiting]) this.#begin(mutation, docs);
  }

  #begin(mutation: number, docs: readonly Opened[]): void {
    const refused = this.#link.transact(mutation, docs.map(({ handle }) => handle));
    if (refused) this.transacted(mutation, '', refused);
  }

  /** A document is over, and with it what it would be a part of. */
  leave(local: LocalDocument): void {
    for (const [mutation, { docs }] of [...this.#waiting]) {
      if (local.ended && docs.some((opened) => opened.local === local)) this.#fail(mutation, local.ended);
    }
  }

  /** As Sink.attempt. */
  attempt(mutation: number): { delta: Uint8Array; reads: string; edits: string }[] | null {
    const waiting = this.#waiting.get(mutation);
    if (!waiting) return null;
    const { docs, run, ids } = waiting;
    const subjects = docs.map(({ local }, i) => ({ before: local.mirror, ids: ids[i] as string[] }));
    try {
      const done = exclusively(() =>
        transactAll(subjects, (drafts) => {
          if (isThenable(run(...drafts))) throw new TransactError('async');
        }),
      );
      return done.map(({ delta, reads, edits }) => ({ delta: encode(delta), reads: JSON.stringify(reads), edits }));
    } catch (what) {
      waiting.thrown = { what };
      return null;
    }
  }

  /** As Sink.transacted. */
  transacted(mutation: number, code: string, detail: string): void {
    const waiting = this.#waiting.get(mutation);
    if (!waiting) return;
    if (code === '' && (detail === '' || waiting.thrown)) {
      this.#forget(mutation);
      if (waiting.thrown) waiting.reject(waiting.thrown.what);
      else waiting.resolve();
      return;
    }
    this.#fail(mutation, code === '' ? refusalOf(detail) : new RejectedError(code, detail));
  }

  #fail(mutation: number, error: Error): void {
    const waiting = this.#waiting.get(mutation);
    this.#forget(mutation);
    waiting?.reject(error);
    if (error instanceof RejectedError) this.#link.failed({ mutation, error });
  }

  #forget(mutation: number): void {
    this.#waiting.delete(mutation);
    this.#link.pendingChanged();
  }
}

function checked(docs: readonly (Opened | undefined)[]): Opened[] {
  if (docs.length === 0) throw new TransactError('none');
  if (docs.length > maxDocuments) throw new TransactError('many');
  const all: Opened[] = [];
  for (const opened of docs) {
    if (!opened) throw new TransactError('foreign');
    if (all.includes(opened)) throw new TransactError('twice');
    all.push(opened);
  }
  const spaces = new Set(all.map(({ local }) => local.key.slice(0, local.key.indexOf('/'))));
  if (spaces.size > 1) throw new TransactError('spaces');
  return all;
}

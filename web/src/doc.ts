import type { Committed, LocalDocument } from './document';
import type { Draft } from './draft';
import type { Json, JsonObject } from './json';
import type { Peer } from './presence';

/** T as it is read: nothing in it may be changed. */
export type Immutable<T> = T extends object ? { readonly [K in keyof T]: Immutable<T[K]> } : T;

/** What this client tells the others about itself, never stored. */
export interface OwnPresence<P extends object> {
  /**
   * Tells everybody on the document; at most 20 times a second, then the newest. null takes it back.
   * Throws a ValueError when it is not a JSON object, or more than 4,096 bytes of JSON.
   */
  set(state: P | null): void;
  get(): P | null;
}

/** The named mutations of an application: the type of the arguments by the name. An interface will do. */
export type Mutators = object;
export interface AnyMutators {
  readonly [name: string]: Json;
}

/**
 * A document: a JSON object that everybody who has it open sees and edits.
 *
 * T is the shape that the application agreed on; a document that nobody has written yet is `{}`.
 * P is what clients tell each other about themselves, M the named mutations.
 */
export class Doc<T extends object, P extends object = JsonObject, M extends Mutators = AnyMutators> {
  readonly #local: LocalDocument;
  readonly #leave: () => void;
  readonly presence: OwnPresence<P>;

  constructor(local: LocalDocument, leave: () => void) {
    this.#local = local;
    this.#leave = leave;
    const { presence } = local;
    this.presence = {
      set: (state) => presence.set(state),
      get: () => presence.own as unknown as P | null,
    };
  }

  get key(): string {
    return this.#local.key;
  }

  /** Settles when the document is here, or cannot be opened (a DocumentError). */
  get ready(): Promise<void> {
    return this.#local.ready;
  }

  /** The revision that the server confirmed last; 0 while there is no document. */
  get revision(): number {
    return this.#local.revision;
  }

  /** How many updates of this page are not yet in the log, those that wait for `ready` included. */
  get pending(): number {
    return this.#local.pending;
  }

  /** The document, or a part of it: plain JSON whose unchanged parts keep their identity. */
  get(): Immutable<T>;
  get<R>(selector: (document: Immutable<T>) => R): R;
  get<R>(selector?: (document: Immutable<T>) => R): R | Immutable<T> {
    const document = this.#local.mirror as Immutable<T>;
    return selector ? selector(document) : document;
  }

  /**
   * Calls the listener once after each batch of changes, if the selected value is another one
   * (Object.is). Returns a function that ends the subscription.
   */
  subscribe<R>(selector: (document: Immutable<T>) => R, listener: (now: R, before: R) => void): () => void {
    return this.#local.subscribe(selector as unknown as (document: JsonObject) => unknown, listener as (now: unknown, before: unknown) => void);
  }

  /**
   * Runs a transaction: everything that the function does to the draft happens at once, here and now,
   * or, when it throws, not at all. Resolves when the transaction is durable on the server; rejects with
   * a RejectedError when it was not taken and has been rolled back.
   *
   * The function runs again when something that it read was changed by others first. So it must look
   * at the draft only, and do nothing but change it: what would call the engine, such as another update,
   * `canonical` or `presence.set`, throws a TypeError. Before the document is ready the function waits.
   */
  update(run: (draft: Draft<T>) => void): Promise<Committed> {
    return this.#local.update(run as (draft: object) => void);
  }

  /**
   * Makes a named mutation: its function, which is in the module and in the server, runs here and now, and on the
   * server again when others were first. So there is no conflict; what is shown is what it means at any time.
   * Resolves when it is durable. Rejects with a RejectedError, of code 'mutator' when the function refused it, here or
   * there, or with an UnknownMutatorError. Arguments that are not JSON throw a ValueError.
   */
  mutate<N extends keyof M & string>(name: N, args: M[N]): Promise<Committed> {
    return this.#local.mutate(name, args);
  }

  /** The others who have the document open and told something about themselves. */
  get others(): readonly Peer<P>[] {
    return this.#local.presence.others as unknown as readonly Peer<P>[];
  }

  subscribeOthers(listener: (now: readonly Peer<P>[], before: readonly Peer<P>[]) => void): () => void {
    return this.#local.presence.subscribe(listener as unknown as Parameters<LocalDocument['presence']['subscribe']>[0]);
  }

  /** The document as canonical JSON, with the literal text of its numbers: equal replicas have equal text. */
  canonical(): string {
    return this.#local.canonical();
  }

  /** Stops following the document. Updates that are not in the log yet are rejected as 'closed'. */
  close(): void {
    this.#leave();
  }
}

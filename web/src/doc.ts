import type { Collection, Counter, List } from './collections';
import type { Committed, LocalDocument } from './document';
import type { Draft } from './draft';
import type { UndoState } from './history';
import type { Json, JsonObject } from './json';
import type { ListPath, Path } from './path';
import type { Peer } from './presence';
import type { TextHandle } from './texts';

/** T as it is read: nothing in it may be changed. A text is a string, a list an array, a counter a number. */
export type Immutable<T> = T extends Collection
  ? T extends List<infer Item>
    ? readonly Immutable<Item>[]
    : string
  : T extends Counter
    ? number
    : T extends object
      ? { readonly [K in keyof T]: Immutable<T[K]> }
      : T;

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

  /** The document, or a part of it: plain JSON whose unchanged parts keep their identity. A text is a string, a list an array. */
  get(): Immutable<T>;
  get<R>(selector: (document: Immutable<T>) => R): R;
  get<R>(selector?: (document: Immutable<T>) => R): R | Immutable<T> {
    const document = this.#local.view as unknown as Immutable<T>;
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
   *
   * With `undoable: false` undo passes it over, as for what makes a new document what the page needs.
   */
  update(run: (draft: Draft<T>) => void, { undoable = true }: { readonly undoable?: boolean } = {}): Promise<Committed> {
    return this.#local.update(run as (draft: object) => void, undoable);
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

  /**
   * A text of the document for an editor: `doc.text((d) => d.title)`, or by its path, as `['todos', 0, 'title']`, or by
   * the pointer of another handle. An index of a list is that of the item that is there now; the handle stays with it. Each call gives another handle.
   */
  text(path: Path<T>): TextHandle {
    return this.#local.texts.open(path as Path<object>);
  }

  /**
   * The keys of the items of a list, in order: an item keeps its key when it is moved or changed, so a view can go by them, and an
   * update find the item again by `indexOfKey`. Empty where there is no list.
   */
  keys(path: ListPath<T>): readonly string[] {
    return this.#local.keys(path as ListPath<object>);
  }

  /**
   * Takes back what this page did last, and of that what is still so: what others wrote in its place stays. Named mutations
   * are not taken back. Resolves when that is durable, as an update does; undefined when there is nothing.
   */
  undo(): Promise<Committed> | undefined {
    return this.#local.step(false);
  }

  /** Does again what was undone last. */
  redo(): Promise<Committed> | undefined {
    return this.#local.step(true);
  }

  get canUndo(): boolean {
    return this.#local.history.state.canUndo;
  }

  get canRedo(): boolean {
    return this.#local.history.state.canRedo;
  }

  /** Calls the listener when canUndo or canRedo change. Returns a function that ends that. */
  subscribeUndo(listener: (now: UndoState) => void): () => void {
    return this.#local.history.subscribe(listener);
  }

  /**
   * What is done within the function, or until its promise settles, is undone at once: a drag, a dialog. Without it each update
   * is undone by itself, and typing in one text by half seconds.
   */
  undoGroup<R>(run: () => R): R {
    return this.#local.history.group(run);
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

import { guarded } from './emitter';

/** What can be undone and done again. */
export interface UndoState {
  readonly canUndo: boolean;
  readonly canRedo: boolean;
}

/** Typing in one text is one step back as long as no pause is longer, in milliseconds. */
const pause = 500;

/** Which transactions undo takes back at once, and what there is to undo; the engine keeps the rest. */
export class History {
  #state: UndoState = { canUndo: false, canRedo: false };
  readonly #listeners = new Set<(now: UndoState) => void>();
  /** How many groups are open, one within the other, and whether something was done in them. */
  #groups = 0;
  #begun = false;
  /** Where somebody types, and since when they have not. */
  #typing: { readonly at: string; readonly time: number } | undefined;
  #next: { readonly at: string; readonly time: number } | undefined;

  get state(): UndoState {
    return this.#state;
  }

  /** Whether what is done now belongs to what was done last. */
  get joins(): boolean {
    return this.#groups > 0 && this.#begun;
  }

  /** The next transaction is of somebody who types in a text. Returns whether it goes on with the last one. */
  types(at: string): boolean {
    const time = performance.now();
    const last = this.#typing;
    this.#next = { at, time };
    return last !== undefined && last.at === at && time - last.time < pause;
  }

  /** A transaction was made. */
  did(): void {
    this.#typing = this.#next;
    this.#next = undefined;
    this.#begun = this.#groups > 0;
  }

  /** What comes next does not go on with what was typed. */
  stop(): void {
    this.#typing = undefined;
    this.#next = undefined;
    this.#begun = false;
  }

  group<R>(run: () => R): R {
    if (this.#groups++ === 0) this.stop();
    const end = (): void => {
      if (--this.#groups === 0) this.stop();
    };
    let result: R;
    try {
      result = run();
    } catch (error) {
      end();
      throw error;
    }
    if (result instanceof Promise) result.then(end, end);
    else end();
    return result;
  }

  told(state: UndoState): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) guarded(() => listener(state));
  }

  subscribe(listener: (now: UndoState) => void): () => void {
    const own = (now: UndoState): void => listener(now);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** The document is closed. */
  end(): void {
    this.#listeners.clear();
    this.#state = { canUndo: false, canRedo: false };
  }
}

import { EditError } from './errors';
import type { Draft } from './draft';
import type { Json } from './json';

/** Says what a type of a document stands for; there is no such member. */
declare const kind: unique symbol;

/** What is more than plain JSON. */
export interface Collection {
  readonly [kind]: 'text' | 'list';
}

/** At which ends a mark takes in what is inserted right there. */
export type Expand = 'none' | 'start' | 'end' | 'both';

/**
 * A text that several people write at once, in the type of a document and in a draft of it. Readers see a string.
 * Positions and lengths are UTF-16 units, as in a string; a range that begins or ends within a surrogate pair takes all
 * of it, and what is inserted within one goes before it.
 * What is not possible throws an EditError.
 */
export interface Text extends Collection {
  readonly [kind]: 'text';
  readonly length: number;
  /** The text as a string. The update runs again if others change the text first; an edit without a look does not. */
  toString(): string;
  insert(at: number, string: string): void;
  append(string: string): void;
  delete(at: number, count: number): void;
  splice(at: number, deleteCount: number, insert?: string): void;
  /** Gives a range a mark, such as 'bold' with true; it takes the place of marks of that name. `expand` is 'end' if not given. */
  mark(from: number, to: number, name: string, value: Json, options?: { readonly expand?: Expand }): void;
  unmark(from: number, to: number, name: string): void;
}

/**
 * A list whose items keep their identity when they are moved, in the type of a document and in a draft of it. Readers see
 * an array. In a draft it can be read as an array, and items that are objects can be written: `draft.todos[2].done = true`.
 * An index names the item that is there now: edits of it stay with the item, wherever others move it.
 * What is not possible throws an EditError.
 */
export interface List<T> extends ReadonlyArray<Draft<T>>, Collection {
  readonly [kind]: 'list';
  /** The index of the item with that key, see Doc.keys; -1 when it is gone. */
  indexOfKey(key: string): number;
  insert(index: number, ...items: T[]): void;
  push(...items: T[]): void;
  /** Moves an item so that `to` becomes its index. */
  move(from: number, to: number): void;
  delete(index: number): void;
  /** Gives an item another value. */
  set(index: number, item: T): void;
}

/** An integer to which several people add at once, and all of it counts. See `counter`. */
export type Counter = number & { readonly [kind]: 'counter' };

/** What of a document is a counter. */
export type CounterIn<T> = { [K in keyof T]-?: Counter extends T[K] ? K : never }[keyof T] & string;

/** A counter in a draft. */
export interface CounterDraft {
  /** The number. The update runs again if others change it first. */
  readonly value: number;
  /** Adds an integer, which may be negative. A counter that is not there is 0. */
  add(n: number): void;
}

/** A new text, to be assigned to a draft. */
export function text(string = ''): Text {
  return new TextValue(string) as unknown as Text;
}

/** A new list, to be assigned to a draft. */
export function list<T>(items: Iterable<T> = []): List<T> {
  return new ListValue([...items]) as unknown as List<T>;
}

const counters = new WeakMap<object, (name: string) => CounterDraft>();

/** Makes the counters of a draft known. */
export function hasCounters(draft: object, open: (name: string) => CounterDraft): void {
  counters.set(draft, open);
}

/** A new counter, to be assigned to a draft. */
export function counter(value?: number): Counter;
/** The counter of that name in a draft: `counter(draft, 'votes').add(1)`. */
export function counter<T extends object>(draft: T, name: CounterIn<T>): CounterDraft;
export function counter(value: object | number = 0, name = ''): Counter | CounterDraft {
  if (typeof value === 'object') {
    const open = counters.get(value);
    if (!open) throw new EditError('detached', name);
    return open(name);
  }
  if (!Number.isSafeInteger(value)) throw new EditError('no_counter', '', String(value));
  return value as Counter;
}

/** What `text` returns: it is JSON once it is assigned. */
export class TextValue {
  readonly string: string;

  constructor(string: string) {
    if (typeof string !== 'string') throw new EditError('no_text', '', typeof string);
    this.string = string;
  }
  get length(): number {
    return this.string.length;
  }
  toString(): string {
    return this.string;
  }
  insert(): never {
    throw new EditError('detached', '');
  }
  append(): never {
    throw new EditError('detached', '');
  }
  delete(): never {
    throw new EditError('detached', '');
  }
  splice(): never {
    throw new EditError('detached', '');
  }
  mark(): never {
    throw new EditError('detached', '');
  }
  unmark(): never {
    throw new EditError('detached', '');
  }
}

/** What `list` returns: it is JSON once it is assigned. */
export class ListValue {
  readonly items: readonly unknown[];

  constructor(items: readonly unknown[]) {
    this.items = items;
  }
  indexOfKey(): never {
    throw new EditError('detached', '');
  }
  insert(): never {
    throw new EditError('detached', '');
  }
  push(): never {
    throw new EditError('detached', '');
  }
  move(): never {
    throw new EditError('detached', '');
  }
  delete(): never {
    throw new EditError('detached', '');
  }
  set(): never {
    throw new EditError('detached', '');
  }
}

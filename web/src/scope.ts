import { EditError } from './errors';
import type { Json, JsonScalar } from './json';
import { Reads } from './reads';
import { isCopyOf, newID } from './value';
import type { Copying } from './value';

/** An object, array, text or list in a transaction. */
export interface PartDraft {
  /** What the function of the transaction sees. */
  readonly proxy: object;
  /** The value as the patch puts it there; edits come behind that. */
  json(): Json;
  /** The merge patch from what the document has, undefined when nothing was written. */
  patch(): Json | undefined;
}

export type Part = JsonScalar | PartDraft;

/** An edit for the engine, see Engine.edit: a letter, the pointer of the collection, and arguments. */
export type Edit = readonly [kind: string, pointer: string, ...args: (Json | undefined)[]];

/** Whether what was edited is still in the document. */
export type Alive = () => boolean;

/** What a function sees, and how to copy it. */
export type Known = WeakMap<object, () => Json>;

/** What the drafts of one document in a transaction share. */
export class Scope implements Copying {
  readonly reads = new Reads();
  readonly #known: Known;
  readonly #edits: { readonly alive: Alive; readonly make: () => Edit }[] = [];
  readonly #edited = new WeakSet<object>();
  /** The copies of what was assigned, by the latest one of each object: who fills one again and again has them all. */
  readonly #copies = new Map<object, { readonly copy: Json; readonly pointer: string; readonly alive: Alive }>();
  readonly #ids: string[];
  #used = 0;
  #copying = 0;
  #open = true;

  /**
   * `ids` are those that an earlier run gave to new items: this one gives the same. `known` is shared by the scopes of
   * several documents, so that what one has can be assigned to another.
   */
  constructor(ids: string[], known: Known) {
    this.#ids = ids;
    this.#known = known;
  }

  end(): void {
    this.#open = false;
  }

  check(): void {
    if (!this.#open) throw new TypeError('a draft was used after its update');
  }

  /** Makes what a function sees known, so that it can be assigned to another place. */
  register<T extends object>(proxy: T, json: () => Json): T {
    this.#known.set(proxy, () => {
      this.#copying++;
      try {
        return json();
      } finally {
        this.#copying--;
      }
    });
    return proxy;
  }

  unwrap(value: object): Json | undefined {
    return this.#known.get(value)?.();
  }

  newID(): string {
    const id = (this.#ids[this.#used] ??= newID());
    this.#used++;
    return id;
  }

  /** Notes that a value was assigned, and what the draft has made of it. */
  assigned(value: unknown, copy: Json, pointer: string, alive: Alive): void {
    if (typeof value === 'object' && value !== null && !this.isKnown(value)) this.#copies.set(value, { copy, pointer, alive });
  }

  /** Throws where something that was assigned was changed later: `(draft.log ??= []).push(x)` pushes to the array, of which the draft has a copy. */
  checkAssigned(): void {
    for (const [value, { copy, pointer, alive }] of this.#copies) {
      if (!isCopyOf(copy, value, this) && alive()) throw new EditError('assigned', pointer);
    }
  }

  /** Whether a value is a draft of the transaction. */
  isKnown(value: object): boolean {
    return this.#known.has(value);
  }

  /** Adds an edit, which is made at the end if what it edits is still there. */
  edit(part: PartDraft, alive: Alive, make: () => Edit): void {
    this.#edited.add(part);
    this.#edits.push({ alive, make });
  }

  /** Begins the json() of a text or list: a copy of it has no edits. */
  copied(part: PartDraft, pointer: string): void {
    if (this.#copying > 0 && this.#edited.has(part)) throw new EditError('copy', pointer);
  }

  /** The edits in their order. */
  edits(): Edit[] {
    return this.#edits.filter(({ alive }) => alive()).map(({ make }) => make());
  }
}

export function isDraft(part: Part | undefined): part is PartDraft {
  return typeof part === 'object' && part !== null;
}

/** A part as the function sees it. */
export function shown(part: Part | undefined): unknown {
  return isDraft(part) ? part.proxy : part;
}

export function partJSON(part: Part): Json;
export function partJSON(part: Part | undefined): Json | undefined;
export function partJSON(part: Part | undefined): Json | undefined {
  return isDraft(part) ? part.json() : part;
}

import { EditError } from './errors';
import { copyOf, isObject, setMember } from './json';
import type { Building, Json, JsonObject } from './json';
import { itemsOf, textIn, toMirror } from './mirror';
import type { Item } from './mirror';
import { pointerTo } from './reads';
import { isDraft, partJSON, shown } from './scope';
import type { Alive, Edit, Part, PartDraft, Scope } from './scope';
import { copyValue, isText } from './value';

/** Makes the part of a transaction for a value. */
export type MakePart = (value: Json, pointer: string, tracked: boolean, alive: Alive) => Part;

/** An item as the transaction has it. */
interface Entry {
  readonly id: string;
  readonly malformed: boolean;
  /** It has a place among the items: a malformed one gets one when it is moved or set. */
  placed: boolean;
  /** What the list has; undefined for an item of this transaction. */
  readonly item: Item | undefined;
  /** The value, once the function has looked at it or written it. */
  part: Part | undefined;
  /** `part` was put there by an edit, which has the whole of it. */
  written: boolean;
}

const methods = ['indexOfKey', 'insert', 'push', 'move', 'delete', 'set'] as const;
/** Methods of arrays that change them. */
const changing = new Set(['pop', 'shift', 'unshift', 'splice', 'sort', 'reverse', 'fill', 'copyWithin']);

/**
 * A list in a transaction. The engine makes its edits, which name items by their ids; a member of an item is written
 * by the patch. Who goes through the items, or asks how many there are, depends on the whole list; who only names
 * one by its index does not: the edit stays with that item.
 */
export class ListDraft implements PartDraft {
  readonly proxy: object;
  readonly #scope: Scope;
  readonly #pointer: string;
  readonly #content: JsonObject;
  readonly #tracked: boolean;
  readonly #alive: Alive;
  readonly #make: MakePart;
  readonly #entries: Entry[];

  constructor(scope: Scope, pointer: string, content: JsonObject, tracked: boolean, alive: Alive, make: MakePart) {
    this.#scope = scope;
    this.#pointer = pointer;
    this.#content = content;
    this.#tracked = tracked;
    this.#alive = alive;
    this.#make = make;
    this.#entries = itemsOf(content).map((item) => ({
      id: item.id,
      malformed: item.order === '~',
      placed: item.order !== '~',
      item,
      part: undefined,
      written: false,
    }));
    this.proxy = scope.register(new Proxy([], this.#traps()), () => {
      this.#look();
      return this.json();
    });
  }

  /** The list with what was written into its items. Copied, it is in the order that the document has. */
  json(): Json {
    this.#scope.copied(this, this.#pointer);
    let result: Building | undefined;
    for (const { id, item, part, written } of this.#entries) {
      if (!item || written || !isDraft(part)) continue;
      const value = part.json();
      if (value === item.value) continue;
      result ??= copyOf(this.#content);
      setMember(result, id, item.order === '~' ? value : { o: item.order, v: value });
    }
    return result ?? this.#content;
  }

  patch(): JsonObject | undefined {
    let patch: Building | undefined;
    for (const { id, malformed, part, written } of this.#entries) {
      const change = written || !isDraft(part) ? undefined : part.patch();
      if (change !== undefined) setMember((patch ??= {}), id, malformed ? change : { v: change });
    }
    return patch;
  }

  #look(): void {
    this.#scope.check();
    if (this.#tracked) this.#scope.reads.addWhole(this.#pointer);
  }

  #edit(make: () => Edit): void {
    this.#scope.edit(this, this.#alive, make);
  }

  #part(index: number): Part | undefined {
    this.#scope.check();
    const entry = this.#entries[index];
    if (!entry) {
      this.#look(); // that there is none depends on how many there are
      return undefined;
    }
    if (entry.part === undefined) {
      const { item } = entry;
      if (!item) return null;
      const at = this.#at(entry);
      if (this.#tracked) this.#scope.reads.add(isObject(item.value) || textIn(item.value) ? 'e' : 'v', at);
      this.#fill(entry, item.value, this.#tracked);
    }
    return entry.part;
  }

  #at({ id, malformed }: Entry): string {
    const at = pointerTo(this.#pointer, id);
    return malformed ? at : `${at}/v`;
  }

  /** Returns whether the part is still there at a later time. */
  #fill(entry: Entry, value: Json, tracked: boolean): Alive {
    const alive: Alive = () => entry.part === part && this.#entries.includes(entry) && this.#alive();
    const part = this.#make(value, this.#at(entry), tracked, alive);
    entry.part = part;
    return alive;
  }

  /** Makes the value of an item out of what the function gave. */
  #write(entry: Entry, value: unknown): void {
    const at = this.#at(entry);
    const copy = value === null ? null : copyValue(value, at, this.#scope);
    this.#scope.assigned(value, copy, at, this.#fill(entry, toMirror(copy), false));
    entry.written = true;
  }

  /** How many items have a place; the malformed ones are behind them. */
  #placed(): number {
    return this.#entries.filter(({ placed }) => placed).length;
  }

  #index(index: number, end: number): number {
    if (!Number.isSafeInteger(index)) throw new EditError('integer', this.#pointer, String(index));
    if (index < 0 || index >= end) throw new EditError('range', this.#pointer, `${index} of ${this.#entries.length}`);
    return index;
  }

  readonly #methods = {
    indexOfKey: (key: string): number => {
      this.#scope.check();
      const index = this.#entries.findIndex(({ id }) => id === key);
      if (this.#tracked && index < 0 && isText(key)) this.#scope.reads.add('v', pointerTo(this.#pointer, key));
      return index;
    },
    insert: (index: number, ...items: unknown[]): void => {
      this.#scope.check();
      const at = Math.min(this.#index(index, this.#entries.length + 1), this.#placed());
      const added = items.map((item) => {
        const entry: Entry = { id: this.#scope.newID(), malformed: false, placed: true, item: undefined, part: undefined, written: true };
        this.#write(entry, item);
        return entry;
      });
      if (added.length === 0) return;
      this.#entries.splice(at, 0, ...added);
      const parts = added.map(({ id, part }) => ({ id, part }));
      this.#edit(() => ['i', this.#pointer, at, ...parts.flatMap(({ id, part }) => [id, partJSON(part) ?? null])]);
    },
    push: (...items: unknown[]): void => this.#methods.insert(this.#entries.length, ...items),
    move: (from: number, to: number): void => {
      this.#scope.check();
      const entry = this.#entries[this.#index(from, this.#entries.length)] as Entry;
      this.#index(to, this.#entries.length);
      this.#entries.splice(from, 1);
      const at = Math.min(to, this.#placed());
      this.#entries.splice(at, 0, entry);
      entry.placed = true;
      this.#edit(() => ['v', this.#pointer, entry.id, at]);
    },
    delete: (index: number): void => {
      this.#scope.check();
      const at = this.#index(index, this.#entries.length);
      const [{ id }] = this.#entries.splice(at, 1) as [Entry];
      this.#edit(() => ['d', this.#pointer, id]);
    },
    set: (index: number, item: unknown): void => {
      this.#scope.check();
      const entry = this.#entries[this.#index(index, this.#entries.length)] as Entry;
      if (isDraft(entry.part) && entry.part.proxy === item) return; // todos.set(i, todos[i])
      this.#write(entry, item);
      if (!entry.placed) {
        this.#entries.splice(index, 1);
        this.#entries.splice(this.#placed(), 0, entry);
        entry.placed = true;
      }
      const { part } = entry;
      this.#edit(() => ['=', this.#pointer, entry.id, partJSON(part) ?? null]);
    },
  };

  #traps(): ProxyHandler<unknown[]> {
    return {
      get: (target, name) => {
        if (typeof name === 'symbol') {
          if (name === Symbol.iterator) this.#look();
          return Reflect.get(target, name);
        }
        if (isIndex(name)) return shown(this.#part(Number(name)));
        if (name === 'length') {
          this.#look();
          return this.#entries.length;
        }
        const method = methods.find((one) => one === name);
        if (method) return this.#methods[method];
        if (changing.has(name)) throw new EditError('array', this.#pointer, name);
        return Reflect.get(target, name);
      },
      set: (_, name, value: unknown) => {
        if (typeof name === 'symbol' || !isIndex(name)) throw new EditError('array', this.#pointer, String(name));
        this.#methods.set(Number(name), value);
        return true;
      },
      deleteProperty: (_, name) => {
        throw new EditError('array', this.#pointer, `delete ${String(name)}`);
      },
      has: (target, name) => (typeof name === 'string' && isIndex(name) ? this.#part(Number(name)) !== undefined : Reflect.has(target, name)),
      ownKeys: () => {
        this.#look();
        return [...this.#entries.keys()].map(String).concat('length');
      },
      getOwnPropertyDescriptor: (_, name) => {
        if (name === 'length') {
          this.#look();
          return { value: this.#entries.length, writable: true, enumerable: false, configurable: false };
        }
        if (typeof name === 'symbol' || !isIndex(name) || !this.#entries[Number(name)]) return undefined;
        return { get: () => shown(this.#part(Number(name))), enumerable: true, configurable: true };
      },
      defineProperty: () => false,
      setPrototypeOf: () => false,
      preventExtensions: () => false,
    };
  }
}

function isIndex(name: string): boolean {
  return /^(0|[1-9][0-9]*)$/.test(name);
}

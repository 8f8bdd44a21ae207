import type { Json, JsonObject } from './json';

/** What holds a text: its members by name, without the tag, and the keys of its chunks in order. */
interface Store {
  readonly members: Map<string, Json>;
  readonly keys: string[];
}

/** A member as it was before; undefined: it was not there. */
type Changes = readonly (readonly [name: string, value: Json | undefined])[];

/** Digits in base 63, the last one not 0: shared/text, validKey. */
const validKey = /^[0-9A-Z_a-z]{0,199}[1-9A-Z_a-z]$/;

/** The tag of a collection, by its reserved member. */
export const tagName = '$';

/**
 * One version of a text, in the mirror in the place of the object that holds it. Versions never change;
 * the newest holds the members, and one that is older holds what has changed since, so that a keystroke costs
 * what it changes. The string is made when somebody asks for it.
 */
export class TextNode {
  /** In UTF-16 units. */
  readonly length: number;
  /** Another object whenever marks may have changed. */
  readonly marks: object;
  #store: Store | undefined;
  #newer: TextNode | undefined;
  #back: Changes = [];
  #string: string | undefined;

  private constructor(store: Store, length: number, marks: object) {
    this.#store = store;
    this.length = length;
    this.marks = marks;
  }

  /** The text of an object that has the tag of one. */
  static of(object: JsonObject): TextNode {
    const members = new Map<string, Json>();
    const keys: string[] = [];
    let length = 0;
    for (const name of Object.keys(object)) {
      if (name === tagName) continue;
      const value = object[name] as Json;
      members.set(name, value);
      if (!isChunk(name, value)) continue;
      keys.push(name);
      length += value.length;
    }
    keys.sort(byteOrder);
    return new TextNode({ members, keys }, length, {});
  }

  /** The version with other members; undefined takes one away. This one when nothing changes. */
  with(changes: Changes): TextNode {
    const store = this.#own();
    const back: [string, Json | undefined][] = [];
    let { length, marks } = this;
    for (const [name, value] of changes) {
      const old = store.members.get(name);
      if (old === value) continue;
      back.push([name, old]);
      length += change(store, name, value);
      if (Array.isArray(old) || Array.isArray(value)) marks = {};
    }
    if (back.length === 0) return this;
    const newer = new TextNode(store, length, marks);
    this.#store = undefined;
    this.#newer = newer;
    this.#back = back.reverse();
    return newer;
  }

  get(name: string): Json | undefined {
    return this.#own().members.get(name);
  }

  toString(): string {
    if (this.#string === undefined) {
      const { members, keys } = this.#own();
      this.#string = keys.map((key) => members.get(key) as string).join('');
    }
    return this.#string;
  }

  /** The object that holds it. */
  toJSON(): JsonObject {
    return { [tagName]: 'text', ...Object.fromEntries(this.#own().members) };
  }

  charCodeAt(position: number): number {
    if (this.#string !== undefined) return this.#string.charCodeAt(position);
    const at = this.#find(position + 1);
    return at ? at.chunk.charCodeAt(at.offset - 1) : NaN;
  }

  /** Where a position is: at the end of so many units of a chunk. Undefined at the beginning. */
  anchor(position: number): { key: string; offset: number } | undefined {
    return this.#find(position);
  }

  /** The position of an anchor; undefined when there is no such chunk, or it is not so long. */
  position(key: string, offset: number): number | undefined {
    const { members, keys } = this.#own();
    const at = lowerBound(keys, key);
    if (keys[at] !== key || offset > (members.get(key) as string).length) return undefined;
    let before = 0;
    for (let i = 0; i < at; i++) before += (members.get(keys[i] as string) as string).length;
    return before + offset;
  }

  equals(other: TextNode): boolean {
    const own = this.#own().members;
    const members = other.#own().members;
    if (own.size !== members.size) return false;
    for (const [name, value] of own) {
      const there = members.get(name);
      if (value !== there && (there === undefined || JSON.stringify(value) !== JSON.stringify(there))) return false;
    }
    return true;
  }

  /** The chunk that the unit before a position is in. */
  #find(position: number): { key: string; offset: number; chunk: string } | undefined {
    if (position <= 0 || position > this.length) return undefined;
    const { members, keys } = this.#own();
    let offset = position;
    for (const key of keys) {
      const chunk = members.get(key) as string;
      if (offset <= chunk.length) return { key, offset, chunk };
      offset -= chunk.length;
    }
    return undefined;
  }

  /** The members. An old version makes a copy, from the nearest version that has some. */
  #own(): Store {
    if (this.#store) return this.#store;
    const path: TextNode[] = [];
    let node: TextNode = this;
    for (; !node.#store; node = node.#newer as TextNode) path.push(node);
    const store = { members: new Map(node.#store.members), keys: [...node.#store.keys] };
    for (const { back } of path.reverse().map((version) => ({ back: version.#back }))) {
      for (const [name, value] of back) change(store, name, value);
    }
    this.#newer = undefined;
    this.#back = [];
    return (this.#store = store);
  }
}

function isChunk(name: string, value: Json | undefined): value is string {
  return typeof value === 'string' && value !== '' && validKey.test(name);
}

/** Changes one member, and returns by how much the text is longer. */
function change({ members, keys }: Store, name: string, value: Json | undefined): number {
  const old = members.get(name);
  if (value === undefined) members.delete(name);
  else members.set(name, value);
  const before = isChunk(name, old) ? old.length : 0;
  const now = isChunk(name, value) ? value.length : 0;
  if (before === 0 && now > 0) keys.splice(lowerBound(keys, name), 0, name);
  if (before > 0 && now === 0) keys.splice(lowerBound(keys, name), 1);
  return now - before;
}

/** The index of the first key that is not below the one given. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Keys are ASCII: their order is that of their bytes. */
function byteOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** How long the chunks of a new text are, in UTF-16 units: as long as a merge makes them, see docs/text.md. */
const chunkLength = 160;
const digits = '123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';

/** The object of a new text. */
export function newText(string: string): JsonObject {
  const chunks: string[] = [];
  for (let from = 0; from < string.length; ) {
    let to = Math.min(from + chunkLength, string.length);
    if (to < string.length && isHigh(string.charCodeAt(to - 1))) to++; // not within a pair
    chunks.push(string.slice(from, to));
    from = to;
  }
  let width = 1;
  while (digits.length ** width < 4 * (chunks.length + 1)) width++;
  const step = Math.floor(digits.length ** width / (chunks.length + 1));
  const members: [string, Json][] = chunks.map((chunk, i) => [keyOf(step * (i + 1), width), chunk]);
  return { [tagName]: 'text', ...Object.fromEntries(members) };
}

/** The number as so many digits, none of them 0. */
function keyOf(n: number, width: number): string {
  let key = '';
  for (let i = 0; i < width; i++) {
    key = (digits[n % digits.length] as string) + key;
    n = Math.floor(n / digits.length);
  }
  return key;
}

/** The order keys of the items of a new list; fewer than asked for when those are too many. */
export function orderKeys(n: number): string[] {
  // A number of orderkey in Go: its first digit says how many there are.
  const [head, width] = n <= digits.length ? ['a', 1] : ['y', 3];
  return Array.from({ length: Math.min(n, digits.length ** width) }, (_, i) => head + keyOf(i, width));
}

export function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

export function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}

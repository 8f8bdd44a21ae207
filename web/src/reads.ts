import { isObject } from './json';
import type { Json } from './json';
import { textIn } from './mirror';

/** 'v': the whole value, or that there is none. 'e': that there is an object. 'm': which members it has. */
export type ReadKind = 'v' | 'e' | 'm';

/** The RFC 6901 pointer of a member of the object at `pointer`. */
export function pointerTo(pointer: string, name: string): string {
  const token = /[~/]/.test(name) ? name.replaceAll('~', '~0').replaceAll('/', '~1') : name;
  return `${pointer}/${token}`;
}

// The same bounds as in Go: doc.MaxReads, which is below the wire.MaxReads that the server takes, and
// maxReadBytes of shared/replica, which counts the bytes and so cuts text that is not ASCII earlier.
const maxReads = 4000;
const maxText = 64 << 10;

/** What a transaction looked at. Past its bounds it says that it read the whole document. */
export class Reads {
  readonly #seen = new Set<string>();
  #text = 0;
  #whole = false;
  readonly #wholes: string[] = [];

  /** The whole value at a pointer, with all that is in it: what is seen there from then on is known to be read. */
  addWhole(pointer: string): void {
    this.add('v', pointer);
    if (!this.#wholes.includes(pointer)) this.#wholes.push(pointer);
  }

  add(kind: ReadKind, pointer: string): void {
    for (const whole of this.#wholes) if (pointer.startsWith(whole) && pointer.charAt(whole.length) === '/') return;
    if (this.#whole || (pointer === '' && kind === 'e')) return; // the root is always an object
    const read = kind + pointer;
    if (this.#seen.has(read)) return;
    this.#seen.add(read);
    this.#text += read.length;
    if (this.#seen.size > maxReads || this.#text > maxText) {
      this.#whole = true;
      this.#seen.clear();
    }
  }

  has(kind: ReadKind, pointer: string): boolean {
    return this.#whole || this.#seen.has(kind + pointer);
  }

  /** The members of every object in a value that is going to be deleted or replaced. */
  addSubtree(value: Json | undefined, pointer: string): void {
    const object = textIn(value)?.toJSON() ?? value;
    if (!isObject(object) || this.#whole) return;
    this.add('m', pointer);
    for (const name of Object.keys(object)) this.addSubtree(object[name], pointerTo(pointer, name));
  }

  list(): string[] {
    return this.#whole ? ['v'] : [...this.#seen];
  }
}

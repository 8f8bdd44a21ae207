import type { Expand, Text } from './collections';
import { EditError, ValueError } from './errors';
import type { Json } from './json';
import type { Alive, PartDraft, Scope } from './scope';
import { isHigh, isLow } from './textnode';
import type { TextNode } from './textnode';
import { copyValue, isText, plainly } from './value';

type Splice = readonly [at: number, deleted: number, inserted: string];

const expansions: Record<Expand, number> = { none: 0, start: 1, end: 2, both: 3 };

/** A text in a transaction. Its edits are made by the engine; here is only what they will have made of it. */
export class TextDraft implements PartDraft {
  readonly proxy: object;
  readonly #scope: Scope;
  readonly #pointer: string;
  readonly #node: TextNode;
  readonly #tracked: boolean;
  readonly #alive: Alive;
  /** What has not been done to `#string` yet, or to the node where there is none. */
  #splices: Splice[] = [];
  #string: string | undefined;
  #length: number;

  constructor(scope: Scope, pointer: string, node: TextNode, tracked: boolean, alive: Alive) {
    this.#scope = scope;
    this.#pointer = pointer;
    this.#node = node;
    this.#tracked = tracked;
    this.#alive = alive;
    this.#length = node.length;
    this.proxy = scope.register(Object.freeze(this.#methods()), () => {
      this.#look();
      return this.json();
    });
  }

  json(): Json {
    this.#scope.copied(this, this.#pointer);
    return this.#node as unknown as Json;
  }

  patch(): undefined {}

  #methods(): Text {
    const draft = this;
    return {
      get length() {
        draft.#look();
        return draft.#length;
      },
      toString: () => {
        this.#look();
        return this.#now();
      },
      insert: (at: number, string: string) => this.#splice(at, 0, string),
      append: (string: string) => this.#splice(this.#length, 0, string),
      delete: (at: number, count: number) => this.#splice(at, count, ''),
      splice: (at: number, count: number, string = '') => this.#splice(at, count, string),
      mark: (from: number, to: number, name: string, value: Json, options: { expand?: Expand } = {}) => {
        this.#mark('m', from, to, name, ...markOf(this.#pointer, value, options.expand));
      },
      unmark: (from: number, to: number, name: string) => this.#mark('u', from, to, name),
    } as unknown as Text;
  }

  #look(): void {
    this.#scope.check();
    if (this.#tracked) this.#scope.reads.add('v', this.#pointer);
  }

  #now(): string {
    let string = this.#string ?? this.#node.toString();
    for (const [at, deleted, inserted] of this.#splices) string = string.slice(0, at) + inserted + string.slice(at + deleted);
    this.#splices = [];
    return (this.#string = string);
  }

  #splice(at: number, count: number, string: string): void {
    this.#scope.check();
    const splice = this.#checked(at, count, string);
    this.#splices.push(splice);
    this.#length += splice[2].length - splice[1];
    if (splice[1] > 0 || splice[2] !== '') this.#scope.edit(this, this.#alive, () => ['s', this.#pointer, ...splice]);
  }

  #checked(at: number, count: number, string: string): Splice {
    checkSplice(this.#pointer, this.#length, at, count, string);
    const untouched = this.#splices.length === 0 && this.#string === undefined;
    const codeAt = (i: number): number => (untouched ? this.#node.charCodeAt(i) : this.#now().charCodeAt(i));
    const [from, to] = widened(at, at + count, this.#length, codeAt);
    return [from, to - from, string];
  }

  #mark(kind: string, from: number, to: number, name: string, ...rest: Json[]): void {
    this.#scope.check();
    checkRange(this.#pointer, this.#length, from, to);
    checkMarkName(this.#pointer, name);
    this.#scope.edit(this, this.#alive, () => [kind, this.#pointer, from, to, name, ...rest]);
  }
}

export function checkRange(pointer: string, length: number, from: number, to: number): void {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to)) throw new EditError('integer', pointer, `${from}, ${to}`);
  if (from < 0 || to < from || to > length) throw new EditError('range', pointer, `${from} to ${to} of ${length}`);
}

/** Throws where a splice of a text of that length cannot be made. */
export function checkSplice(pointer: string, length: number, at: number, count: number, string: string): void {
  if (!Number.isSafeInteger(at) || !Number.isSafeInteger(count)) throw new EditError('integer', pointer, `${at}, ${count}`);
  if (count < 0) throw new EditError('range', pointer, `${count} units`);
  checkRange(pointer, length, at, at + count);
  if (typeof string !== 'string') throw new ValueError('type', pointer);
  if (!isText(string)) throw new ValueError('text', pointer);
}

/** A range with the whole of the surrogate pairs that it would divide; one of no length gets the pair that it is in. */
export function widened(from: number, to: number, length: number, codeAt: (i: number) => number): readonly [number, number] {
  const divides = (at: number): boolean => at > 0 && at < length && isLow(codeAt(at)) && isHigh(codeAt(at - 1));
  if (from === to) return divides(from) ? [from - 1, from - 1] : [from, to];
  return [divides(from) ? from - 1 : from, divides(to) ? to + 1 : to];
}

/** The value of a mark and how it expands, as the engine takes them. */
export function markOf(pointer: string, value: Json, expand: Expand = 'end'): readonly [Json, number] {
  const json = copyValue(value, pointer, plainly, true);
  const at = expansions[expand];
  if (json === null || at === undefined) throw new EditError('mark', pointer);
  return [json, at];
}

export function checkMarkName(pointer: string, name: string): void {
  if (typeof name !== 'string' || name === '' || !isText(name)) throw new EditError('mark', pointer);
}

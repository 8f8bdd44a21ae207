import { isObject, setMember } from '../src/json';
import type { Building, Json, JsonObject } from '../src/json';
import type { Random } from './random';

/** Few names, so that random paths meet; and the ones that trip implementations up. */
export const names = ['a', 'b', 'c', '__proto__', 'constructor', 'x/y~z', ''];

export function randomObject(random: Random, depth: number): JsonObject {
  const object: Building = {};
  for (const name of names) {
    if (random.below(2) === 0) setMember(object, name, randomValue(random, depth - 1));
  }
  return object;
}

export function randomValue(random: Random, depth: number): Json {
  switch (random.below(depth > 0 ? 6 : 4)) {
    case 0:
      return random.below(3);
    case 1:
      return random.pick(['', 'text', 'ünï', '😀']);
    case 2:
      return random.below(2) === 0;
    case 3:
      return Array.from({ length: random.below(3) }, () => (random.below(4) === 0 ? null : randomValue(random, depth - 1)));
    default:
      return randomObject(random, depth);
  }
}

/** A program that does the same to a draft and to a plain clone: both are just objects to it. */
export type Program = (document: object) => void;

/** A random sequence of writes, deletions, copies and looks; looks decide what is written. */
export function randomProgram(random: Random, steps: number): Program {
  const list = Array.from({ length: 1 + random.below(steps) }, () => randomStep(random));
  return (document) => {
    for (const step of list) step(document as Record<string, unknown>);
  };
}

type Step = (root: Record<string, unknown>) => void;

function randomStep(random: Random): Step {
  const path = randomPath(random);
  const other = randomPath(random);
  const name = random.pick(names);
  const otherName = random.pick(names);
  const value = randomValue(random, 3);
  const index = random.below(3);
  const at = (root: Record<string, unknown>, then: (object: Record<string, unknown>) => void): void => {
    const object = find(root, path);
    if (object) then(object);
  };
  switch (random.below(10)) {
    case 0:
    case 1:
      return (root) => at(root, (object) => put(object, name, value));
    case 2:
      return (root) => at(root, (object) => void delete object[name]);
    case 3: // delete and make again
      return (root) =>
        at(root, (object) => {
          delete object[name];
          put(object, name, value);
        });
    case 4: // copy a part of the document to another place
      return (root) =>
        at(root, (object) => {
          const source = own(find(root, other), otherName);
          if (source !== undefined) put(object, name, source);
        });
    case 5: // write what depends on a value
      return (root) =>
        at(root, (object) => {
          const seen = own(find(root, other), otherName);
          put(object, name, typeof seen === 'number' ? seen + 1 : typeof seen);
        });
    case 6: // write what depends on the names
      return (root) =>
        at(root, (object) => {
          const source = find(root, other);
          put(object, name, source ? Object.keys(source).sort().join() : 'none');
        });
    case 7: // write what depends on whether something is there
      return (root) =>
        at(root, (object) => {
          const source = find(root, other);
          put(object, name, source !== undefined && has(source, otherName));
        });
    case 8: // change an array, and an object in it
      return (root) =>
        at(root, (object) => {
          const array = own(object, name);
          if (!Array.isArray(array)) return;
          const item: unknown = array[index];
          if (isObject(item)) put(item as Record<string, unknown>, 'a', value);
          else if (index === 0) array.push(index, value);
          else array.reverse();
        });
    default: // replace by what it has and one more
      return (root) =>
        at(root, (object) => {
          const old = own(object, name);
          if (isObject(old)) put(object, name, { ...old, more: value });
        });
  }
}

function randomPath(random: Random): string[] {
  return Array.from({ length: random.below(3) }, () => random.pick(names));
}

function find(root: Record<string, unknown>, path: readonly string[]): Record<string, unknown> | undefined {
  let object: unknown = root;
  for (const name of path) object = own(object, name);
  return isObject(object) ? (object as Record<string, unknown>) : undefined;
}

/** A member of a draft or of a clone. */
function own(object: unknown, name: string): unknown {
  return isObject(object) && Object.hasOwn(object, name) ? object[name] : undefined;
}

/** `in` on a draft; a plain clone has inherited members besides its own. */
function has(object: Record<string, unknown>, name: string): boolean {
  return isPlainClone(object) ? Object.hasOwn(object, name) : name in object;
}

/** Assigns a copy, as a draft does; a plain clone would share it. */
function put(object: Record<string, unknown>, name: string, value: unknown): void {
  if (isPlainClone(object)) setMember(object as Building, name, plain(value) as Json);
  else object[name] = value;
}

const clones = new WeakSet<object>();

/** A deep clone that the programs know not to be a draft. */
export function cloneFor(document: JsonObject): Record<string, unknown> {
  return mark(structuredClone(document)) as Record<string, unknown>;
}

function mark(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) {
    clones.add(value);
    for (const part of Object.values(value)) mark(part);
  }
  return value;
}

function isPlainClone(object: object): boolean {
  return clones.has(object);
}

function plain(value: unknown): unknown {
  return mark(structuredClone(value));
}

/** Text that is equal for equal documents, whatever the order of their members. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item as Json)).join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name] as Json)}`);
  return `{${members.join()}}`;
}

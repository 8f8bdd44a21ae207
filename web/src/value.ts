import { ValueError } from './errors';
import { encode, setMember } from './json';
import type { Building, Json } from './json';
import { pointerTo } from './reads';

/** How deep objects and arrays may nest, counted together: jsontext.MaxDepth in Go. */
const maxDepth = 100;

/** Gives the JSON behind a value that is a draft of the running transaction, undefined for any other value. */
export type Unwrap = (value: object) => Json | undefined;

const loneSurrogate = /\p{Surrogate}/u;

/** Whether a string is Unicode text, which one with half of a surrogate pair is not. */
export function isText(string: string): boolean {
  return !loneSurrogate.test(string);
}

/** jsontext.MaxName in Go: how many bytes the JSON text of a member name has, without its quotation marks. */
const maxName = 1024;

export function checkName(name: string, pointer: string): void {
  if (!isText(name)) throw new ValueError('text', pointerTo(pointer, name));
  const mayBeLong = name.length > maxName / 6; // a character is six bytes at most: \u0000
  if (mayBeLong && encode(JSON.stringify(name)).length - 2 > maxName) throw new ValueError('name', pointerTo(pointer, name));
}

/**
 * Checks that a value is JSON that a document can hold at `pointer` and returns a deep copy, so that
 * a later change to what the caller passed changes nothing here. Null is refused as a member and kept
 * inside arrays, which merge patches treat as one value.
 */
export function copyValue(value: unknown, pointer: string, unwrap: Unwrap, inArray = false): Json {
  return copy(value, pointer, unwrap, inArray, new Set(), pointer.split('/').length - 1);
}

function copy(value: unknown, pointer: string, unwrap: Unwrap, inArray: boolean, above: Set<object>, depth: number): Json {
  switch (typeof value) {
    case 'boolean':
      return value;
    case 'string':
      if (!isText(value)) throw new ValueError('text', pointer);
      return value;
    case 'number':
      if (!Number.isFinite(value)) throw new ValueError('number', pointer);
      return value === 0 ? 0 : value; // JSON text has no -0
    case 'undefined':
      throw new ValueError('undefined', pointer);
    case 'object':
      break;
    default:
      throw new ValueError('type', pointer);
  }
  if (value === null) {
    if (!inArray) throw new ValueError('null', pointer);
    return null;
  }
  if (depth >= maxDepth) throw new ValueError('depth', pointer);
  const source: object = unwrapped(value, unwrap);
  if (above.has(source)) throw new ValueError('cycle', pointer);
  above.add(source);
  const result = Array.isArray(source)
    ? copyArray(source, pointer, unwrap, above, depth)
    : copyObject(source, pointer, unwrap, inArray, above, depth);
  above.delete(source);
  return result;
}

function unwrapped(value: object, unwrap: Unwrap): object {
  const json = unwrap(value);
  return typeof json === 'object' && json !== null ? json : value;
}

function copyArray(source: unknown[], pointer: string, unwrap: Unwrap, above: Set<object>, depth: number): Json {
  const result: Json[] = [];
  for (let i = 0; i < source.length; i++) {
    const at = pointerTo(pointer, String(i));
    if (!Object.hasOwn(source, i)) throw new ValueError('hole', at);
    result.push(copy(source[i], at, unwrap, true, above, depth + 1));
  }
  return result;
}

function copyObject(source: object, pointer: string, unwrap: Unwrap, inArray: boolean, above: Set<object>, depth: number): Json {
  if (!isPlain(source) || Object.getOwnPropertySymbols(source).length > 0) throw new ValueError('type', pointer);
  const result: Building = {};
  for (const [name, value] of Object.entries(source)) {
    checkName(name, pointer);
    setMember(result, name, copy(value, pointerTo(pointer, name), unwrap, inArray, above, depth + 1));
  }
  return result;
}

/** Made by a literal, by JSON.parse or by Object.create(null), in any realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'hasOwnProperty'));
}

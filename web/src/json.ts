import { TextNode } from './textnode';

/** A JSON value as the mirror holds it. Nothing in it is ever changed in place. */
export type Json = JsonScalar | JsonArray | JsonObject;
export type JsonScalar = string | number | boolean | null;
export type JsonArray = readonly Json[];
export interface JsonObject {
  readonly [name: string]: Json;
}

/** A JSON object that its only owner is still building. */
export type Building = Record<string, Json>;

/** Whether a value is an object of members. A text in the mirror is none. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof TextNode);
}

/** The member of that name; never something inherited. */
export function member(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** Sets a member, whatever its name: `object['__proto__'] = value` would replace the prototype. */
export function setMember(object: Building, name: string, value: Json): void {
  if (name === '__proto__') {
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  } else {
    object[name] = value;
  }
}

/** A shallow copy. On objects of thousands of members this is several times faster than `{ ...object }`. */
export function copyOf(object: JsonObject): Building {
  const copy: Building = {};
  for (const name of Object.keys(object)) setMember(copy, name, object[name] as Json);
  return copy;
}

export function equal(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item as Json, b[i] as Json));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && equal(a[name] as Json, b[name] as Json))
  );
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export function encode(text: string): Uint8Array {
  return encoder.encode(text);
}

export function decode(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Reads the text of a JSON object; throws a SyntaxError or TypeError on anything else. */
export function parseObject(text: string): JsonObject {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw new TypeError('the JSON text is not an object');
  return value;
}

import { ListValue, TextValue } from './collections';
import { ValueError } from './errors';
import { encode, isObject, member, setMember } from './json';
import type { Building, Json } from './json';
import { isList, itemsOf } from './mirror';
import { pointerTo } from './reads';
import { newText, orderKeys, tagName, TextNode } from './textnode';

/** How deep objects and arrays may nest, counted together: jsontext.MaxDepth in Go. */
const maxDepth = 100;

/** What a copy is made for. */
export interface Copying {
  /** The JSON behind a value that is a draft of the running transaction, undefined for any other value. */
  unwrap(value: object): Json | undefined;
  /** The id of a new item of a list. */
  newID(): string;
}

/** For values that are in no document: there are no drafts among them. */
export const plainly: Copying = { unwrap: () => undefined, newID };

/** 72 random bits. */
export function newID(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_');
}

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
export function copyValue(value: unknown, pointer: string, to: Copying, inArray = false): Json {
  return copy(value, pointer, to, inArray, new Set(), pointer.split('/').length - 1);
}

function copy(value: unknown, pointer: string, to: Copying, inArray: boolean, above: Set<object>, depth: number): Json {
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
  const source: object = unwrapped(value, to);
  if (above.has(source)) throw new ValueError('cycle', pointer);
  if (inArray && isCollection(source, value)) throw new ValueError('collection', pointer);
  if (source instanceof TextNode) return source.toJSON();
  if (source instanceof TextValue) {
    if (!isText(source.string)) throw new ValueError('text', pointer);
    return newText(source.string);
  }
  above.add(source);
  let result: Json;
  if (source instanceof ListValue) result = copyList(source, pointer, to, above, depth);
  else if (Array.isArray(source)) result = copyArray(source, pointer, to, above, depth);
  else result = copyObject(source, pointer, to, inArray, above, depth);
  above.delete(source);
  return result;
}

/** Whether a copy that copyValue has made still says the same as its source. Drafts in it went their own way, and may. */
export function isCopyOf(copy: Json | undefined, source: unknown, drafts: { isKnown(value: object): boolean }): boolean {
  if (typeof source !== 'object' || source === null) return source === copy;
  if (drafts.isKnown(source) || source instanceof TextNode || source instanceof TextValue) return true;
  if (Array.isArray(source)) {
    return Array.isArray(copy) && copy.length === source.length && source.every((item, i) => isCopyOf(copy[i] as Json, item, drafts));
  }
  if (!isObject(copy)) return false;
  if (source instanceof ListValue) {
    const items = itemsOf(copy);
    return source.items.every((item, i) => isCopyOf(items[i]?.value, item, drafts));
  }
  const entries = Object.entries(source);
  return entries.length === Object.keys(copy).length && entries.every(([name, value]) => isCopyOf(member(copy, name), value, drafts));
}

/** A text or a list; an object that only looks like one, in an array, is plain JSON. */
function isCollection(source: object, value: object): boolean {
  return source instanceof TextNode || source instanceof TextValue || source instanceof ListValue || (source !== value && isList(source));
}

function unwrapped(value: object, to: Copying): object {
  const json = to.unwrap(value);
  return typeof json === 'object' && json !== null ? json : value;
}

function copyArray(source: unknown[], pointer: string, to: Copying, above: Set<object>, depth: number): Json {
  const result: Json[] = [];
  for (let i = 0; i < source.length; i++) {
    const at = pointerTo(pointer, String(i));
    if (!Object.hasOwn(source, i)) throw new ValueError('hole', at);
    result.push(copy(source[i], at, to, true, above, depth + 1));
  }
  return result;
}

function copyList({ items }: ListValue, pointer: string, to: Copying, above: Set<object>, depth: number): Json {
  const list: Building = { [tagName]: 'list' };
  const keys = orderKeys(items.length);
  if (keys.length < items.length) throw new ValueError('size', pointer);
  items.forEach((item, i) => {
    const value = item === null ? null : copy(item, pointerTo(pointer, String(i)), to, false, above, depth + 2);
    const o = keys[i] as string;
    setMember(list, to.newID(), value === null ? { o } : { o, v: value });
  });
  return list;
}

function copyObject(source: object, pointer: string, to: Copying, inArray: boolean, above: Set<object>, depth: number): Json {
  if (!isPlain(source) || Object.getOwnPropertySymbols(source).length > 0) throw new ValueError('type', pointer);
  const result: Building = {};
  for (const [name, value] of Object.entries(source)) {
    checkName(name, pointer);
    setMember(result, name, copy(value, pointerTo(pointer, name), to, inArray, above, depth + 1));
  }
  return result;
}

/** Made by a literal, by JSON.parse or by Object.create(null), in any realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'hasOwnProperty'));
}

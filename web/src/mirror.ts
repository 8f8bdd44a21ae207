import { isObject, member, setMember } from './json';
import type { Building, Json, JsonObject } from './json';
import { tagName, TextNode } from './textnode';

/*
 * The mirror is the JSON of the document, with one difference: where an object has the tag of a text there is a
 * TextNode. It passes for Json, which isObject tells apart. Readers get the view of it: texts as strings, lists as arrays.
 */

/** The longest order key: orderkey.MaxLen in Go. */
const validOrder = /^(?=.{1,24}$)[0-9A-Z_a-z]*[1-9A-Z_a-z](-[0-9A-Z_a-z]*[1-9A-Z_a-z])*$/;

/** A text in the mirror; undefined for anything else. */
export function textIn(value: unknown): TextNode | undefined {
  return value instanceof TextNode ? value : undefined;
}

export function isList(value: unknown): value is JsonObject {
  return isObject(value) && member(value, tagName) === 'list';
}

/** JSON as the mirror holds it. What has no text in it is returned itself. */
export function toMirror<T extends Json>(json: T): T {
  return mirrored(json) as T;
}

function mirrored(json: Json): Json {
  if (!isObject(json)) return json;
  if (member(json, tagName) === 'text') return TextNode.of(json) as unknown as Json;
  let result: Building | undefined;
  for (const name of Object.keys(json)) {
    const value = json[name] as Json;
    if (typeof value !== 'object') continue;
    const now = mirrored(value);
    if (now === value) continue;
    if (!result) {
      result = {};
      for (const other of Object.keys(json)) setMember(result, other, json[other] as Json);
    }
    setMember(result, name, now);
  }
  return result ?? json;
}

export interface Item {
  readonly id: string;
  /** '~' when it is malformed: then it is behind all others. */
  readonly order: string;
  readonly value: Json;
}

const orders = new WeakMap<object, readonly Item[]>();

/** The items of a list in order. */
export function itemsOf(list: JsonObject): readonly Item[] {
  let items = orders.get(list);
  if (!items) {
    items = Object.keys(list)
      .filter((id) => id !== tagName)
      .map((id) => itemOf(id, list[id] as Json))
      .sort(compare);
    orders.set(list, items);
  }
  return items;
}

const keys = new WeakMap<object, readonly string[]>();

/** The ids of the items of a list in order: the same array as long as that is the same list. */
export function keysOf(list: JsonObject): readonly string[] {
  let ids = keys.get(list);
  if (!ids) keys.set(list, (ids = itemsOf(list).map(({ id }) => id)));
  return ids;
}

function itemOf(id: string, raw: Json): Item {
  const order = isObject(raw) ? member(raw, 'o') : undefined;
  if (typeof order !== 'string' || !validOrder.test(order)) return { id, order: '~', value: raw };
  return { id, order, value: member(raw as JsonObject, 'v') ?? null };
}

function compare(a: Item, b: Item): number {
  if (a.order !== b.order) return a.order < b.order ? -1 : 1;
  return compareNames(a.id, b.id);
}

/** The order of the UTF-8 of two names, which that of UTF-16 is not. */
function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return x >= 0xd800 && y >= 0xd800 ? rank(x) - rank(y) : x - y;
  }
  return a.length - b.length;
}

/** Halves of surrogate pairs are beyond U+FFFF. */
function rank(unit: number): number {
  return unit < 0xe000 ? unit + 0x10000 : unit;
}

/** Keeps the order of a list through a change of some of its items. `before` may be `after`, changed in place. */
export function carryOrder(before: JsonObject, after: JsonObject, changed: readonly string[]): void {
  const old = orders.get(before);
  if (!old) return;
  orders.delete(after);
  if (!isList(after) || changed.length > 16) return;
  const names = new Set(changed);
  const items = old.filter(({ id }) => !names.has(id));
  for (const id of names) {
    const raw = id === tagName ? undefined : member(after, id);
    if (raw === undefined) continue;
    const item = itemOf(id, raw);
    let low = 0;
    let high = items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(items[middle] as Item, item) < 0) low = middle + 1;
      else high = middle;
    }
    items.splice(low, 0, item);
  }
  orders.set(after, items);
}

const views = new WeakMap<object, Json>();

/**
 * What readers see of a part of the mirror. The same part gives the same object, and one without texts and
 * lists in it is its own view. The string of a text is made when it is looked at.
 */
export function viewOf(part: Json): Json {
  const text = textIn(part);
  if (text) return text.toString();
  if (!isObject(part)) return part;
  let view = views.get(part);
  if (view === undefined) views.set(part, (view = isList(part) ? arrayOf(part) : objectOf(part)));
  return view;
}

function arrayOf(list: JsonObject): Json {
  return itemsOf(list).map(({ value }) => viewOf(value));
}

function objectOf(part: JsonObject): JsonObject {
  let view: Building | undefined;
  for (const name of Object.keys(part)) {
    const value = part[name] as Json;
    if (typeof value !== 'object' || value === null) continue;
    const text = textIn(value);
    const now = text ? undefined : viewOf(value);
    if (now === value) continue;
    if (!view) {
      view = {};
      for (const other of Object.keys(part)) setMember(view, other, part[other] as Json);
    }
    if (text) Object.defineProperty(view, name, { get: () => text.toString(), enumerable: true, configurable: true });
    else setMember(view, name, now as Json);
  }
  return view ?? part;
}

/** The part of the mirror at a place, by the names of members. */
export function partAt(root: JsonObject, names: readonly string[]): Json | undefined {
  let part: Json | undefined = root;
  for (const name of names) part = isObject(part) ? member(part, name) : undefined;
  return part;
}

/** A step on a path: the name of a member, or the index of an item. */
export type Step = string | number;

/** The place of a path, by the names of members. An index of a list stands for the item that is there now. */
export function namesOf(root: JsonObject, path: readonly Step[]): string[] | undefined {
  let part: Json | undefined = root;
  const names: string[] = [];
  for (const step of path) {
    if (isList(part)) {
      const item: Item | undefined = itemsOf(part)[Number(step)];
      if (!item) return undefined;
      names.push(item.id);
      if (item.order !== '~') names.push('v');
      part = item.value;
    } else {
      names.push(String(step));
      part = isObject(part) ? member(part, String(step)) : undefined;
    }
  }
  return names;
}

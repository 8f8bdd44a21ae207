import { copyOf, equal, isObject, member, setMember } from './json';
import type { Building, Json, JsonObject } from './json';
import { carryOrder, isList, textIn, toMirror } from './mirror';
import { tagName } from './textnode';

/**
 * Applies an RFC 7386 merge patch to a mirror and returns the new document. What the patch does not change is
 * shared with `before`: when nothing changes the result is `before` itself. Takes over `patch`.
 *
 * `own` holds the copies that earlier patches made and that nobody has seen yet: they are changed in
 * place, so that a batch of patches copies an object once.
 */
export function applyPatch(before: JsonObject, patch: JsonObject, own?: WeakSet<object>): JsonObject {
  let after: Building | undefined;
  const writable = (): Building => {
    if (own?.has(before)) return before as Building;
    const copy = copyOf(before);
    own?.add(copy);
    return copy;
  };
  for (const name of Object.keys(patch)) {
    const change = patch[name] as Json;
    const old = member(before, name);
    if (change === null) {
      if (old === undefined) continue;
      after ??= writable();
      delete after[name];
      continue;
    }
    const value = isObject(change) ? merged(old, change, own) : change;
    if (old !== undefined && (old === value || (Array.isArray(value) && equal(old, value)))) continue;
    after ??= writable();
    setMember(after, name, value);
  }
  // What is changed in place below does not show here.
  if ((after || own?.has(before)) && isList(before)) carryOrder(before, after ?? before, Object.keys(patch));
  return after ?? before;
}

/** What becomes of a value by merging an object into it. */
function merged(old: Json | undefined, change: JsonObject, own?: WeakSet<object>): Json {
  const text = textIn(old);
  if (text) {
    const tag = member(change, tagName);
    if (tag !== undefined && tag !== 'text') return toMirror(applyPatch(text.toJSON(), change)); // it is none any more
    const members = Object.keys(change).filter((name) => name !== tagName);
    return text.with(members.map((name) => [name, memberOf(text.get(name), change[name] as Json)])) as unknown as Json;
  }
  if (!isObject(old)) return toMirror(withoutNulls(change));
  const now = applyPatch(old, change, own);
  return member(change, tagName) === 'text' ? toMirror(now) : now;
}

/** A member of a text after a change; undefined when that deletes it. */
function memberOf(old: Json | undefined, change: Json): Json | undefined {
  if (change === null) return undefined;
  if (old !== undefined && Array.isArray(change) && equal(old, change)) return old;
  if (!isObject(change)) return change;
  return isObject(old) ? applyPatch(old, change) : withoutNulls(change);
}

/**
 * Returns `after` with the equal parts of `before` in place of its own, so that a document that was
 * read anew keeps the identity of what is the same in it. Takes over `after`.
 */
export function share(before: Json | undefined, after: Json): Json {
  if (before === after || before === undefined) return after;
  const text = textIn(after);
  if (text) return textIn(before)?.equals(text) ? before : after;
  if (Array.isArray(after)) return equal(before, after) ? before : after;
  if (!isObject(after) || !isObject(before)) return after;
  let same = true;
  const shared: Building = {};
  const names = Object.keys(after);
  for (const name of names) {
    const old = member(before, name);
    const value = share(old, after[name] as Json);
    same &&= value === old;
    setMember(shared, name, value);
  }
  return same && names.length === Object.keys(before).length ? before : shared;
}

/** What merging the patch into nothing gives: the patch without the members that delete. */
function withoutNulls(patch: JsonObject): JsonObject {
  let clean: Building | undefined;
  for (const name of Object.keys(patch)) {
    const value = patch[name] as Json;
    const kept = isObject(value) ? withoutNulls(value) : value;
    if (kept === value && kept !== null) continue;
    clean ??= copyOf(patch);
    if (kept === null) delete clean[name];
    else setMember(clean, name, kept);
  }
  return clean ?? patch;
}

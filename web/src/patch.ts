import { copyOf, equal, isObject, member, setMember } from './json';
import type { Building, Json, JsonObject } from './json';

/**
 * Applies an RFC 7386 merge patch and returns the new document. What the patch does not change is
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
    const value = isObject(change) ? (isObject(old) ? applyPatch(old, change, own) : withoutNulls(change)) : change;
    if (old !== undefined && (old === value || (Array.isArray(value) && equal(old, value)))) continue;
    after ??= writable();
    setMember(after, name, value);
  }
  return after ?? before;
}

/**
 * Returns `after` with the equal parts of `before` in place of its own, so that a document that was
 * read anew keeps the identity of what is the same in it. Takes over `after`.
 */
export function share(before: Json | undefined, after: Json): Json {
  if (before === after || before === undefined) return after;
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

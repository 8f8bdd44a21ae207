import { equal, isObject, member } from '../src/json';
import type { Json, JsonObject } from '../src/json';
import { pointerTo } from '../src/reads';

/** What a patch did to a document, as Go's shared/delta tells it. */
interface Write {
  readonly kind: 'value' | 'member';
  readonly pointer: string;
}

export function writesOf(before: JsonObject, patch: JsonObject, at = ''): Write[] {
  return Object.keys(patch).flatMap((name): Write[] => {
    const pointer = pointerTo(at, name);
    const old = member(before, name);
    const value = patch[name] as Json;
    if (value === null) return old === undefined ? [] : [{ kind: 'member', pointer }];
    if (old === undefined) return [{ kind: 'member', pointer }];
    if (isObject(value) && isObject(old)) return writesOf(old, value, pointer);
    return equal(old, value) ? [] : [{ kind: 'value', pointer }];
  });
}

/** Whether a transaction with these reads has to run again after the writes (law L8). */
export function conflicts(reads: readonly string[], writes: readonly Write[]): boolean {
  return writes.some((write) => reads.some((read) => invalidates(write, read)));
}

function invalidates({ kind, pointer }: Write, read: string): boolean {
  const at = read.slice(1);
  if (contains(pointer, at)) return true;
  if (read.startsWith('v')) return contains(at, pointer);
  return read.startsWith('m') && kind === 'member' && pointer.slice(0, pointer.lastIndexOf('/')) === at;
}

function contains(above: string, below: string): boolean {
  return below === above || below.startsWith(`${above}/`);
}

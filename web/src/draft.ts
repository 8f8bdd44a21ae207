import { hasCounters } from './collections';
import type { Collection, CounterDraft } from './collections';
import { EditError } from './errors';
import { copyOf, isObject, member, setMember } from './json';
import type { Building, Json, JsonArray, JsonObject, JsonScalar } from './json';
import { ListDraft } from './listdraft';
import { isList, textIn, toMirror } from './mirror';
import { applyPatch } from './patch';
import { pointerTo } from './reads';
import type { Reads } from './reads';
import { isDraft, partJSON, Scope, shown } from './scope';
import type { Alive, Known, Part, PartDraft } from './scope';
import { TextDraft } from './textdraft';
import { checkName, copyValue, isText, plainly } from './value';

/** T as a transaction may write it. */
export type Draft<T> = T extends JsonScalar | undefined | Collection ? T : { -readonly [K in keyof T]: Draft<T[K]> };

/** What a transaction did: one merge patch, what it depended on, and the document then. */
export interface Transaction {
  /** JSON text of the merge patch. */
  readonly delta: string;
  readonly reads: readonly string[];
  /** JSON text of the edits of texts, lists and counters, which come behind the patch; '' when there are none. */
  readonly edits: string;
  /** The document with the patch: `before` itself when that has no effect, and where there are edits, which the engine makes. */
  readonly after: JsonObject;
}

/** A document that a function is run on. */
export interface Subject {
  readonly before: JsonObject;
  /** Those of new items of lists; it is filled up, and a function that runs again gets the same. */
  readonly ids: string[];
}

/**
 * Runs a function on a draft of a document. `before` is not changed; when the function throws,
 * nothing has happened. A draft cannot be used after its function returned.
 */
export function transact(before: JsonObject, run: (draft: object) => unknown, ids: string[] = []): Transaction {
  return transactAll([{ before, ids }], (drafts) => {
    if (isThenable(run(drafts[0] as object))) throw new TypeError('the function of an update must not be async');
  })[0] as Transaction;
}

/** Runs a function on drafts of several documents, as transact. */
export function transactAll(subjects: readonly Subject[], run: (drafts: object[]) => void): Transaction[] {
  const known: Known = new WeakMap();
  const all = subjects.map(({ before, ids }) => {
    const scope = new Scope(ids, known);
    return { before, scope, root: new ObjectDraft(scope, '', before, true, () => true) };
  });
  try {
    run(all.map(({ root }) => root.proxy));
    for (const { scope } of all) scope.checkAssigned();
    return all.map(({ before, scope, root }) => {
      const patch = root.patch() ?? {};
      const delta = JSON.stringify(patch);
      const edits = scope.edits();
      return {
        delta,
        reads: scope.reads.list(),
        edits: edits.length === 0 ? '' : JSON.stringify(edits),
        after: edits.length === 0 ? applyPatch(before, patch) : before,
      };
    });
  } finally {
    for (const { scope } of all) scope.end();
  }
}

export function isThenable(result: unknown): boolean {
  return isObject(result) && 'then' in result && typeof result['then'] === 'function';
}

/** A member that the transaction wrote (`part` undefined: deleted) or stepped into. */
interface Touched {
  readonly written: boolean;
  readonly part: Part | undefined;
}

/**
 * An object in a transaction. Tracked: the object that the document has at `pointer`, so that looks
 * at it are reads. Not tracked: one that the transaction itself put there.
 */
class ObjectDraft implements PartDraft {
  readonly proxy: object;
  readonly #scope: Scope;
  readonly #pointer: string;
  readonly #content: JsonObject;
  readonly #tracked: boolean;
  readonly #alive: Alive;
  readonly #touched = new Map<string, Touched>();
  /** What the transaction adds to counters of the document. */
  readonly #added = new Map<string, number>();

  constructor(scope: Scope, pointer: string, content: JsonObject, tracked: boolean, alive: Alive) {
    this.#scope = scope;
    this.#pointer = pointer;
    this.#content = content;
    this.#tracked = tracked;
    this.#alive = alive;
    const snapshot = (): Json => {
      this.#read('v', this.#pointer);
      return this.json();
    };
    this.proxy = scope.register(new Proxy({}, this.#traps()), snapshot);
    hasCounters(this.proxy, (name) => this.#counter(name));
  }

  /** The object as it is now. */
  json(): JsonObject {
    let result: Building | undefined;
    for (const [name, { part }] of this.#touched) {
      const value = partJSON(part);
      if (value === member(this.#content, name)) continue;
      result ??= copyOf(this.#content);
      if (value === undefined) delete result[name];
      else setMember(result, name, value);
    }
    for (const name of this.#added.keys()) setMember((result ??= copyOf(this.#content)), name, this.#sum(name));
    return result ?? this.#content;
  }

  /** The merge patch from the document's object to this one, undefined when nothing was written. */
  patch(): JsonObject | undefined {
    let patch: Building | undefined;
    for (const [name, touched] of this.#touched) {
      const change = this.#change(name, touched);
      if (change !== undefined) setMember((patch ??= {}), name, change);
    }
    if (patch) this.#read('e', this.#pointer);
    return patch;
  }

  #change(name: string, { written, part }: Touched): Json | undefined {
    if (!written) return isDraft(part) ? part.patch() : undefined;
    const at = pointerTo(this.#pointer, name);
    const old = member(this.#content, name);
    const now = partJSON(part);
    const object = objectIn(now);
    if (object) return replacement(this.#scope.reads, at, old, object);
    this.#scope.reads.addSubtree(old, at);
    return now ?? null;
  }

  #read(kind: 'v' | 'e' | 'm', pointer: string): void {
    if (this.#tracked) this.#scope.reads.add(kind, pointer);
  }

  /** Finds a member, records the look at it, and makes a draft of it when it is not a scalar. */
  #step(name: string): Part | undefined {
    this.#scope.check();
    const touched = this.#touched.get(name);
    if (touched) return touched.part;
    if (!isText(name)) return undefined; // no document has such a member: that is nothing to depend on
    const at = pointerTo(this.#pointer, name);
    const value = member(this.#content, name);
    this.#read(isObject(value) || textIn(value) ? 'e' : 'v', at);
    if (typeof value !== 'object' || value === null) return this.#added.has(name) ? this.#sum(name) : value;
    const part = this.#draftOf(value, at, this.#tracked, name);
    this.#touched.set(name, { written: false, part });
    return part;
  }

  #draftOf(value: Json, at: string, tracked: boolean, name: string): Part {
    const alive: Alive = () => this.#touched.get(name)?.part === part && this.#alive();
    const part = partOf(this.#scope, value, at, tracked, alive);
    return part;
  }

  /** What a counter is by now. */
  #sum(name: string): number {
    const touched = this.#touched.get(name);
    const value = touched ? (touched.part ?? 0) : (member(this.#content, name) ?? 0);
    const sum = typeof value === 'number' && Number.isSafeInteger(value) ? value + (this.#added.get(name) ?? 0) : NaN;
    if (!Number.isSafeInteger(sum)) throw new EditError('no_counter', pointerTo(this.#pointer, name));
    return sum;
  }

  #counter(name: string): CounterDraft {
    this.#scope.check();
    checkName(name, this.#pointer);
    const at = pointerTo(this.#pointer, name);
    const look = (): number => {
      this.#scope.check();
      if (!this.#touched.has(name)) this.#read('v', at);
      return this.#sum(name);
    };
    return {
      get value() {
        return look();
      },
      add: (n) => this.#add(name, at, n),
    };
  }

  #add(name: string, at: string, n: number): void {
    this.#scope.check();
    if (!Number.isSafeInteger(n)) throw new EditError('integer', at, String(n));
    const sum = this.#sum(name) + n;
    if (!Number.isSafeInteger(sum)) throw new EditError('no_counter', at);
    if (!this.#tracked || this.#touched.has(name)) {
      this.#touched.set(name, { written: true, part: sum }); // it is the transaction's own
      return;
    }
    this.#added.set(name, (this.#added.get(name) ?? 0) + n);
    this.#scope.edit(this, () => !this.#touched.has(name) && this.#alive(), () => ['+', at, n]);
  }

  #write(name: string, value: unknown): void {
    this.#scope.check();
    const now = this.#touched.get(name)?.part;
    if (isDraft(now) && now.proxy === value) return; // draft.list = draft.list.sort()
    const at = pointerTo(this.#pointer, name);
    checkName(name, this.#pointer);
    const json = copyValue(value, at, this.#scope);
    const part = this.#draftOf(toMirror(json), at, false, name);
    this.#touched.set(name, { written: true, part });
    this.#added.delete(name);
    this.#scope.assigned(value, json, at, () => this.#touched.get(name)?.part === part && this.#alive());
  }

  #names(): string[] {
    this.#scope.check();
    this.#read('m', this.#pointer);
    const names = Object.keys(this.#content).filter((name) => this.#touched.get(name)?.part !== undefined || !this.#touched.has(name));
    for (const [name, { part }] of this.#touched) {
      if (part !== undefined && !Object.hasOwn(this.#content, name)) names.push(name);
    }
    for (const name of this.#added.keys()) if (!Object.hasOwn(this.#content, name)) names.push(name);
    return names;
  }

  /** The names are known to the transaction once it listed them: to look for one adds no read then. */
  #has(name: string): boolean {
    this.#scope.check();
    const touched = this.#touched.get(name);
    if (touched) return touched.part !== undefined;
    if (this.#added.has(name)) return true;
    if (this.#scope.reads.has('m', this.#pointer)) return Object.hasOwn(this.#content, name);
    return this.#step(name) !== undefined;
  }

  #traps(): ProxyHandler<object> {
    return {
      get: (_, name) => (typeof name === 'symbol' ? undefined : shown(this.#step(name))),
      set: (_, name, value: unknown) => {
        if (typeof name === 'symbol') return false;
        this.#write(name, value);
        return true;
      },
      deleteProperty: (_, name) => {
        if (typeof name === 'symbol') return true;
        this.#scope.check();
        checkName(name, this.#pointer);
        this.#touched.set(name, { written: true, part: undefined });
        this.#added.delete(name);
        return true;
      },
      has: (_, name) => typeof name === 'string' && this.#has(name),
      ownKeys: () => this.#names(),
      getOwnPropertyDescriptor: (_, name) => {
        if (typeof name === 'symbol' || !this.#has(name)) return undefined;
        // An accessor, so that Object.keys does not count as a read of every value.
        return { get: () => shown(this.#step(name)), enumerable: true, configurable: true };
      },
      defineProperty: () => false,
      setPrototypeOf: () => false,
      preventExtensions: () => false,
    };
  }
}

/**
 * An array in a transaction. To a merge patch it is one value: whatever is changed in it or below,
 * the whole array is written once.
 */
class ArrayDraft implements PartDraft {
  readonly proxy: object;
  readonly #scope: Scope;
  readonly #pointer: string;
  readonly #content: JsonArray;
  readonly #alive: Alive;
  readonly #copy: unknown[];
  readonly #proxies = new Map<object, object>();
  readonly #sources = new WeakMap<object, object>();
  #changed = false;

  constructor(scope: Scope, pointer: string, content: JsonArray, alive: Alive) {
    this.#scope = scope;
    this.#pointer = pointer;
    this.#content = content;
    this.#alive = alive;
    this.#copy = structuredClone(content) as unknown[];
    this.proxy = this.#proxyOf(this.#copy);
  }

  patch(): JsonArray | undefined {
    return this.#changed ? this.json() : undefined;
  }

  json(): JsonArray {
    if (!this.#changed) return this.#content;
    return copyValue(this.#copy, this.#pointer, plainly) as JsonArray;
  }

  #proxyOf(source: object): object {
    let proxy = this.#proxies.get(source);
    if (!proxy) {
      proxy = this.#scope.register(new Proxy(source, this.#traps()), () => source as Json);
      this.#proxies.set(source, proxy);
      this.#sources.set(proxy, source);
    }
    return proxy;
  }

  #traps(): ProxyHandler<object> {
    return {
      get: (target, name) => {
        this.#scope.check();
        const value: unknown = Reflect.get(target, name);
        if (!Object.hasOwn(target, name)) return typeof value === 'function' ? value : undefined;
        return typeof value === 'object' && value !== null ? this.#proxyOf(value) : value;
      },
      set: (target, name, value: unknown) => {
        this.#scope.check();
        if (typeof name === 'symbol' || (Array.isArray(target) && !isIndex(name) && name !== 'length')) return false;
        this.#changed = true;
        if (name === 'length') return Reflect.set(target, name, value);
        // An item that only moves within the array stays the same object.
        const moved = typeof value === 'object' && value !== null ? this.#sources.get(value) : undefined;
        if (moved) {
          setMember(target as Building, name, moved as Json);
          return true;
        }
        const at = pointerTo(this.#pointer, name);
        const item = copyValue(value, at, this.#scope, true);
        setMember(target as Building, name, item);
        if (typeof item !== 'object') return true;
        // The item is what the function changes, so the value is compared with a copy of its own.
        this.#scope.assigned(value, structuredClone(item), at, () => Object.values(target).includes(item) && this.#alive());
        return true;
      },
      deleteProperty: (target, name) => {
        this.#scope.check();
        this.#changed = true;
        return Reflect.deleteProperty(target, name);
      },
      defineProperty: () => false,
      setPrototypeOf: () => false,
      preventExtensions: () => false,
    };
  }
}

function isIndex(name: string): boolean {
  return /^(0|[1-9][0-9]*)$/.test(name);
}

/** The object that a value is in the document, which a text is too. */
function objectIn(value: Json | undefined): JsonObject | undefined {
  return textIn(value)?.toJSON() ?? (isObject(value) ? value : undefined);
}

/** The part of a transaction for a value of a mirror. */
function partOf(scope: Scope, value: Json, at: string, tracked: boolean, alive: Alive): Part {
  if (typeof value !== 'object' || value === null) return value;
  const text = textIn(value);
  if (text) return new TextDraft(scope, at, text, tracked, alive);
  if (!isObject(value)) return new ArrayDraft(scope, at, value as JsonArray, alive);
  if (!isList(value)) return new ObjectDraft(scope, at, value, tracked, alive);
  return new ListDraft(scope, at, value, tracked, alive, (...part) => partOf(scope, ...part));
}

/**
 * The patch that puts `value` in the place of `old` at the pointer. Patches merge, so it deletes by
 * name what only `old` has, and depends on the members of every object in `old`: one that somebody
 * adds at the same time would survive.
 */
function replacement(reads: Reads, at: string, before: Json | undefined, value: JsonObject): JsonObject {
  const old = objectIn(before);
  if (!old) {
    reads.add('v', at);
    return value;
  }
  reads.add('m', at);
  const patch: Building = {};
  for (const name of Object.keys(value)) {
    const below = pointerTo(at, name);
    const part = value[name] as Json;
    const object = objectIn(part);
    const oldPart = member(old, name);
    if (!object) reads.addSubtree(oldPart, below);
    setMember(patch, name, object && oldPart !== undefined ? replacement(reads, below, oldPart, object) : part);
  }
  for (const name of Object.keys(old)) {
    if (Object.hasOwn(value, name)) continue;
    reads.addSubtree(old[name], pointerTo(at, name));
    setMember(patch, name, null);
  }
  return patch;
}

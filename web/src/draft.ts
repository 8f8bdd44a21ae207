import { copyOf, isObject, member, setMember } from './json';
import type { Building, Json, JsonArray, JsonObject, JsonScalar } from './json';
import { applyPatch } from './patch';
import { pointerTo, Reads } from './reads';
import { checkName, copyValue, isText } from './value';

/** T as a transaction may write it. */
export type Draft<T> = T extends JsonScalar | undefined ? T : { -readonly [K in keyof T]: Draft<T[K]> };

/** What a transaction did: one merge patch, what it depended on, and the document with the patch. */
export interface Transaction {
  /** JSON text of the merge patch. */
  readonly delta: string;
  readonly reads: readonly string[];
  /** `before` itself when the patch has no effect. */
  readonly after: JsonObject;
}

/**
 * Runs a function on a draft of a document. `before` is not changed; when the function throws,
 * nothing has happened. A draft cannot be used after its function returned.
 */
export function transact(before: JsonObject, run: (draft: object) => unknown): Transaction {
  const scope = new Scope();
  try {
    const root = new ObjectDraft(scope, '', before, true);
    const result = run(root.proxy);
    if (isObject(result) && 'then' in result && typeof result['then'] === 'function') {
      throw new TypeError('the function of an update must not be async');
    }
    const patch = root.patch() ?? {};
    const delta = JSON.stringify(patch);
    return { delta, reads: scope.reads.list(), after: applyPatch(before, patch) };
  } finally {
    scope.end();
  }
}

/** What the drafts of one transaction share. */
class Scope {
  readonly reads = new Reads();
  readonly #jsonOf = new WeakMap<object, () => Json>();
  #open = true;

  end(): void {
    this.#open = false;
  }

  check(): void {
    if (!this.#open) throw new TypeError('a draft was used after its update');
  }

  /** Makes a proxy known, so that a draft can be assigned to another place. */
  register<T extends object>(proxy: T, json: () => Json): T {
    this.#jsonOf.set(proxy, json);
    return proxy;
  }

  readonly unwrap = (value: object): Json | undefined => this.#jsonOf.get(value)?.();
}

type Part = JsonScalar | ObjectDraft | ArrayDraft;

/** A member that the transaction wrote (`part` undefined: deleted) or stepped into. */
interface Touched {
  readonly written: boolean;
  readonly part: Part | undefined;
}

/**
 * An object in a transaction. Tracked: the object that the document has at `pointer`, so that looks
 * at it are reads. Not tracked: one that the transaction itself put there.
 */
class ObjectDraft {
  readonly proxy: object;
  readonly #scope: Scope;
  readonly #pointer: string;
  readonly #content: JsonObject;
  readonly #tracked: boolean;
  readonly #touched = new Map<string, Touched>();

  constructor(scope: Scope, pointer: string, content: JsonObject, tracked: boolean) {
    this.#scope = scope;
    this.#pointer = pointer;
    this.#content = content;
    this.#tracked = tracked;
    const snapshot = (): Json => {
      this.#read('v', this.#pointer);
      return this.json();
    };
    this.proxy = scope.register(new Proxy({}, this.#traps()), snapshot);
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
    if (!written) {
      if (part instanceof ObjectDraft) return part.patch();
      return part instanceof ArrayDraft && part.changed ? part.json() : undefined;
    }
    const at = pointerTo(this.#pointer, name);
    const old = member(this.#content, name);
    if (part instanceof ObjectDraft) return replacement(this.#scope.reads, at, old, part.json());
    this.#scope.reads.addSubtree(old, at);
    return partJSON(part) ?? null;
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
    this.#read(isObject(value) ? 'e' : 'v', at);
    if (typeof value !== 'object' || value === null) return value;
    const part = this.#draftOf(value, at, this.#tracked);
    this.#touched.set(name, { written: false, part });
    return part;
  }

  #draftOf(value: JsonObject | JsonArray, at: string, tracked: boolean): ObjectDraft | ArrayDraft {
    return isObject(value) ? new ObjectDraft(this.#scope, at, value, tracked) : new ArrayDraft(this.#scope, at, value);
  }

  #write(name: string, value: unknown): void {
    this.#scope.check();
    const now = this.#touched.get(name)?.part;
    if (isDraft(now) && now.proxy === value) return; // draft.list = draft.list.sort()
    const at = pointerTo(this.#pointer, name);
    checkName(name, this.#pointer);
    const json = copyValue(value, at, this.#scope.unwrap);
    const part = typeof json === 'object' && json !== null ? this.#draftOf(json, at, false) : json;
    this.#touched.set(name, { written: true, part });
  }

  #names(): string[] {
    this.#scope.check();
    this.#read('m', this.#pointer);
    const names = Object.keys(this.#content).filter((name) => this.#touched.get(name)?.part !== undefined || !this.#touched.has(name));
    for (const [name, { part }] of this.#touched) {
      if (part !== undefined && !Object.hasOwn(this.#content, name)) names.push(name);
    }
    return names;
  }

  /** The names are known to the transaction once it listed them: to look for one adds no read then. */
  #has(name: string): boolean {
    this.#scope.check();
    const touched = this.#touched.get(name);
    if (touched) return touched.part !== undefined;
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
class ArrayDraft {
  readonly proxy: object;
  readonly #scope: Scope;
  readonly #pointer: string;
  readonly #content: JsonArray;
  readonly #copy: unknown[];
  readonly #proxies = new Map<object, object>();
  readonly #sources = new WeakMap<object, object>();
  #changed = false;

  constructor(scope: Scope, pointer: string, content: JsonArray) {
    this.#scope = scope;
    this.#pointer = pointer;
    this.#content = content;
    this.#copy = structuredClone(content) as unknown[];
    this.proxy = this.#proxyOf(this.#copy);
  }

  get changed(): boolean {
    return this.#changed;
  }

  json(): JsonArray {
    if (!this.#changed) return this.#content;
    return copyValue(this.#copy, this.#pointer, () => undefined) as JsonArray;
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
        const item = moved ?? copyValue(value, pointerTo(this.#pointer, name), this.#scope.unwrap, true);
        setMember(target as Building, name, item as Json);
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

function isDraft(part: Part | undefined): part is ObjectDraft | ArrayDraft {
  return part instanceof ObjectDraft || part instanceof ArrayDraft;
}

/** A part as the function sees it. */
function shown(part: Part | undefined): unknown {
  return isDraft(part) ? part.proxy : part;
}

function partJSON(part: Part | undefined): Json | undefined {
  return isDraft(part) ? part.json() : part;
}

/**
 * The patch that puts `value` in the place of `old` at the pointer. Patches merge, so it deletes by
 * name what only `old` has, and depends on the members of every object in `old`: one that somebody
 * adds at the same time would survive.
 */
function replacement(reads: Reads, at: string, old: Json | undefined, value: JsonObject): JsonObject {
  if (!isObject(old)) {
    reads.add('v', at);
    return value;
  }
  reads.add('m', at);
  const patch: Building = {};
  for (const name of Object.keys(value)) {
    const below = pointerTo(at, name);
    const part = value[name] as Json;
    const oldPart = member(old, name);
    if (!isObject(part)) reads.addSubtree(oldPart, below);
    setMember(patch, name, isObject(part) && oldPart !== undefined ? replacement(reads, below, oldPart, part) : part);
  }
  for (const name of Object.keys(old)) {
    if (Object.hasOwn(value, name)) continue;
    reads.addSubtree(old[name], pointerTo(at, name));
    setMember(patch, name, null);
  }
  return patch;
}

import { guarded, Soon } from './emitter';
import { encode, parseObject } from './json';
import type { JsonObject } from './json';

/** Another client that has the document open. */
export interface Peer<P> {
  readonly id: string;
  /** What it told about itself: check it, it comes from somebody else's browser. */
  readonly state: P;
}

type OthersListener = (now: readonly Peer<JsonObject>[], before: readonly Peer<JsonObject>[]) => void;

const interval = 50; // milliseconds between two messages: 20 a second

/** Who is on a document, and what this client tells the others. Never stored. */
export class Presence {
  readonly #send: (state: Uint8Array) => void;
  readonly #others = new Map<string, JsonObject>();
  readonly #listeners = new Set<OthersListener>();
  readonly #notify = new Soon(() => this.#tell());
  #list: readonly Peer<JsonObject>[] = [];
  #told: readonly Peer<JsonObject>[] = [];
  #own: JsonObject | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dirty = false;

  constructor(send: (state: Uint8Array) => void) {
    this.#send = send;
  }

  get own(): JsonObject | null {
    return this.#own;
  }

  /** Tells the others; null takes it back. The first call goes out at once, then the newest every 50 ms. */
  set(state: JsonObject | null): void {
    this.#own = state === null ? null : { ...state };
    this.#dirty = true;
    if (this.#timer === undefined) this.#flush();
  }

  #flush(): void {
    this.#timer = undefined;
    if (!this.#dirty) return;
    this.#dirty = false;
    this.#timer = setTimeout(() => this.#flush(), interval);
    this.#send(this.#own === null ? new Uint8Array() : encode(JSON.stringify(this.#own)));
  }

  /** Sends it again: a new connection knows nothing. */
  resend(): void {
    if (this.#own !== null) this.set(this.#own);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#dirty = false;
    this.#listeners.clear();
  }

  get others(): readonly Peer<JsonObject>[] {
    return this.#list;
  }

  subscribe(listener: OthersListener): () => void {
    const own: OthersListener = (now, before) => listener(now, before);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  received(id: string, bytes: Uint8Array): void {
    if (bytes.length === 0) {
      if (!this.#others.delete(id)) return;
    } else {
      try {
        this.#others.set(id, parseObject(bytes));
      } catch {
        return; // another client's nonsense is not our trouble
      }
    }
    this.#list = [...this.#others].map(([peer, state]) => ({ id: peer, state }));
    this.#notify.ask();
  }

  #tell(): void {
    const before = this.#told;
    this.#told = this.#list;
    for (const listener of [...this.#listeners]) guarded(() => listener(this.#list, before));
  }
}

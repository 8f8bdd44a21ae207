import { guarded, Soon } from './emitter';
import { ValueError } from './errors';
import { notInUpdate } from './exclusive';
import { decode, encode, isObject, parseObject } from './json';
import type { JsonObject } from './json';
import { copyValue, plainly } from './value';

/** Another client that has the document open. */
export interface Peer<P> {
  readonly id: string;
  /** What it told about itself: check it, it comes from somebody else's browser. */
  readonly state: P;
}

type OthersListener = (now: readonly Peer<JsonObject>[], before: readonly Peer<JsonObject>[]) => void;

const interval = 50; // milliseconds between two messages: 20 a second
const maxBytes = 4096; // wire.MaxPresence in Go: the server ends the connection of who sends more
const nothing = new Uint8Array();

/** Who is on a document, and what this client tells the others. Never stored. */
export class Presence {
  readonly #send: (state: Uint8Array) => void;
  readonly #others = new Map<string, JsonObject>();
  readonly #listeners = new Set<OthersListener>();
  readonly #notify = new Soon(() => this.#tell());
  #list: readonly Peer<JsonObject>[] = [];
  #told: readonly Peer<JsonObject>[] = [];
  #own: JsonObject | null = null;
  /** `#own` as it is sent. */
  #message: Uint8Array = nothing;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dirty = false;

  constructor(send: (state: Uint8Array) => void) {
    this.#send = send;
  }

  get own(): JsonObject | null {
    return this.#own;
  }

  /** Tells the others; null takes it back. The first call goes out at once, then the newest every 50 ms. */
  set(state: unknown): void {
    notInUpdate('presence.set');
    const own = state === null ? null : checked(state);
    const message = own === null ? nothing : encode(JSON.stringify(own));
    if (message.length > maxBytes) throw new ValueError('size', '');
    this.#own = own;
    this.#message = message;
    this.#ask();
  }

  #ask(): void {
    this.#dirty = true;
    if (this.#timer === undefined) this.#flush();
  }

  #flush(): void {
    this.#timer = undefined;
    if (!this.#dirty) return;
    this.#dirty = false;
    this.#timer = setTimeout(() => this.#flush(), interval);
    this.#send(this.#message);
  }

  /** Sends it again: a new connection knows nothing. */
  resend(): void {
    if (this.#own !== null) this.#ask();
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
        this.#others.set(id, parseObject(decode(bytes)));
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

/** A copy of a state, checked as far as the server will do. */
function checked(state: unknown): JsonObject {
  const json = copyValue(state, '', plainly, true);
  if (!isObject(json)) throw new ValueError('type', '');
  return json;
}

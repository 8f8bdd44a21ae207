/**
 * The contract between the WebAssembly module (Go, wasm/bridge) and this package.
 *
 * Go owns the meaning: replica, rebase, resume, wire. TypeScript owns the API, the mirror and the
 * functions of pending transactions. Only numbers, strings and Uint8Arrays cross. Every call in
 * either direction is synchronous. A Uint8Array that Go hands over belongs to the receiver.
 *
 * From within reset, patch, rerun and attempt the engine cannot be called: a call does nothing.
 *
 * Loading: set `globalThis.__rivulet = { ready(engine) {} }`, then run the module.
 */
export interface Engine {
  /** Starts a client that dials the WebSocket URL at once and again with backoff. Returns its handle. */
  connect(url: string, sink: Sink): number;
  /** Ends the client: closes the socket and forgets its documents. */
  close(client: number): void;
  /** true cuts the socket and stops dialling; false dials at once. */
  offline(client: number, off: boolean): void;
  /** Dials at once instead of at the end of the backoff. */
  retry(client: number): void;
  /** Opens a document: its handle (1 or more), or the text of an error. Opening a key twice gives one handle. */
  open(client: number, key: string): number | string;
  leave(client: number, doc: number): void;
  /**
   * Commits a transaction: applies the merge patch to the replica and sends it. The caller applies
   * the same patch to its mirror. `mutation` is the caller's own number for it, unique in the client.
   * `reads` is a JSON array of strings: a kind ('v' value, 'e' is an object, 'm' member names)
   * followed by an RFC 6901 pointer. `flags` is as for edit. Returns '' or the text of an error; then nothing happened.
   */
  commit(client: number, doc: number, mutation: number, delta: Uint8Array, reads: string, flags: number): string;
  /**
   * Commits a transaction with edits of texts, lists or counters: the merge patch first, then the edits, a JSON array of
   * [kind, pointer, ...args]; wasm/edits has the kinds. The engine calls patch with what they did: the caller applies nothing
   * itself. `flags` is a sum: 1, the transaction has a function that rerun may ask for; 2, undo takes it back together with the
   * one before; 4, undo does not know it. Returns '', 'nothing' when nothing changed, or, when it was refused, a code, a space, a pointer, a line feed
   * and the reason.
   */
  edit(client: number, doc: number, mutation: number, delta: Uint8Array, reads: string, edits: string, flags: number): string;
  /** Takes back what this page did last, or does it again, by a transaction as of edit. Returns the same. */
  step(client: number, doc: number, mutation: number, redo: boolean): string;
  /** Begins or ends to call spliced for the text at a pointer. */
  watch(client: number, doc: number, pointer: string, on: boolean): void;
  /** The text at a pointer as a JSON array of [text, {mark: value}], as long as the marks are the same. */
  runs(client: number, doc: number, pointer: string): string;
  /**
   * Makes a named mutation with JSON text as its arguments: the module runs the function of that name and calls
   * patch with what it did, at once and whenever that changes. There is no rerun. Returns '' or, when nothing
   * happened, a code, a space and the reason: 'unknown_mutator', 'mutator' (the function refused), 'bad_args', 'refused'.
   */
  invoke(client: number, doc: number, mutation: number, name: string, args: string): string;
  /**
   * Begins a transaction over several documents of one space, all or nothing, which attempt is called for when they are up to
   * date and nothing is pending on them: now, or later. The mirrors do not change before it is stored. `mutation` is as
   * for commit. Returns '', or what edit does when it was refused; then neither attempt nor transacted follow.
   */
  transact(client: number, mutation: number, ...docs: number[]): string;
  /** Tells the others on the document a JSON object that the server will take; an empty array takes it back. Not stored. */
  presence(client: number, doc: number, state: Uint8Array): void;
  /** The replica's document, pending transactions included, as canonical JSON. */
  canonical(client: number, doc: number): Uint8Array;
}

/** What Go calls back. None of these may throw; patch and reset come before the changed() of their batch. */
export interface Sink {
  /** The state of the connection, see ConnectionState. `retryIn` is milliseconds until the next dial, for 'waiting'. */
  connection(state: 'connecting' | 'online' | 'waiting' | 'offline' | 'closed', code: string, detail: string, retryIn: number): void;
  /** The server's log takes no appends at present (or does again). Edits stay pending. */
  storage(available: boolean, detail: string): void;
  /** Replace the mirror of the document. */
  reset(doc: number, json: Uint8Array): void;
  /** Apply a merge patch to the mirror. */
  patch(doc: number, delta: Uint8Array): void;
  /**
   * Run the function of a pending transaction again, on the mirror as it is now, and apply its patch
   * to the mirror, unless it has edits: then as for edit. null: the function threw or is gone; the transaction is dropped.
   */
  rerun(doc: number, mutation: number): { delta: Uint8Array; reads: string; edits: string } | null;
  /**
   * Run the function of a transaction over several documents on their mirrors as they are, and leave these as they are: for
   * each document what it did. It may be asked for again. null: the function threw or is gone.
   */
  attempt(mutation: number): readonly { delta: Uint8Array; reads: string; edits: string }[] | null;
  /**
   * A transaction over several documents is over. It is stored when `code` and `detail` are ''. A code is of the protocol,
   * such as 'conflict'; without one `detail` is as the answer of edit: attempt was null, or it was refused.
   */
  transacted(mutation: number, code: string, detail: string): void;
  /**
   * What changes of a watched text amount to: a JSON array of [position, deleted units, text], each on the text that the
   * one before it left. The mirror has them already. `mutation` is the transaction that is being made, 0 for others' doing.
   */
  spliced(doc: number, pointer: string, splices: string, mutation: number): void;
  /** Whether there is something to undo and to redo has changed. */
  history(doc: number, undo: boolean, redo: boolean): void;
  /** A transaction is over. `code` is '' when it is in the log at `revision`, else a name such as 'conflict'. */
  settled(doc: number, mutation: number, code: string, detail: string, revision: number): void;
  /** End of a batch of resets, patches and reruns: notify subscribers now, once. */
  changed(doc: number, revision: number, ready: boolean): void;
  /** Presence of another client; an empty array means that it is gone. */
  peer(doc: number, client: string, state: Uint8Array): void;
  /** The document differed from the server's at `revision` and is read anew. If that does not help, fault follows. */
  diverged(doc: number, revision: number): void;
  /** The document could not be opened, or had to be closed. */
  fault(doc: number, code: string, detail: string): void;
}

/** Whether the server can store edits at present. */
export type Storage = { readonly available: true } | { readonly available: false; readonly detail: string };

/** The state of the connection to the server. Edits can be made in each of them but 'closed'. */
export type ConnectionState =
  /** The WebAssembly module is on its way. */
  | { readonly status: 'loading' }
  | { readonly status: 'connecting' }
  | { readonly status: 'online'; readonly storage: Storage }
  /** The last try failed; the next one is at `retryAt`, in milliseconds since 1970. */
  | { readonly status: 'waiting'; readonly retryAt: number; readonly code: string; readonly detail: string }
  /** Cut by goOffline(). */
  | { readonly status: 'offline' }
  /** For good: closed by close(), refused by the server, or the module did not load. */
  | { readonly status: 'closed'; readonly code: string; readonly detail: string };

export type Status = ConnectionState['status'];

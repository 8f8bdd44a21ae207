/**
 * Rivulet in the browser: documents that several people edit at once, online or not.
 *
 *     const client = createClient();
 *     const doc = client.doc<Board>('team/board');
 *     await doc.ready;
 *     doc.subscribe((board) => board.cards, (cards) => draw(cards));
 *     await doc.update((board) => { board.cards[id].title = 'Ship it'; });
 *
 * Texts, lists and counters that several people change at once are `text`, `list` and `counter`.
 */
export { counter, list, text } from './collections';
export type { Counter, CounterDraft, CounterIn, Expand, List, Text } from './collections';
export { Client, createClient } from './client';
export type { ClientEvents, ClientOptions, Rejection, Rerun, TestSwitches } from './client';
export type { ConnectionState, Status, Storage } from './connection';
export { Doc } from './doc';
export type { Immutable, Mutators, OwnPresence } from './doc';
export type { Committed } from './document';
export type { Draft } from './draft';
export { DocumentError, EditError, RejectedError, TransactError, UnknownMutatorError, ValueError } from './errors';
export type { EditFault, TransactFault, ValueFault } from './errors';
export type { UndoState } from './history';
export type { Json, JsonArray, JsonObject, JsonScalar } from './json';
export type { Splice, TextOp } from './ops';
export type { ListPath, Path } from './path';
export type { Peer } from './presence';
export type { AnyDoc, Drafts } from './transactions';
export type { CursorJSON, TextChange, TextCursor, TextHandle, TextMark, TextRun } from './texts';

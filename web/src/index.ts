/**
 * Rivulet in the browser: documents that several people edit at once, online or not.
 *
 *     const client = createClient();
 *     const doc = client.doc<Board>('team/board');
 *     await doc.ready;
 *     doc.subscribe((board) => board.cards, (cards) => draw(cards));
 *     await doc.update((board) => { board.cards[id].title = 'Ship it'; });
 */
export { Client, createClient } from './client';
export type { ClientEvents, ClientOptions, Rejection, Rerun, TestSwitches } from './client';
export type { ConnectionState, Status, Storage } from './connection';
export { Doc } from './doc';
export type { Immutable, Mutators, OwnPresence } from './doc';
export type { Committed } from './document';
export type { Draft } from './draft';
export { DocumentError, RejectedError, UnknownMutatorError, ValueError } from './errors';
export type { ValueFault } from './errors';
export type { Json, JsonArray, JsonObject, JsonScalar } from './json';
export type { Peer } from './presence';

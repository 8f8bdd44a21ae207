import '../ui/base.css';
import './board.css';
import { createClient } from '../../src/index';
import type { Board } from './model';
import type { BoardPresence } from './presence';
import { BoardView } from './view';

const key = new URLSearchParams(location.search).get('doc') ?? 'demo/board';
const client = createClient();
const doc = client.doc<Board, BoardPresence>(key);

/** For the console and for tests. */
declare global {
  var rivulet: { readonly client: typeof client; readonly doc: unknown };
}
globalThis.rivulet = { client, doc };

new BoardView(client, doc);

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '../src/client';
import type { Client } from '../src/client';
import type { ConnectionState } from '../src/connection';
import type { Engine } from '../src/engine';
import { loadModule } from '../src/wasm';

// The real module, with a browser that is this test.

let dialled: (url: string) => void = () => undefined;

class Socket {
  constructor(url: string) {
    dialled(url);
  }
  close(): void {}
}

Object.assign(globalThis, { document: { baseURI: 'http://page.test/board' }, WebSocket: Socket });

function reaches(client: Client, status: ConnectionState['status']): Promise<ConnectionState> {
  return new Promise((resolve) => {
    client.on('connection', (now) => {
      if (now.status === status) resolve(now);
    });
  });
}

test('an address that cannot be a server is refused at once', () => {
  for (const url of ['ftp://host/', 'file:///v1/sync', 'mailto:somebody', new URL('blob:http://page.test/1')]) {
    assert.throws(() => createClient({ url }), (error) => error instanceof TypeError && error.message.includes(String(url)));
  }
});

test('the address is a WebSocket, of the server that the page came from if none is given', async () => {
  const cases: [string | undefined, string][] = [
    [undefined, 'ws://page.test/v1/sync'],
    ['https://other.test/sync#part', 'wss://other.test/sync'],
    ['wss://other.test/', 'wss://other.test/'],
  ];
  for (const [url, wanted] of cases) {
    const address = new Promise<string>((resolve) => (dialled = resolve));
    const client = createClient(url === undefined ? {} : { url });
    assert.equal(await address, wanted);
    client.close();
  }
});

test('a WebSocket that the browser refuses to make is a failed attempt', async () => {
  dialled = () => {
    throw new Error('insecure WebSocket from a secure page');
  };
  const client = createClient();
  const other = createClient();
  for (const each of [client, other]) {
    const state = await reaches(each, 'waiting');
    assert(state.status === 'waiting');
    assert.equal(state.detail, 'insecure WebSocket from a secure page');
  }
  const next = new Promise<string>((resolve) => (dialled = resolve));
  client.retry();
  await next; // it still tries
  assert.equal(client.connection.status, 'connecting');
  client.close();
  other.close();
});

test('the module survives calls from within its own work: they do nothing', async () => {
  const { engine } = await loadModule(undefined);
  const answers: unknown[] = [];
  let handle = 0;
  const sink = { connection: () => undefined } as unknown as Parameters<Engine['connect']>[1];
  dialled = () => undefined;
  handle = engine.connect('ws://page.test/', sink);
  const doc = engine.open(handle, 'test/doc');
  assert.equal(doc, 1);
  dialled = () => {
    answers.push(
      engine.open(handle, 'test/other'),
      engine.commit(handle, 1, 1, new Uint8Array(), '[]', 0),
      engine.edit(handle, 1, 3, new Uint8Array(), '[]', '[]', 0),
      engine.step(handle, 1, 4, false),
      engine.runs(handle, 1, ''),
      engine.invoke(handle, 1, 2, 'count', '1'),
      engine.canonical(handle, 1).length,
    );
    engine.presence(handle, 1, new Uint8Array());
    engine.watch(handle, 1, '', true);
    engine.offline(handle, true);
    engine.retry(handle);
    engine.leave(handle, 1);
    engine.close(handle);
  };
  engine.offline(handle, true);
  engine.offline(handle, false); // dials
  const refusal = 'the engine was called from within patch, reset, rerun or attempt';
  assert.deepEqual(answers, [refusal, refusal, `refused \n${refusal}`, `refused \n${refusal}`, '[]', `refused ${refusal}`, 0]);
  assert.equal(engine.open(handle, 'test/doc'), 1);
  assert.equal(new TextDecoder().decode(engine.canonical(handle, 1)), '{}');
  engine.close(handle);
  assert.equal(engine.open(handle, 'test/doc'), 'the client is closed');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from '../src/client';
import type { Doc } from '../src/doc';
import type { Engine, Sink } from '../src/engine';
import { RejectedError } from '../src/errors';
import { encode } from '../src/json';

interface Counter {
  n?: number;
}

/** An engine that takes everything and says nothing; the test calls the sink. Opening a key without a slash fails. */
class HandDriven implements Engine {
  readonly calls: string[] = [];
  sink!: Sink;
  #handles = 0;

  connect(_: string, sink: Sink): number {
    this.sink = sink;
    return 1;
  }
  close(): void {
    this.calls.push('close');
  }
  offline(_: number, off: boolean): void {
    this.calls.push(`offline ${off}`);
  }
  retry(): void {
    this.calls.push('retry');
  }
  open(_: number, key: string): number | string {
    this.calls.push(`open ${key}`);
    return key.includes('/') ? ++this.#handles : 'no slash';
  }
  leave(_: number, doc: number): void {
    this.calls.push(`leave ${doc}`);
    this.sink.patch(doc, encode('{"n":0}')); // rolls back
    this.sink.changed(doc, 1, true);
  }
  commit(_: number, doc: number, mutation: number): string {
    this.calls.push(`commit ${doc} ${mutation}`);
    return '';
  }
  edit(_: number, doc: number, mutation: number): string {
    this.calls.push(`edit ${doc} ${mutation}`);
    return '';
  }
  step(): string {
    return 'nothing';
  }
  watch(): void {}
  runs(): string {
    return '[]';
  }
  invoke(_: number, doc: number, mutation: number): string {
    this.calls.push(`invoke ${doc} ${mutation}`);
    return '';
  }
  transact(_: number, mutation: number, ...docs: number[]): string {
    this.calls.push(`transact ${mutation} ${docs.join()}`);
    return '';
  }
  presence(): void {
    this.calls.push('presence');
  }
  canonical(): Uint8Array {
    this.calls.push('canonical');
    return encode('{}');
  }
}

const settle = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 0));

async function start(): Promise<{ client: Client; engine: HandDriven; doc: Doc<Counter> }> {
  const engine = new HandDriven();
  const client = new Client(Promise.resolve({ engine, exited: new Promise<void>(() => undefined) }), 'ws://test/');
  const doc = client.doc<Counter>('test/doc');
  await settle();
  return { client, engine, doc };
}

function arrive(engine: HandDriven, doc: number): void {
  engine.sink.reset(doc, encode('{"n":0}'));
  engine.sink.changed(doc, 1, true);
}

const increase = (draft: { n?: number }): void => void (draft.n = (draft.n ?? 0) + 1);

test('no method calls the engine within an update, also when the engine runs it again', async () => {
  const { client, engine, doc } = await start();
  arrive(engine, 1);
  await doc.ready;
  const methods: [string, () => unknown][] = [
    ['client.doc', () => client.doc('test/other')],
    ['client.retry', () => client.retry()],
    ['client.close', () => client.close()],
    ['client.test.goOffline', () => client.test.goOffline()],
    ['client.test.goOnline', () => client.test.goOnline()],
    ['doc.update', () => doc.update(increase)],
    ['doc.mutate', () => doc.mutate('count', 1)],
    ['doc.canonical', () => doc.canonical()],
    ['doc.close', () => doc.close()],
    ['presence.set', () => doc.presence.set({ here: true })],
  ];
  const says = (name: string, error: unknown): boolean => error instanceof TypeError && error.message.startsWith(`${name} was called within`);
  let mutation = 0;
  for (const [name, call] of methods) {
    engine.calls.length = 0;
    await assert.rejects(doc.update(() => void call()), (error) => says(name, error));
    mutation += 2;
    const promise = doc.update((draft) => {
      if (draft.n === 10) call();
      draft.n = 1;
    });
    engine.sink.reset(1, encode('{"n":10}'));
    assert.equal(engine.sink.rerun(1, mutation), null);
    engine.sink.settled(1, mutation, 'dropped', '', 0);
    engine.sink.reset(1, encode('{"n":0}'));
    engine.sink.changed(1, 2, true);
    await assert.rejects(promise, (error) => error instanceof RejectedError && error.code === 'dropped' && says(name, error.cause));
    assert.deepEqual(engine.calls, [`commit 1 ${mutation}`]);
  }
  client.close();
});

test('whenSynced waits for updates that wait for their document', async () => {
  const { client, engine, doc } = await start();
  const update = doc.update(increase);
  let synced = false;
  const all = client.whenSynced().then(() => (synced = true));
  await settle();
  assert.equal(client.pending, 1);
  assert.equal(synced, false);
  arrive(engine, 1);
  await settle();
  assert.equal(synced, false);
  engine.sink.settled(1, 1, '', '', 2);
  assert.deepEqual(await update, { revision: 2 });
  await all;
  client.close();
});

test('whenSynced rejects when what was pending at the call is not taken', async () => {
  const { client, engine, doc } = await start();
  arrive(engine, 1);
  await doc.ready;
  const first = doc.update(increase);
  const early = client.whenSynced();
  const second = doc.update(increase);
  const late = client.whenSynced();
  engine.sink.settled(1, 2, 'too_large', 'more than the log takes', 0);
  const isRefusal = (error: unknown): boolean => error instanceof RejectedError && error.code === 'too_large';
  await assert.rejects(late, isRefusal);
  await assert.rejects(second, isRefusal);
  engine.sink.settled(1, 1, '', '', 2);
  await first;
  await early; // the second update came after it
  client.close();
});

test('an update of a document that cannot be opened is rejected, for whenSynced too', async () => {
  const { client, doc } = await start();
  const bad = client.doc<Counter>('noslash');
  const waiting = client.whenSynced();
  await waiting; // nothing is pending
  await assert.rejects(bad.update(increase), (error) => error instanceof RejectedError && error.code === 'bad_key');
  const update = doc.update(increase);
  const all = client.whenSynced();
  doc.close();
  for (const promise of [update, all]) await assert.rejects(promise, (error) => error instanceof RejectedError && error.code === 'closed');
  client.close();
});

test('a document that was closed shows what the engine rolled back', async () => {
  const { client, engine, doc } = await start();
  arrive(engine, 1);
  await doc.ready;
  const update = doc.update(increase);
  assert.deepEqual(doc.get(), { n: 1 });
  doc.close();
  await assert.rejects(update, (error) => error instanceof RejectedError && error.code === 'closed');
  assert.deepEqual(doc.get(), { n: 0 });
  client.close();
});

test('a document that differed from the server is told by its key', async () => {
  const { client, engine } = await start();
  const told: unknown[] = [];
  client.on('diverged', (divergence) => told.push(divergence));
  engine.sink.diverged(1, 7);
  engine.sink.diverged(2, 8); // of a document that was closed meanwhile
  await settle();
  assert.deepEqual(told, [{ doc: 'test/doc', revision: 7 }]);
  client.close();
});

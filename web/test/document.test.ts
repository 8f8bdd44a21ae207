import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocalDocument } from '../src/document';
import type { Link } from '../src/document';
import { DocumentError, RejectedError, UnknownMutatorError, ValueError } from '../src/errors';
import { decode, encode } from '../src/json';
import type { JsonObject } from '../src/json';

interface Commit {
  readonly mutation: number;
  readonly delta: string;
  readonly reads: string;
}

interface Driven {
  readonly local: LocalDocument;
  readonly commits: Commit[];
  readonly events: string[];
  readonly sent: string[];
  readonly invoked: string[];
  refuse(text: string): void;
}

/** A document whose engine is the test. */
function open(json: JsonObject = {}): Driven {
  const driven = opening();
  driven.local.reset(encode(JSON.stringify(json)));
  driven.local.changed(1, true);
  return driven;
}

/** One that has not arrived yet. */
function opening(): Driven {
  const commits: Commit[] = [];
  const events: string[] = [];
  const sent: string[] = [];
  const invoked: string[] = [];
  let refusal = '';
  let last = 0;
  const link: Link = {
    nextMutation: () => ++last,
    commit: (mutation, delta, reads) => {
      if (refusal === '') commits.push({ mutation, delta: decode(delta), reads });
      return refusal;
    },
    invoke: (mutation, name, args) => {
      if (refusal === '') invoked.push(`${mutation} ${name} ${args}`);
      return refusal;
    },
    edit: () => refusal,
    step: () => 'nothing',
    watch: () => undefined,
    runs: () => '[]',
    canonical: () => encode('{}'),
    presence: (state) => void sent.push(decode(state)),
    pendingChanged: () => void events.push('pending'),
    rejected: ({ mutation, error }) => void events.push(`rejected ${mutation} ${error.code}`),
    rerun: ({ mutation }) => void events.push(`rerun ${mutation}`),
  };
  return { local: new LocalDocument('test/doc', link), commits, events, sent, invoked, refuse: (text) => (refusal = text) };
}

const settle = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 0));

test('an update is there at once and resolves when it is in the log', async () => {
  const { local, commits } = open({ cards: { a: { n: 1 } } });
  const promise = local.update((draft) => void ((draft as { cards: { a: { n: number } } }).cards.a.n = 2));
  assert.deepEqual(local.mirror, { cards: { a: { n: 2 } } });
  assert.equal(local.pending, 1);
  assert.deepEqual(commits, [{ mutation: 1, delta: '{"cards":{"a":{"n":2}}}', reads: '["e/cards","e/cards/a"]' }]);
  local.settled(1, '', '', 7);
  assert.deepEqual(await promise, { revision: 7 });
  assert.equal(local.pending, 0);
});

test('a function that throws leaves no trace; neither does one without effect', async () => {
  const { local, commits } = open({ n: 1 });
  const before = local.mirror;
  const failed = local.update((draft) => {
    (draft as { n: number }).n = 2;
    throw new Error('no');
  });
  await assert.rejects(failed, (error) => error instanceof Error && error.message === 'no');
  assert.deepEqual(await local.update((draft) => void ((draft as { n: number }).n = 1)), { revision: 1 });
  assert.equal(local.mirror, before);
  assert.deepEqual(commits, []);
});

test('what the engine refuses is undone', async () => {
  const { local, events, refuse } = open({ n: 1 });
  const before = local.mirror;
  refuse('too large');
  await assert.rejects(
    local.update((draft) => void ((draft as { n: number }).n = 2)),
    (error) => error instanceof RejectedError && error.code === 'refused' && error.detail === 'too large',
  );
  assert.equal(local.mirror, before);
  assert.deepEqual(events, ['rejected 1 refused', 'pending']);
});

test('a pending update runs again on newer state', async () => {
  const { local, events } = open({ n: 1 });
  const promise = local.update((draft) => void ((draft as { n: number }).n += 1));
  local.reset(encode('{"n":10}'));
  const again = local.rerun(1);
  assert(again);
  assert.equal(decode(again.delta), '{"n":11}');
  assert.equal(again.reads, '["v/n"]');
  local.changed(2, true);
  assert.deepEqual(local.mirror, { n: 11 });
  local.settled(1, '', '', 3);
  assert.deepEqual(await promise, { revision: 3 });
  assert.deepEqual(events, ['pending', 'rerun 1', 'pending']);
});

test('an update that throws when it runs again is rejected with the reason', async () => {
  const { local } = open({ n: 1 });
  const gone = new Error('gone');
  const promise = local.update((draft) => {
    if ((draft as { n?: number }).n === undefined) throw gone;
    (draft as { n: number }).n = 5;
  });
  local.reset(encode('{}'));
  assert.equal(local.rerun(1), null);
  local.settled(1, 'conflict', '', 0);
  local.changed(2, true);
  await assert.rejects(promise, (error) => error instanceof RejectedError && error.code === 'conflict' && error.cause === gone);
  assert.deepEqual(local.mirror, {});
  assert.equal(local.rerun(99), null);
});

test('subscribers run once a batch, and only when what they select is another value', async () => {
  const { local } = open({ a: { n: 1 }, b: { n: 1 } });
  await settle();
  const seen: unknown[] = [];
  const stop = local.subscribe((document) => document['a'], (now, before) => seen.push([now, before]));
  local.patched(encode('{"b":{"n":2}}'));
  local.changed(2, true);
  await settle();
  assert.deepEqual(seen, []);
  local.patched(encode('{"a":{"n":2}}'));
  local.patched(encode('{"a":{"n":3}}'));
  local.changed(3, true);
  await settle();
  assert.deepEqual(seen, [[{ n: 3 }, { n: 1 }]]);
  local.reset(encode('{"b":{"n":2},"a":{"n":3}}')); // the same, read anew
  local.changed(4, true);
  await settle();
  assert.equal(seen.length, 1);
  stop();
  local.patched(encode('{"a":null}'));
  local.changed(5, true);
  await settle();
  assert.equal(seen.length, 1);
});

test('what would call the engine throws within an update, on its first run and when it runs again', async () => {
  const calls: ((local: LocalDocument) => unknown)[] = [
    (local) => local.update(() => undefined),
    (local) => local.canonical(),
    (local) => local.presence.set({ here: true }),
  ];
  for (const call of calls) {
    const { local, sent } = open({ n: 1 });
    await assert.rejects(local.update(() => void call(local)), (error) => error instanceof TypeError);
    const promise = local.update((draft) => {
      const document = draft as { n: number };
      if (document.n === 10) call(local);
      document.n += 1;
    });
    local.reset(encode('{"n":10}'));
    assert.equal(local.rerun(2), null);
    local.settled(2, 'dropped', '', 0);
    await assert.rejects(promise, (error) => error instanceof RejectedError && error.cause instanceof TypeError);
    assert.deepEqual(local.mirror, { n: 10 });
    assert.deepEqual(sent, []);
    call(local); // and afterwards it may be called
    local.presence.stop();
  }
});

test('a document that ends rejects what is pending and what comes', async () => {
  const { local } = open({ n: 1 });
  const pending = local.update((draft) => void ((draft as { n: number }).n = 2));
  local.fault('damaged', 'a record cannot be read');
  await assert.rejects(pending, (error) => error instanceof RejectedError && error.code === 'damaged');
  await assert.rejects(local.update(() => undefined), (error) => error instanceof RejectedError && error.code === 'damaged');
});

test('a document that is closed for good shows what was rolled back, whether that comes before or after', async () => {
  for (const order of ['before', 'after']) {
    const { local } = open({ n: 1 });
    await settle();
    const seen: unknown[] = [];
    local.subscribe((document) => document['n'], (now) => seen.push(now));
    const pending = local.update((draft) => void ((draft as { n: number }).n = 2));
    await settle();
    const rollBack = (): void => local.patched(encode('{"n":1}'));
    if (order === 'before') rollBack();
    local.fault('deleted', '');
    local.settled(1, 'deleted', '', 0);
    if (order === 'after') {
      rollBack();
      local.changed(1, true);
    }
    await assert.rejects(pending, (error) => error instanceof RejectedError && error.code === 'deleted');
    await settle();
    assert.deepEqual(seen, [2, 1]);
    assert.deepEqual(local.mirror, { n: 1 });
  }
});

test('updates wait for the document, in order, and count as pending', async () => {
  const { local, commits } = opening();
  const first = local.update((draft) => void ((draft as { n: number }).n += 1));
  const thrower = local.update(() => {
    throw new RangeError('no');
  });
  const idle = local.update(() => undefined);
  assert.equal(local.pending, 3);
  local.reset(encode('{"n":1}'));
  local.changed(4, true);
  await assert.rejects(thrower, (error) => error instanceof RangeError);
  assert.deepEqual(await idle, { revision: 4 });
  assert.deepEqual(commits, [{ mutation: 1, delta: '{"n":2}', reads: '["v/n"]' }]);
  assert.equal(local.pending, 1);
  local.settled(1, '', '', 5);
  assert.deepEqual(await first, { revision: 5 });
});

test('a document that cannot be opened says so, and rejects the updates that wait for it', async () => {
  const { local, events } = opening();
  const waiting = local.update(() => undefined);
  local.fault('bad_key', 'no slash');
  await assert.rejects(local.ready, (error) => error instanceof DocumentError && error.code === 'bad_key');
  await assert.rejects(waiting, (error) => error instanceof RejectedError && error.code === 'bad_key' && error.detail === 'no slash');
  assert.equal(local.pending, 0);
  assert.deepEqual(events, ['pending', 'rejected 1 bad_key', 'pending']);
});

test('presence goes out at once, then at most every 50 ms, the newest', async () => {
  const { local, sent } = open();
  for (let x = 0; x < 5; x++) local.presence.set({ x });
  assert.deepEqual(sent, ['{"x":0}']);
  await new Promise((resolve) => void setTimeout(resolve, 80)); // the interval is part of the contract
  assert.deepEqual(sent, ['{"x":0}', '{"x":4}']);
  local.presence.stop();
});

test('presence that the server would refuse is refused here, and the last one stays', async () => {
  const { local, sent } = open();
  const most = { text: 'é'.repeat((4096 - '{"text":""}'.length - 1) / 2) + 'x' };
  local.presence.set(most);
  assert.equal(encode(sent[0] ?? '').length, 4096);
  const cases: [unknown, string][] = [
    [{ text: `${most.text}x` }, 'size'],
    [{ name: '\ud83d' }, 'text'],
    [{ '\ude00': 1 }, 'text'],
    [{ at: undefined }, 'undefined'],
    [{ at: { x: NaN } }, 'number'],
    [undefined, 'undefined'],
    ['here', 'type'],
    [[1], 'type'],
    [new Date(0), 'type'],
  ];
  for (const [state, fault] of cases) {
    assert.throws(() => local.presence.set(state), (error) => error instanceof ValueError && error.fault === fault);
  }
  assert.deepEqual(local.presence.own, most);
  await new Promise((resolve) => void setTimeout(resolve, 80)); // longer than the interval
  assert.equal(sent.length, 1);
  local.presence.set({ here: null, list: [{ x: -0 }] });
  assert.deepEqual(sent.slice(1), ['{"here":null,"list":[{"x":0}]}']);
  local.presence.stop();
});

test('others come, change and go; nonsense is ignored', async () => {
  const { local } = open();
  const seen: string[] = [];
  local.presence.subscribe((now) => seen.push(JSON.stringify(now)));
  local.presence.received('c1', encode('{"name":"Ada"}'));
  local.presence.received('c2', encode('[1]'));
  local.presence.received('c3', encode('{"na'));
  await settle();
  local.presence.received('c1', new Uint8Array());
  local.presence.received('c1', new Uint8Array());
  await settle();
  assert.deepEqual(seen, ['[{"id":"c1","state":{"name":"Ada"}}]', '[]']);
});

test('a named mutation is the engine\'s: it is shown by patches, and cannot be run again here', async () => {
  const { local, events, invoked, commits } = open({ n: 1 });
  const promise = local.mutate('count', { by: 2 });
  assert.deepEqual(invoked, ['1 count {"by":2}']);
  assert.deepEqual(commits, []);
  assert.equal(local.pending, 1);
  local.patched(encode('{"n":3}'));
  assert.equal(local.rerun(1), null);
  local.settled(1, '', '', 7);
  assert.deepEqual(await promise, { revision: 7 });
  assert.deepEqual(events, ['pending', 'pending']);
});

test('a named mutation waits for its document, and takes any JSON', async () => {
  const { local, invoked } = opening();
  const values = [null, 0, 'text', [null, { a: true }], { a: null }];
  const all = values.map((value) => local.mutate('set', value));
  assert.deepEqual(invoked, []);
  local.reset(encode('{}'));
  local.changed(1, true);
  await settle();
  assert.deepEqual(invoked, values.map((value, i) => `${i + 1} set ${JSON.stringify(value)}`));
  values.forEach((_, i) => local.settled(i + 1, '', '', 2));
  await Promise.all(all);
  for (const bad of [undefined, NaN, { a: undefined }, new Date(0), () => 1]) {
    assert.throws(() => local.mutate('set', bad), (error) => error instanceof ValueError);
  }
  assert.equal(invoked.length, values.length);
});

test('a named mutation that the engine does not take never was pending', async () => {
  const { local, events, refuse } = open({ n: 1 });
  refuse('unknown_mutator not here');
  await assert.rejects(local.mutate('steal', {}), (error) => error instanceof UnknownMutatorError && error.mutator === 'steal' && error.message.includes('register it'));
  refuse('mutator sold out');
  await assert.rejects(local.mutate('buy', {}), (error) => error instanceof RejectedError && error.code === 'mutator' && error.detail === 'sold out');
  assert.equal(local.pending, 0);
  assert.deepEqual(events, ['pending', 'pending']); // no 'rejected': nothing was shown
});

test('a named mutation that the server refuses is rejected, with an event', async () => {
  const { local, events } = open({ n: 1 });
  const promise = local.mutate('buy', {});
  local.settled(1, 'mutator', 'sold out', 0);
  await assert.rejects(promise, (error) => error instanceof RejectedError && error.code === 'mutator');
  assert(events.includes('rejected 1 mutator'));
  local.close('The document was closed.');
  await assert.rejects(local.mutate('buy', {}), (error) => error instanceof RejectedError && error.code === 'closed');
});

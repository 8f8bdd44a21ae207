import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '../src/client';
import { counter, list, text } from '../src/collections';
import type { List, Text } from '../src/collections';
import type { Doc } from '../src/doc';
import { EditError, RejectedError, TransactError, ValueError } from '../src/errors';
import type { TransactFault } from '../src/errors';
import { newClient } from './people';
import { Random } from './random';

interface Account {
  n: number;
  log?: string[];
  cards?: { [id: string]: { title: Text; done: boolean } };
}

interface Page {
  body: Text;
  items: List<string>;
  n?: number;
}

interface Bank {
  client: Client;
  docs: Doc<Account>[];
}

const fresh = (): string => `transact${crypto.randomUUID()}`;

async function enter(space: string, accounts = 2): Promise<Bank> {
  const client = newClient();
  const docs = Array.from({ length: accounts }, (_, i) => client.doc<Account>(`${space}/a${i}`));
  await Promise.all(docs.map((doc) => doc.ready));
  return { client, docs };
}

async function bank(...amounts: number[]): Promise<{ space: string } & Bank> {
  const space = fresh();
  const found = await enter(space, amounts.length);
  await Promise.all(found.docs.map((doc, i) => doc.update((d) => void (d.n = amounts[i] ?? 0))));
  return { space, ...found };
}

const amounts = ({ docs }: Bank): number[] => docs.map((doc) => doc.get((d) => d.n));

/** Resolves when that is so. */
function until(docs: readonly Doc<any>[], so: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const ends: (() => void)[] = [];
    const look = (): void => {
      if (!so()) return;
      for (const end of ends) end();
      resolve();
    };
    for (const doc of docs) ends.push(doc.subscribe((d) => d, look));
    look();
  });
}

test('all that a transaction does is stored when its promise resolves, and shown nowhere before', async () => {
  const { client, docs, space } = await bank(10, 0);
  const [a, b] = docs as [Doc<Account>, Doc<Account>];
  const other = await enter(space);
  const seen: string[] = [];
  for (const doc of [...docs, ...other.docs]) doc.subscribe((d) => d.n, () => seen.push(`${doc === a || doc === b ? 'here' : 'there'} ${doc.key.at(-1)} ${doc.get((d) => d.n)}`));
  const done = client.transact([a, b], (from, to) => {
    from.n -= 3;
    to.n += 3;
    to.log = ['3'];
    assert.deepEqual([from.n, to.n], [7, 3]);
  });
  assert.deepEqual(amounts({ client, docs }), [10, 0]);
  assert.equal(client.pending, 1);
  assert.equal(a.pending, 0);
  let synced = false;
  const sync = client.whenSynced().then(() => (synced = true));
  assert.equal(await done, undefined);
  assert.deepEqual(amounts(await enter(space)), [7, 3]);
  await until(docs, () => amounts({ client, docs }).join() === '7,3');
  assert.deepEqual([a.get(), b.get()], [{ n: 7 }, { n: 3, log: ['3'] }]);
  await sync;
  assert(synced);
  assert.equal(client.pending, 0);
  await until(other.docs, () => amounts(other).join() === '7,3');
  assert.deepEqual(seen.sort(), ['here 0 7', 'here 1 3', 'there 0 7', 'there 1 3']);
  assert.equal(a.canUndo, true); // the update before it; the transaction is no step
  await a.undo();
  assert.equal(a.get((d) => d.n), 7);
});

test('each draft has the type of its document', async () => {
  const client = newClient();
  const space = fresh();
  const account = client.doc<Account>(`${space}/account`);
  const page = client.doc<Page>(`${space}/page`);
  await client.transact([page, account], (p, a) => {
    p.body = text('Hello');
    p.items = list(['one']);
    a.n = p.body.length;
    // @ts-expect-error: an account has no text
    assert.equal(a.body, undefined);
    // @ts-expect-error: there are two
    const [, , third]: [unknown, unknown, unknown] = [p, a];
    assert.equal(third, undefined);
  });
  await until([page, account], () => page.get((d) => d.items) !== undefined && account.get((d) => d.n) === 5);
  assert.deepEqual([page.get(), account.get()], [{ body: 'Hello', items: ['one'] }, { n: 5 }]);
  await client.transact([page], (p) => void (p.n = 1));
  await until([page], () => page.get((d) => d.n) === 1);
  const revision = page.revision;
  await client.transact([page, account], (p, a) => void (p.n === a.n));
  assert.equal(page.revision, revision, 'a transaction that changes nothing is no record');
});

test('a part of one document is moved to another', async () => {
  const { client, docs, space } = await bank(1, 2);
  const [a, b] = docs as [Doc<Account>, Doc<Account>];
  await a.update((d) => void (d.cards = { x: { title: text('Ship it'), done: false }, y: { title: text('y'), done: true } }));
  await client.transact([a, b], (from, to) => {
    to.cards = { x: from.cards!['x']! };
    delete from.cards!['x'];
    to.cards['x']!.done = true;
    to.cards['x']!.title.append('!');
  });
  await until(docs, () => b.get((d) => d.cards) !== undefined && a.get((d) => d.cards?.['x']) === undefined);
  assert.deepEqual([a.get((d) => d.cards), b.get((d) => d.cards)], [{ y: { title: 'y', done: true } }, { x: { title: 'Ship it!', done: true } }]);
  await assert.rejects(
    client.transact([a, b], (from, to) => {
      from.cards!['y']!.title.append('edited');
      to.cards!['y'] = from.cards!['y']!;
    }),
    (error) => error instanceof EditError && error.fault === 'copy',
  );
  const there = await enter(space);
  assert.deepEqual(there.docs.map((doc) => doc.canonical()), docs.map((doc) => doc.canonical()));
});

test('L3 L7 L8: two pages transfer at once, over connections that are cut, and the sum stays', async () => {
  const first = await bank(100, 100, 100);
  const second = await enter(first.space, 3);
  const people = [first, second];
  let sums = 0;
  for (const { docs } of people) {
    for (const doc of docs) doc.subscribe((d) => d.n, (n) => assert(Number.isInteger(n) && n >= 0));
  }
  const aborts: unknown[] = [];
  const move = async (person: Bank, random: Random, round: number): Promise<void> => {
    const from = random.below(3);
    const to = (from + 1 + random.below(2)) % 3;
    const amount = 1 + random.below(60);
    const poor = new Error('not enough');
    const done = person.client
      .transact([person.docs[from]!, person.docs[to]!], (a, b) => {
        b.n += amount;
        if (a.n < amount) throw poor;
        a.n -= amount;
        b.log = [...(b.log ?? []), `${amount}`];
      })
      .then(
        () => void sums++,
        (error: unknown) => {
          assert.equal(error, poor);
          aborts.push(error);
        },
      );
    if (round % 6 === 5) {
      person.client.test.goOffline();
      person.client.test.goOnline();
    }
    if (round % 4 === 1) await person.docs[to]!.update((d) => void ((d as Account & { seen?: number }).seen = round));
    await done;
  };
  await Promise.all(
    people.map(async (person, i) => {
      const random = new Random(7 + i);
      for (let round = 0; round < 25; round++) await move(person, random, round);
    }),
  );
  assert.equal(sums + aborts.length, 50);
  assert(aborts.length > 0 && sums > 0, 'some were refused by the function, some were not');
  const log = await enter(first.space, 3);
  assert.equal(amounts(log).reduce((a, b) => a + b), 300);
  const moved = log.docs.flatMap((doc) => doc.get((d) => d.log ?? [])).length;
  assert.equal(moved, sums, 'each that was said to be done has happened once');
  const canonical = (person: Bank): string => person.docs.map((doc) => doc.canonical()).join();
  await until([...first.docs, ...second.docs], () => people.every((person) => canonical(person) === canonical(log)));
});

test('a function that throws leaves nothing, and the promise rejects with what it threw', async () => {
  const { client, docs } = await bank(1, 2);
  const [a, b] = docs as [Doc<Account>, Doc<Account>];
  const before = docs.map((doc) => doc.get());
  const heard: unknown[] = [];
  client.on('rejected', (rejection) => heard.push(rejection));
  for (const doc of docs) doc.subscribe((d) => d, () => heard.push(doc.key));
  for (const what of [new Error('no'), 'a string', undefined]) {
    await client
      .transact([a, b], (from, to) => {
        from.n = 100;
        to.log = ['x'];
        counter(to as never, 'n' as never).add(1);
        throw what;
      })
      .then(
        () => assert.fail('resolved'),
        (error: unknown) => assert.equal(error, what),
      );
  }
  await assert.rejects(client.transact([a, b], (from) => void (from.n = NaN)), ValueError);
  await client.whenSynced();
  assert.deepEqual(docs.map((doc) => doc.get()), before);
  docs.forEach((doc, i) => assert.equal(doc.get(), before[i]));
  assert.deepEqual(heard, []);
  assert.equal(client.pending, 0);
  const foreign = (): unknown => client.transact([a], () => void client.transact([b], () => undefined));
  await assert.rejects(foreign() as Promise<void>, TypeError);
  await assert.rejects(client.transact([a], () => void a.update(() => undefined)), TypeError);
  let kept: { n: number } | undefined;
  await client.transact([a, b], (d) => void (kept = d));
  assert.throws(() => kept?.n, TypeError);
});

test('bad input is a typed error, and nothing happens', async () => {
  const { client, docs } = await bank(1, 2);
  const [a, b] = docs as [Doc<Account>, Doc<Account>];
  const stranger = (await bank(1)).docs[0]!;
  const elsewhere = client.doc<Account>(`${fresh()}/a`);
  const many = Array.from({ length: 65 }, (_, i) => client.doc<Account>(`many/${i}`));
  const before = docs.map((doc) => doc.canonical());
  let runs = 0;
  const write = (...drafts: { n?: number }[]): void => {
    runs++;
    for (const draft of drafts) draft.n = 5;
  };
  const faults: [TransactFault, unknown][] = [
    ['none', []],
    ['none', undefined],
    ['none', 'docs'],
    ['foreign', [a, stranger]],
    ['foreign', [a, {}]],
    ['foreign', [undefined, b]],
    ['foreign', ['transact/a']],
    ['spaces', [a, elsewhere]],
    ['twice', [a, b, a]],
    ['many', many],
  ];
  for (const [fault, bad] of faults) {
    await assert.rejects(client.transact(bad as Doc<Account>[], write), (error) => error instanceof TransactError && error.fault === fault, fault);
  }
  assert.equal(runs, 0);
  for (const run of [async (d: { n: number }) => void (d.n = 9), (d: { n: number }) => ({ then: (d.n = 9, () => undefined) })]) {
    await assert.rejects(client.transact([a, b], run), (error) => error instanceof TransactError && error.fault === 'async');
  }
  await assert.rejects(client.transact([a], undefined as never), TypeError);
  await assert.rejects(
    client.transact([a, b], (_, draft) => void (draft.log ??= []).push('lost')),
    (error) => error instanceof EditError && error.fault === 'assigned' && error.pointer === '/log',
  );
  assert.deepEqual(docs.map((doc) => doc.canonical()), before);
  assert.equal(client.pending, 0);
  for (const doc of many) doc.close();
});

test('edits of texts, lists and counters, in step with a handle', async () => {
  const client = newClient();
  const space = fresh();
  const page = client.doc<Page>(`${space}/page`);
  const count = client.doc<{ n: number }>(`${space}/count`);
  await page.ready;
  await page.update((d) => {
    d.body = text('Hello');
    d.items = list(['one', 'two']);
  });
  const handle = page.text((d) => d.body);
  const cursor = handle.cursor(3);
  const told: boolean[] = [];
  handle.onChange(({ ops, remote }) => told.push(...ops.map(() => remote)));
  const abort = new Error('no');
  await assert.rejects(
    client.transact([page, count], (p) => {
      p.body.delete(0, 5);
      throw abort;
    }),
    (error) => error === abort,
  );
  assert.deepEqual(told, []);
  let runs = 0;
  await client.transact([page, count], (p, c) => {
    runs++;
    p.body.insert(5, '!');
    p.body.splice(0, 1, 'J');
    p.body.mark(0, 1, 'bold', true);
    p.items.push('three');
    p.items.move(0, 2);
    p.items.set(0, 'TWO');
    counter(c as never, 'n' as never).add(7);
    assert.equal(p.body.toString(), 'Jello!');
    assert.deepEqual([...p.items], ['TWO', 'three', 'one']);
  });
  assert(runs >= 1);
  await until([page, count], () => page.get((d) => d.items.length) === 3 && count.get((d) => d.n) === 7);
  assert.deepEqual([page.get(), count.get()], [{ body: 'Jello!', items: ['TWO', 'three', 'one'] }, { n: 7 }]);
  assert.equal(handle.value, 'Jello!');
  assert.deepEqual(handle.runs(), [{ text: 'J', marks: { bold: true } }, { text: 'ello!', marks: {} }]);
  assert.equal(cursor.position, 3);
  assert(told.length >= 1 && told.every((remote) => remote === true), `told ${told.join()}`);
  handle.insert(handle.length, ' more');
  await client.transact([page], (p) => p.body.delete(0, 1));
  await until([page], () => page.get((d) => d.body) === 'ello! more');
  assert.equal(handle.value, 'ello! more');
  const there = newClient().doc<Page>(`${space}/page`);
  await there.ready;
  assert.equal(there.canonical(), page.canonical());
  assert.equal(there.get((d) => d.body), 'ello! more');
});

test('two pages edit one text in transactions, and nothing is lost', async () => {
  const space = fresh();
  const people = [newClient(), newClient()].map((client) => ({
    client,
    page: client.doc<Page>(`${space}/page`),
    count: client.doc<{ n?: number }>(`${space}/count`),
  }));
  await Promise.all(people.flatMap(({ page, count }) => [page.ready, count.ready]));
  await people[0]!.page.update((d) => {
    d.body = text('');
    d.items = list();
  });
  await until([people[1]!.page], () => people[1]!.page.get((d) => d.body) === '');
  await Promise.all(
    people.map(async ({ client, page, count }, i) => {
      for (let round = 0; round < 10; round++) {
        await client.transact([page, count], (p, c) => {
          p.body.append(`${i}`);
          p.items.push(`${i}:${round}`);
          c.n = (c.n ?? 0) + 1;
        });
      }
    }),
  );
  const pages = people.map(({ page }) => page);
  await until(pages, () => pages.every((page) => page.get((d) => d.body).length === 20));
  assert.equal(pages[0]!.canonical(), pages[1]!.canonical());
  const items = pages[0]!.get((d) => d.items);
  assert.equal(new Set(items).size, 20);
  await until([people[0]!.count], () => people[0]!.count.get((d) => d.n) === 20);
});

test('offline a transaction waits, and runs on what others did meanwhile', async () => {
  const { client, docs, space } = await bank(10, 0);
  const [a, b] = docs as [Doc<Account>, Doc<Account>];
  const other = await enter(space);
  client.test.goOffline();
  const saw: number[] = [];
  const done = client.transact([a, b], (from, to) => {
    saw.push(from.n);
    from.n -= 1;
    to.n += 1;
  });
  const update = a.update((d) => void (d.log = ['offline']));
  assert.deepEqual(saw, []);
  assert.equal(client.pending, 2);
  await other.docs[0]!.update((d) => void (d.n = 20));
  client.test.goOnline();
  await Promise.all([done, update]);
  assert.deepEqual(saw, [20]);
  await until(docs, () => amounts({ client, docs }).join() === '19,1');
  assert.deepEqual([a.get(), b.get()], [{ n: 19, log: ['offline'] }, { n: 1 }]);
  await until(other.docs, () => amounts(other).join() === '19,1');
});

test('a transaction that is begun before the module runs', async () => {
  const client = newClient();
  const space = fresh();
  const docs = [client.doc<Account>(`${space}/a`), client.doc<Account>(`${space}/b`)] as const;
  assert.equal(client.connection.status, 'loading');
  await client.transact(docs, (a, b) => void (a.n = b.n = 4));
  await until(docs, () => docs.every((doc) => doc.get((d) => d.n) === 4));
});

test('what the server refuses', async () => {
  const { client, docs } = await bank(10, 0);
  const [a, b] = docs as [Doc<Account>, Doc<Account>];
  const before = docs.map((doc) => doc.canonical());
  const synced: unknown[] = [];
  const done = client.transact([a, b], (from, to) => {
    from.n = 0;
    (to as unknown as { big: string }).big = 'x'.repeat(20 << 20);
  });
  client.whenSynced().catch((error: unknown) => synced.push(error));
  await assert.rejects(done, (error) => error instanceof RejectedError && error.code === 'refused');
  assert.deepEqual(docs.map((doc) => doc.canonical()), before);
  assert.equal(client.pending, 0);
});

test('after close, of the client or of a document', async () => {
  const { client, docs, space } = await bank(10, 0, 5);
  const [a, b, c] = docs as [Doc<Account>, Doc<Account>, Doc<Account>];
  const closed = (error: unknown): boolean => error instanceof RejectedError && error.code === 'closed';
  client.test.goOffline();
  let runs = 0;
  const move = (from: { n: number }, to: { n: number }): void => {
    runs++;
    from.n--;
    to.n++;
  };
  const withA = assert.rejects(client.transact([a, b], move), closed);
  const without = client.transact([b, c], move);
  a.close();
  await withA;
  await assert.rejects(client.transact([a, b], move), closed);
  client.test.goOnline();
  await without;
  assert.equal(runs, 1);
  client.test.goOffline();
  const last = assert.rejects(client.transact([b, c], move), closed);
  const synced = assert.rejects(client.whenSynced(), closed);
  client.close();
  await Promise.all([last, synced]);
  assert.equal(client.pending, 0);
  await assert.rejects(client.transact([b, c], move), closed);
  assert.equal(runs, 1);
  assert.deepEqual(amounts(await enter(space, 3)), [10, -1, 6]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counter, list, text } from '../src/collections';
import type { List } from '../src/collections';
import type { Doc } from '../src/doc';
import { EditError, RejectedError, ValueError } from '../src/errors';
import type { EditFault } from '../src/errors';
import { agree, begin, freshKey, join } from './people';
import type { Plan, Todo } from './people';
import { Random } from './random';

/** What types would refuse. */
interface Loose {
  raw: any;
  deep: any;
}

test('a text is read as a string, a list as an array, a counter as a number', async () => {
  const { key, doc } = await begin();
  const want = { title: 'Hello', todos: [{ title: 'one', done: false }, { title: 'two', done: false }], tags: ['a', 'b', 'c'], votes: 3 };
  assert.deepEqual(doc.get(), want);
  assert.deepEqual((await join(key)).doc.get(), want);
  const types: string = doc.get((d) => d.title) + (doc.get((d) => d.votes) + 1).toFixed() + doc.get((d) => d.tags.join());
  assert.equal(types, 'Hello4a,b,c');
});

test('edits in an update', async () => {
  const { doc } = await begin();
  await doc.update((d) => {
    d.title.insert(5, ' world');
    d.title.splice(0, 1, 'J');
    d.title.append('!');
    d.title.delete(1, 1);
    d.todos.push({ title: text('three'), done: true });
    d.todos.insert(0, { title: text('zero'), done: false });
    d.todos[1]!.done = true;
    d.todos[1]!.title.append(' and a half');
    d.todos[3]!.title.insert(0, 'twenty-');
    d.todos.move(3, 0);
    d.todos.delete(3);
    d.tags.set(1, 'B');
    d.tags.move(0, 2);
    counter(d, 'votes').add(2);
    counter(d, 'votes').add(-1);
    assert.equal(d.votes, 4);
    assert.equal(counter(d, 'votes').value, 4);
    assert.equal(d.title.toString(), 'Jllo world!');
    assert.equal(d.title.length, 11);
    assert.deepEqual([...d.tags], ['B', 'c', 'a']);
    assert.equal(d.todos.length, 3);
    assert.deepEqual(d.todos.map((todo) => todo.title.toString()), ['twenty-three', 'zero', 'one and a half']);
    d.n = 1;
  });
  assert.deepEqual(doc.get(), {
    title: 'Jllo world!',
    todos: [{ title: 'twenty-three', done: true }, { title: 'zero', done: false }, { title: 'one and a half', done: true }],
    tags: ['B', 'c', 'a'],
    votes: 4,
    n: 1,
  });
});

test('what was edited and then deleted or replaced is not there', async () => {
  const { doc } = await begin();
  await doc.update((d) => {
    d.title.append(' lost');
    delete (d as Partial<typeof d>).title;
    d.todos[0]!.title.append(' lost');
    d.todos.delete(0);
    d.todos[0]!.title.append(' lost');
    d.todos.set(0, { title: text('new'), done: true });
    d.todos[0]!.title.append('er');
    d.tags.push('lost');
    d.tags = list(['only']);
    d.tags.push('two');
    counter(d, 'votes').add(5);
    d.votes = counter(1);
  });
  assert.deepEqual(doc.get(), { todos: [{ title: 'newer', done: true }], tags: ['only', 'two'], votes: 1 });
  await doc.update((d) => void (d.title = text('again')));
  assert.equal(doc.get((d) => d.title), 'again');
});

test('a function that throws leaves nothing of its edits', async () => {
  const { doc } = await begin();
  const before = doc.get();
  const canonical = doc.canonical();
  await assert.rejects(
    doc.update((d) => {
      d.title.append('x');
      d.todos.delete(0);
      counter(d, 'votes').add(1);
      throw new Error('no');
    }),
    (error) => error instanceof Error && error.message === 'no',
  );
  assert.equal(doc.get(), before);
  assert.equal(doc.canonical(), canonical);
});

test('bad input is a typed error, and nothing changes', async () => {
  const { doc } = await begin();
  const before = doc.canonical();
  const faults: [EditFault, (d: any) => unknown][] = [
    ['range', (d) => d.title.insert(6, 'x')],
    ['range', (d) => d.title.insert(-1, 'x')],
    ['range', (d) => d.title.delete(3, 3)],
    ['range', (d) => d.title.delete(3, -1)],
    ['integer', (d) => d.title.insert(NaN, 'x')],
    ['integer', (d) => d.title.insert(1.5, 'x')],
    ['integer', (d) => d.title.insert('1', 'x')],
    ['integer', (d) => d.title.delete(0, Infinity)],
    ['range', (d) => d.title.mark(2, 1, 'bold', true)],
    ['range', (d) => d.title.mark(0, 9, 'bold', true)],
    ['mark', (d) => d.title.mark(0, 1, '', true)],
    ['mark', (d) => d.title.mark(0, 1, 'bold', null)],
    ['mark', (d) => d.title.mark(0, 1, 'bold', true, { expand: 'up' })],
    ['range', (d) => d.todos.delete(2)],
    ['integer', (d) => d.todos.delete(undefined)],
    ['range', (d) => d.todos.insert(3, {})],
    ['range', (d) => d.todos.move(0, 2)],
    ['integer', (d) => d.todos.move(NaN, 0)],
    ['range', (d) => (d.todos[2] = {})],
    ['array', (d) => d.todos.splice(0, 1)],
    ['array', (d) => d.todos.sort()],
    ['array', (d) => (d.todos.length = 0)],
    ['array', (d) => delete d.todos[0]],
    ['integer', (d) => counter(d, 'votes').add(0.5)],
    ['no_counter', (d) => counter(d, 'title').add(1)],
    ['no_counter', (d) => counter(d, 'votes').add(Number.MAX_SAFE_INTEGER)],
    ['detached', () => counter({}, 'votes' as never)],
    ['detached', () => text('x').append('y')],
    ['detached', () => list([1]).push(2)],
    ['no_counter', () => counter(0.5)],
    ['copy', (d) => { d.title.append('x'); d.other = d.title; }],
  ];
  for (const [fault, run] of faults) {
    await assert.rejects(doc.update(run), (error) => error instanceof EditError && error.fault === fault, `${fault}: ${run}`);
  }
  const values: ((d: any) => unknown)[] = [
    (d) => d.title.insert(0, '\ud800'),
    (d) => d.title.insert(0, 5),
    (d) => (d.title = text('\udc00')),
    (d) => d.tags.push(undefined),
    (d) => d.tags.push(NaN),
    (d) => d.tags.set(0, () => 1),
    (d) => (d.array = [text('x')]),
    (d) => (d.array = [d.todos]),
    (d) => d.title.mark(0, 1, 'link', { href: undefined }),
  ];
  for (const run of values) await assert.rejects(doc.update(run), ValueError, String(run));
  const handle = doc.text((d) => d.title);
  for (const at of [-1, 6, NaN, 0.5]) assert.throws(() => handle.splice(at, 0, 'x'), EditError);
  assert.throws(() => handle.splice(0, 6), EditError);
  assert.throws(() => handle.insert(0, '\ud83d'), ValueError);
  assert.throws(() => handle.mark(0, 9, 'bold', true), EditError);
  assert.throws(() => handle.cursor(6), EditError);
  assert.throws(() => handle.cursor({ at: 'x' } as never), ValueError);
  for (const path of ['/votes', '/gone', '/todos']) {
    assert.throws(() => doc.text(path).insert(0, 'x'), (error) => error instanceof EditError && error.fault === 'no_text');
  }
  assert.throws(() => doc.text(['todos', 5, 'title']), EditError);
  assert.throws(() => doc.text('title'), TypeError);
  assert.equal(doc.canonical(), before);
  assert.equal(doc.pending, 0);
});

test('two people write at once, one of them offline', async () => {
  const ann = await begin();
  const bob = await join(ann.key);
  bob.client.test.goOffline();
  // Resumed from a snapshot the function runs again: so it goes by a key.
  const two = bob.doc.keys((d) => d.todos)[1]!;
  void bob.doc.update((d) => {
    d.title.append(' from Bob');
    const at = d.todos.indexOfKey(two);
    d.todos[at]!.done = true;
    d.todos.move(at, 0);
    d.tags.push('bob');
    counter(d, 'votes').add(10);
  });
  await ann.doc.update((d) => {
    d.title.insert(0, 'Ann: ');
    d.todos.insert(1, { title: text('by ann'), done: false });
    d.tags.insert(0, 'ann');
    counter(d, 'votes').add(100);
  });
  bob.client.test.goOnline();
  await agree(ann, bob);
  assert.deepEqual(bob.doc.get(), {
    title: 'Ann: Hello from Bob',
    todos: [{ title: 'two', done: true }, { title: 'one', done: false }, { title: 'by ann', done: false }],
    tags: ['ann', 'a', 'b', 'c', 'bob'],
    votes: 113,
  });
});

test('a function that runs again finds its item by a key, by an index from outside another one', async () => {
  for (const [by, want] of [['index', ['new', 'b', 'c']], ['key', ['new', 'a', 'c']], ['far', undefined]] as const) {
    const ann = await begin();
    const bob = await join(ann.key);
    const key = bob.doc.keys((d) => d.tags)[1]!;
    bob.client.test.goOffline();
    const done = bob.doc.update((d) => {
      if (d.n === 0) return;
      d.tags.delete(by === 'index' ? 1 : by === 'key' ? d.tags.indexOfKey(key) : 2);
    });
    await ann.doc.update((d) => {
      d.n = 1;
      d.tags.insert(0, 'new');
      if (by === 'far') for (let n = 0; n < 3; n++) d.tags.delete(0);
    });
    bob.client.test.goOnline();
    if (want) await done;
    else await assert.rejects(done, (error) => error instanceof RejectedError && error.code === 'dropped' && error.cause instanceof EditError);
    await agree(ann, bob);
    assert.deepEqual(bob.doc.get((d) => d.tags), want ?? ['c']);
  }
});

test('a function runs again when what it saw of a text has changed, and gives its items the same ids', async () => {
  const ann = await begin();
  const bob = await join(ann.key);
  bob.client.test.goOffline();
  let runs = 0;
  const done = bob.doc.update((d) => {
    runs++;
    d.tags.push(`${d.title}`);
    d.title.append('?');
  });
  assert.equal(bob.doc.get((d) => d.tags).at(-1), 'Hello');
  await ann.doc.text('/title').insert(5, ' there');
  bob.client.test.goOnline();
  await done;
  await agree(ann, bob);
  assert(runs > 1);
  assert.equal(bob.doc.get((d) => d.tags).at(-1), 'Hello there');
  assert.equal(bob.doc.get((d) => d.title), 'Hello there?');
});

test('a text that is gone when the edit comes', async () => {
  const ann = await begin();
  const bob = await join(ann.key);
  bob.client.test.goOffline();
  const done = bob.doc.update((d) => d.todos[0]!.title.append('!'));
  await ann.doc.update((d) => d.todos.delete(0));
  bob.client.test.goOnline();
  // Its function runs again, on the item that has taken the place.
  await done;
  await agree(ann, bob);
  assert.deepEqual(bob.doc.get((d) => d.todos), [{ title: 'two!', done: false }]);
});

test('undo takes back one\'s own only', async () => {
  const ann = await begin();
  const bob = await join(ann.key);
  const told: string[] = [];
  bob.doc.subscribeUndo(({ canUndo, canRedo }) => told.push(`${canUndo} ${canRedo}`));
  assert.equal(bob.doc.undo(), undefined);
  await bob.doc.update((d) => {
    d.title.append(' Bob');
    d.todos.push({ title: text('of bob'), done: false });
    counter(d, 'votes').add(5);
    d.n = 7;
  });
  await agree(ann, bob);
  await ann.doc.update((d) => {
    d.title.insert(0, 'Ann ');
    d.title.append(' and Ann');
    d.tags.push('ann');
    counter(d, 'votes').add(1);
  });
  await agree(ann, bob);
  assert.equal(bob.doc.canUndo, true);
  await bob.doc.undo();
  assert.deepEqual(bob.doc.get(), {
    title: 'Ann Hello and Ann', todos: [{ title: 'one', done: false }, { title: 'two', done: false }], tags: ['a', 'b', 'c', 'ann'], votes: 4,
  });
  await agree(ann, bob);
  await bob.doc.redo();
  await agree(ann, bob);
  assert.equal(ann.doc.get((d) => d.title), 'Ann Hello Bob and Ann');
  assert.equal(ann.doc.get((d) => d.n), 7);
  assert.deepEqual([bob.doc.canUndo, bob.doc.canRedo], [true, false]);
  assert.deepEqual(told, ['true false', 'false true', 'true false']);
});

test('undo passes over what is not to be undone', async () => {
  const { doc } = await begin();
  await doc.update((d) => void (d.n = 1), { undoable: false });
  await doc.update((d) => d.tags.push('made'), { undoable: false });
  assert.deepEqual([doc.canUndo, doc.canRedo], [true, false]); // of begin
  await doc.update((d) => d.tags.push('mine'));
  const before = doc.get((d) => d.tags).length;
  await doc.undo();
  assert.deepEqual([doc.get((d) => d.tags).length, doc.get((d) => d.tags).at(-1), doc.get((d) => d.n)], [before - 1, 'made', 1]);
  await doc.update((d) => void (d.n = 2), { undoable: false });
  assert.equal(doc.canRedo, true); // nothing that redo could collide with, as far as the history knows
  await doc.undoGroup(async () => {
    await doc.update((d) => d.tags.push('first'));
    await doc.update((d) => void (d.n = 3), { undoable: false });
    await doc.update((d) => d.tags.push('second'));
  });
  await doc.undo();
  assert.deepEqual([doc.get((d) => d.tags).at(-1), doc.get((d) => d.n)], ['made', 3]);
});

test('lists of people who work at once are the same, and what readers see is what the document says', async () => {
  const random = new Random(11);
  const key = freshKey();
  const author = await join(key); // who makes the lists, and does not undo that
  const people = [await join(key), await join(key), await join(key)];
  await author.doc.update((d) => {
    d.tags = list(['a', 'b', 'c', 'd', 'e']);
    d.todos = list<Todo>([{ title: text('one'), done: false }]);
  });
  await agree(author, ...people);
  let made = 0;
  for (let round = 0; round < 25; round++) {
    for (const { client, doc } of people) {
      if (random.below(8) === 0) client.test.goOffline();
      if (random.below(4) === 0) client.test.goOnline();
      const shown = doc.get((d) => [...d.tags]);
      const keys = doc.keys((d) => d.tags);
      /** The item that has been seen at an index, wherever it is when the function runs again. */
      const item = (index: number, run: (tags: List<string>, index: number) => void): void =>
        void doc.update(({ tags }) => {
          const now = index === keys.length ? tags.length : tags.indexOfKey(keys[index]!);
          if (now >= 0) run(tags, now);
        });
      const [n, at, to] = [shown.length, random.below(shown.length + 1), random.below(shown.length + 1)];
      switch (random.below(7)) {
        case 0:
          doc.undo();
          break;
        case 1:
          if (at < n) item(at, (tags, now) => tags.delete(now));
          break;
        case 2:
          if (at < n && to < n) {
            item(at, (tags, now) => tags.move(now, Math.min(to, tags.length - 1)));
            shown.splice(to, 0, ...shown.splice(at, 1));
            assert.deepEqual(doc.get((d) => d.tags), shown);
          }
          break;
        case 3:
          if (at < n) item(at, (tags, now) => tags.set(now, `set ${++made}`));
          break;
        case 4:
          void doc.update((d) => d.todos.insert(random.below(d.todos.length + 1), { title: text(`todo ${++made}`), done: false }));
          break;
        case 5:
          void doc.update((d) => {
            const todo = d.todos[random.below(d.todos.length)];
            todo?.title.append('.');
            if (todo) todo.done = !todo.done;
          });
          break;
        default:
          item(at, (tags, now) => tags.insert(now, `new ${++made}`, `new ${++made}`));
          shown.splice(at, 0, `new ${made - 1}`, `new ${made}`);
          assert.deepEqual(doc.get((d) => d.tags), shown);
      }
      assert.equal(doc.keys((d) => d.tags).length, doc.get((d) => d.tags).length);
    }
    await new Promise((resolve) => setTimeout(resolve, random.below(3)));
  }
  for (const { client } of people) client.test.goOnline();
  await agree(author, ...people, await join(key));
});

test('keys of items', async () => {
  const { doc } = await begin();
  const keys = doc.keys((d) => d.tags);
  assert.equal(doc.keys('/tags'), keys);
  await doc.update((d) => {
    d.tags.move(d.tags.indexOfKey(keys[2]!), 0);
    assert.equal(d.tags.indexOfKey(keys[0]!), 1);
    d.tags.delete(d.tags.indexOfKey(keys[0]!));
    assert.equal(d.tags.indexOfKey(keys[0]!), -1);
  });
  assert.deepEqual(doc.keys(['tags']), [keys[2], keys[1]]);
  assert.deepEqual(doc.keys((d) => d.title as never), []);
  const title = doc.text(['todos', 1, 'title']);
  await doc.update((d) => d.todos.move(1, 0));
  await title.insert(0, 'still ');
  assert.equal(doc.get((d) => d.todos[0]?.title), 'still two');
  assert.equal(doc.text(title.pointer).value, 'still two');
});

test('what readers see keeps its identity where nothing has changed, and never changes', async () => {
  const { doc } = await begin();
  const before = doc.get();
  const [todos, tags] = [before.todos, before.tags];
  const first = todos[0];
  await doc.update((d) => d.todos[1]!.title.append('!'));
  const now = doc.get();
  assert.notEqual(now, before);
  assert.equal(now.tags, tags);
  assert.equal(now.todos[0], first);
  assert.equal(now.todos[1]?.title, 'two!');
  assert.equal(todos[1]?.title, 'two'); // looked at only now
  const told: string[] = [];
  doc.subscribe((d) => d.title, (after, earlier) => told.push(`${earlier} > ${after}`));
  void doc.update((d) => d.title.append('1'));
  void doc.update((d) => d.title.append('2'));
  await doc.update((d) => d.tags.push('z'));
  assert.deepEqual(told, ['Hello > Hello12']);
});

test('the view is that of the document\'s JSON, whatever is in it', async () => {
  const { key, doc } = await begin();
  const any = doc as unknown as Doc<Loose>;
  // A patch of raw members, as a program in another language may write them.
  await any.update((d) => {
    d.raw = { $: 'list', b: { o: 'B', v: 2 }, a: { o: 'B', v: 1 }, bad: { o: '0', v: 3 }, worse: 4, n: { o: 'A' } };
    d.deep = { t: { $: 'text', B: 'two', A: 'one ', A0: 'no key', C: 5, D: ['<', 'bold', true], a: '' }, o: { $: 'other' } };
  });
  assert.deepEqual(any.get((d) => d.raw), [null, 1, 2, { o: '0', v: 3 }, 4]);
  assert.deepEqual(any.get((d) => d.deep), { t: 'one two', o: { $: 'other' } });
  assert.equal(any.text('/deep/t').runs().map(({ text }) => text).join(''), 'one two');
  await any.update((d) => void delete d.deep.t);
  assert.deepEqual(any.get((d) => d.deep), { o: { $: 'other' } });
  await any.update((d) => {
    d.raw.move(4, 0);
    d.raw.insert(5, 'behind all that are well-formed');
    assert.deepEqual([...d.raw].slice(0, 5), [4, null, 1, 2, 'behind all that are well-formed']);
  });
  const want = [4, null, 1, 2, 'behind all that are well-formed', { o: '0', v: 3 }];
  assert.deepEqual(any.get((d) => d.raw), want);
  assert.deepEqual((await join(key)).doc.get((d) => (d as unknown as Loose).raw), want);
});

// Checked by tsc: what types must refuse.
export function refused(doc: Doc<Plan>): void {
  void doc.update((d) => {
    // @ts-expect-error a counter is added to, not set to a number
    d.votes = 5;
    // @ts-expect-error a text is no string
    d.title = 'x';
    // @ts-expect-error items are of the list's type
    d.tags.push(5);
    // @ts-expect-error there is no such counter
    counter(d, 'title');
    // @ts-expect-error a list is not sorted in place
    d.tags.sort();
  });
  // @ts-expect-error a list is no text
  doc.text((d) => d.tags);
  // @ts-expect-error readers cannot write
  doc.get().tags.push('x');
}

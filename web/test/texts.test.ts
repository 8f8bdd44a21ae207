import assert from 'node:assert/strict';
import { test } from 'node:test';
import { text } from '../src/collections';
import { EditError, RejectedError } from '../src/errors';
import type { TextChange } from '../src/texts';
import { agree, begin, freshKey, join, reaches } from './people';
import { Random } from './random';

test('surrogate pairs are not divided', async () => {
  const { key, doc } = await begin();
  await doc.update((d) => void (d.title = text('a😀b😀')));
  await doc.update((d) => {
    d.title.delete(2, 1);
    assert.equal(d.title.toString(), 'ab😀');
    d.title.insert(3, '_');
    assert.equal(d.title.toString(), 'ab_😀');
  });
  await doc.text('/title').splice(4, 1, '!');
  assert.equal(doc.get((d) => d.title), 'ab_!');
  assert.equal((await join(key)).doc.get((d) => d.title), 'ab_!');
});

test('typing is undone by pauses, a group at once', async () => {
  const { doc } = await begin();
  const title = doc.text('/title');
  for (const letter of ' you') void title.insert(title.length, letter);
  assert.equal(title.value, 'Hello you');
  await doc.undo();
  assert.equal(title.value, 'Hello');
  await doc.redo();
  void title.insert(0, '>');
  await doc.undoGroup(async () => {
    await doc.update((d) => void (d.n = 1));
    await doc.update((d) => d.title.append('!'));
    await doc.update((d) => void (d.n = 2));
  });
  await doc.update((d) => void (d.n = 3));
  await doc.undo();
  assert.equal(doc.get((d) => d.n), 2);
  await doc.undo();
  assert.deepEqual([doc.get((d) => d.n), title.value], [undefined, '>Hello you']);
  await doc.undo();
  assert.equal(title.value, 'Hello you');
  await doc.undo();
  assert.equal(title.value, 'Hello');
});

test('an editor is told what to do, and not what it did itself', async () => {
  const ann = await begin();
  const bob = await join(ann.key);
  const mine = bob.doc.text((d) => d.title);
  const other = bob.doc.text('/title');
  const told: TextChange[] = [];
  const others: TextChange[] = [];
  mine.onChange((change) => told.push(change));
  other.onChange((change) => others.push(change));
  void mine.insert(5, '!');
  assert.deepEqual([told.length, others.length], [0, 1]);
  assert.deepEqual(others[0], { splices: [{ at: 5, deleted: 0, inserted: '!' }], ops: [{ retain: 5 }, { insert: '!' }], remote: false, marks: false });
  await agree(ann, bob);
  await ann.doc.update((d) => {
    d.title.splice(1, 3, 'ipp');
    d.title.insert(0, 'oh ');
  });
  await agree(ann, bob);
  assert.equal(mine.value, 'oh Hippo!');
  assert.equal(told.length, 1);
  assert.deepEqual(told[0]?.ops, [{ insert: 'oh ' }, { retain: 1 }, { insert: 'ipp' }, { delete: 3 }]);
  assert.equal(told[0]?.remote, true);
  void bob.doc.update((d) => d.title.delete(0, 3));
  assert.deepEqual(told[1]?.ops, [{ delete: 3 }]);
});

test('what an editor is told adds up to the text, whoever writes', async () => {
  const random = new Random(7);
  const key = freshKey();
  const people = [await join(key), await join(key), await join(key)];
  await people[0]!.doc.update((d) => void (d.title = text('The quick brown fox 😀 jumps over the lazy dog. '.repeat(20))));
  await agree(...people);
  const editors = people.map(({ doc }) => {
    const handle = doc.text('/title');
    const editor = { handle, shown: handle.value, cursor: handle.cursor(10) };
    handle.onChange(({ ops }) => {
      let rest = editor.shown;
      let now = '';
      for (const op of ops) {
        if ('retain' in op) {
          now += rest.slice(0, op.retain);
          rest = rest.slice(op.retain);
        } else if ('insert' in op) now += op.insert;
        else rest = rest.slice(op.delete);
      }
      editor.shown = now + rest;
    });
    return editor;
  });
  for (let round = 0; round < 30; round++) {
    for (const [i, { handle }] of editors.entries()) {
      const editor = editors[i]!;
      if (random.below(8) === 0) people[i]!.client.test.goOffline();
      if (random.below(4) === 0) people[i]!.client.test.goOnline();
      const at = random.below(handle.length + 1);
      const count = random.below(Math.min(8, handle.length - at + 1));
      const insert = random.pick(['', 'x', 'yz ', '😀', 'a longer piece of text']);
      switch (random.below(8)) {
        case 0:
          people[i]!.doc.undo();
          break;
        case 1:
          void people[i]!.doc.redo();
          break;
        case 2:
          // Resumed from a snapshot its function runs again, where there may be no such position any more.
          people[i]!.doc.update((d) => d.title.splice(at, count, insert)).catch((error) => {
            if (!(error instanceof RejectedError) || !(error.cause instanceof EditError)) throw error;
          });
          break;
        default:
          void handle.splice(at, count, insert);
          editor.shown = handle.value;
      }
      assert.equal(editor.shown, handle.value);
    }
    await new Promise((resolve) => setTimeout(resolve, random.below(3)));
  }
  for (const { client } of people) client.test.goOnline();
  await agree(...people);
  for (const { handle, shown, cursor } of editors) {
    assert.equal(shown, handle.value);
    assert(cursor.position <= handle.length);
    assert.equal(handle.runs().map((run) => run.text).join(''), handle.value);
  }
});

test('marks', async () => {
  const { key, client, doc } = await begin();
  const other = (await join(key)).doc;
  const title = doc.text('/title');
  let marked = 0;
  other.text('/title').onChange(({ marks }) => void (marked += Number(marks)));
  void title.mark(0, 2, 'bold', true);
  await doc.update((d) => {
    d.title.mark(1, 4, 'link', { href: '/x' }, { expand: 'none' });
    d.title.insert(2, '--');
    d.title.insert(0, '*');
  });
  const want = [
    { from: 1, to: 5, name: 'bold', value: true },
    { from: 2, to: 7, name: 'link', value: { href: '/x' } },
  ];
  assert.deepEqual(title.marks(), want);
  assert.deepEqual(title.runs().map(({ text }) => text).join(''), '*He--llo');
  await client.whenSynced();
  await reaches(other, doc.revision);
  assert.deepEqual(other.text('/title').marks(), want);
  assert(marked > 0);
  await title.unmark(0, 8, 'bold');
  assert.deepEqual(title.marks().map(({ name }) => name), ['link']);
  await doc.undo();
  assert.deepEqual(title.marks(), want);
  assert.equal(doc.get((d) => d.title), '*He--llo');
});

test('a cursor stays with the text, also at others who were told of it', async () => {
  const ann = await begin();
  const bob = await join(ann.key);
  const mine = ann.doc.text('/title');
  const caret = mine.cursor(4);
  const seen = bob.doc.text('/title').cursor(JSON.parse(JSON.stringify(caret)));
  assert.equal(seen.position, 4);
  await bob.doc.text('/title').insert(0, 'Oh, ');
  await agree(ann, bob);
  assert.deepEqual([caret.position, seen.position], [8, 8]);
  await ann.doc.update((d) => d.title.delete(6, 2));
  await agree(ann, bob);
  assert.deepEqual([caret.position, seen.position], [6, 6]);
  // Told before the text that it is in has come.
  bob.client.test.goOffline();
  void mine.insert(7, ' and more');
  caret.release();
  const late = bob.doc.text('/title').cursor(mine.cursor(16).toJSON());
  bob.client.test.goOnline();
  await agree(ann, bob);
  assert.equal(mine.value, 'Oh, Heo and more');
  assert.equal(late.position, 16);
  assert.equal(caret.position, 6);
});

test('a closed document takes no edits', async () => {
  const { doc } = await begin();
  const title = doc.text('/title');
  doc.close();
  await assert.rejects(title.insert(0, 'x'), RejectedError);
  assert.equal(doc.undo(), undefined);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EditError, RejectedError, ValueError } from '../src/errors';
import { text } from '../src/collections';
import { agree, begin, freshKey, join, newClient } from './people';
import type { Plan } from './people';

// What of a text area an editor uses; e2e has that of a browser.

class Area extends EventTarget {
  value = '';
  get selectionEnd(): number {
    return this.value.length;
  }
  setRangeText(inserted: string, from: number, to: number): void {
    this.value = this.value.slice(0, from) + inserted + this.value.slice(to);
  }
  /** Does what a person does who types. */
  type(value: string): void {
    this.value = value;
    this.dispatchEvent(new Event('input'));
  }
  undo(): void {
    this.dispatchEvent(Object.assign(new Event('beforeinput'), { inputType: 'historyUndo' }));
  }
  get element(): HTMLTextAreaElement {
    return this as unknown as HTMLTextAreaElement;
  }
}

Object.assign(globalThis, { HTMLTextAreaElement: Area });

function noText(pointer: string): (error: unknown) => boolean {
  return (error) => error instanceof EditError && error.fault === 'no_text' && error.pointer === pointer && error.message.startsWith(`${pointer}: `);
}

test('where there is no text nothing is bound', async () => {
  const { doc } = await begin();
  for (const path of ['/gone', '/votes', '/todos']) assert.throws(() => doc.text(path).bind(new Area().element), noText(path));
});

test('what is typed where no text is yet, or not any more, is told', async () => {
  const { key, client } = await begin();
  await client.whenSynced();
  const late = newClient().doc<Plan>(key);
  const area = new Area();
  const title = late.text('/title');
  const errors: Error[] = [];
  const end = title.onError((error) => errors.push(error));
  const unbind = title.bind(area.element);
  area.type('too early');
  assert.deepEqual([errors.length, area.value], [1, '']);
  assert(noText('/title')(errors[0]));

  await late.ready;
  assert.equal(area.value, 'Hello');
  area.type('Hello!');
  assert.deepEqual([errors.length, title.value], [1, 'Hello!']);
  area.type('Hello!\ud83d');
  assert.deepEqual([errors.length, area.value, title.value], [2, 'Hello!', 'Hello!']);
  assert(errors[1] instanceof ValueError);

  await late.update((d) => void delete (d as Partial<Plan>).title);
  area.type('too late');
  assert.deepEqual([errors.length, area.value], [3, '']);
  assert(noText('/title')(errors[2]));
  await late.update((d) => void (d.title = text('again')));
  assert.equal(area.value, 'again');

  // Nobody listens: it is an uncaught error, which is thrown when the page has nothing else to do.
  await late.update((d) => void delete (d as Partial<Plan>).title);
  end();
  const { queueMicrotask } = globalThis;
  const soon: (() => void)[] = [];
  globalThis.queueMicrotask = (run) => void soon.push(run);
  area.type('unheard');
  globalThis.queueMicrotask = queueMicrotask;
  assert.deepEqual([errors.length, soon.length], [3, 1]);
  assert.throws(soon[0]!, noText('/title'));
  unbind();
  area.type('not bound');
  assert.equal(area.value, 'not bound');
});

test('what is too large for one edit is told, and not shown', async () => {
  const { client, doc } = await begin();
  const area = new Area();
  const title = doc.text('/title');
  title.bind(area.element);
  const rejected: RejectedError[] = [];
  const told = new Promise<void>((resolve) => {
    client.on('rejected', ({ error }) => {
      rejected.push(error);
      resolve();
    });
  });
  area.type('x'.repeat(1_000_000));
  await told;
  await client.whenSynced();
  assert.deepEqual([rejected.map(({ code }) => code), area.value, title.value], [['refused'], 'Hello', 'Hello']);
  area.type('Hello!');
  assert.equal(title.value, 'Hello!');
});

test('undo of what is too large for one edit fails with what to do, and goes on with what was done before', async () => {
  const ann = await begin();
  const { doc } = ann;
  const area = new Area();
  const title = doc.text('/title');
  const failed = new Promise<Error>((resolve) => void title.onError(resolve));
  title.bind(area.element);
  await doc.update((d) => void (d.n = 1));
  const half = 'x'.repeat(600_000);
  await doc.update((d) => d.title.append(half), { undoable: false });
  await doc.update((d) => d.title.append(half), { undoable: false });
  await title.delete(0, title.length);
  const before = doc.canonical();
  const tooLarge = (error: unknown): boolean => error instanceof EditError && error.fault === 'too_large' && error.message.startsWith('what this would put back');
  await assert.rejects(doc.undo()!, tooLarge);
  assert.deepEqual([doc.canonical(), doc.pending, doc.canUndo, doc.canRedo], [before, 0, true, false]);

  await doc.update((d) => void (d.n = 2));
  await doc.undo();
  assert.equal(doc.get((d) => d.n), 1);
  await doc.undo();
  assert.equal(doc.get((d) => d.n), undefined);
  await doc.redo();
  await doc.redo();
  assert.equal(doc.get((d) => d.n), 2);

  // By the keyboard.
  await doc.update((d) => d.title.append(half), { undoable: false });
  await doc.update((d) => d.title.append(half), { undoable: false });
  await title.delete(0, title.length);
  area.undo();
  assert(tooLarge(await failed));
  assert.equal(area.value, '');
  await agree(ann, await join(doc.key));
});

test('a group that is too large to be done again at once is undone in parts', async () => {
  const { doc } = await join(freshKey());
  const big = 'x'.repeat(500_000);
  doc.undoGroup(() => {
    void doc.update((d) => void Object.assign(d, { a: big }));
    void doc.update((d) => void Object.assign(d, { b: big }));
  });
  const there = (): string => Object.keys(doc.get()).join();
  const steps: string[] = [there()];
  for (const step of [() => doc.undo(), () => doc.undo(), () => doc.redo(), () => doc.redo()]) {
    await step();
    steps.push(there());
  }
  assert.deepEqual(steps, ['a,b', 'a', '', 'a', 'a,b']);
});

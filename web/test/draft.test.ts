import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transact } from '../src/draft';
import { list, text } from '../src/collections';
import { EditError, ValueError } from '../src/errors';
import type { Json, JsonObject } from '../src/json';
import { applyPatch } from '../src/patch';
import { conflicts, writesOf } from './conflicts';
import { canonical, cloneFor, randomObject, randomProgram } from './documents';
import { Random } from './random';

type Loose = Record<string, any>; // the one any: these tests write what types would refuse

function run(before: Json, fn: (draft: Loose) => unknown): { patch: Json; reads: string[]; after: JsonObject } {
  const document = before as JsonObject;
  const { delta, reads, after } = transact(document, fn);
  return { patch: JSON.parse(delta) as Json, reads: [...reads].sort(), after };
}

test('a write of a leaf reads only that its parent is an object', () => {
  const { patch, reads } = run({ cards: { a: { title: 'x', n: 1 } } }, (d) => {
    d['cards'].a.title = 'y';
  });
  assert.deepEqual(patch, { cards: { a: { title: 'y' } } });
  assert.deepEqual(reads, ['e/cards', 'e/cards/a']);
});

test('looks are told apart by kind', () => {
  const before = { n: 1, list: [1], object: { a: 1, b: 2 } };
  const reads = (fn: (d: Loose) => unknown): string[] => run(before, (d) => void fn(d)).reads;
  assert.deepEqual(reads((d) => d['n']), ['v/n']);
  assert.deepEqual(reads((d) => d['list'][0]), ['v/list']);
  assert.deepEqual(reads((d) => d['gone']), ['v/gone']);
  assert.deepEqual(reads((d) => d['object']), ['e/object']);
  assert.deepEqual(reads((d) => 'object' in d), ['e/object']);
  assert.deepEqual(reads((d) => 'a' in d['object']), ['e/object', 'v/object/a']);
  assert.deepEqual(reads((d) => Object.keys(d['object'])), ['e/object', 'm/object']);
  assert.deepEqual(reads((d) => { for (const name in d['object']) void name; }), ['e/object', 'm/object']);
  assert.deepEqual(reads((d) => ({ ...d['object'] })), ['e/object', 'm/object', 'v/object/a', 'v/object/b']);
});

test('what the transaction wrote itself is not a read', () => {
  const { patch, reads } = run({ n: 1 }, (d) => {
    d['n'] = 2;
    d['n'] += 1;
    d['card'] = { tags: ['a'] };
    d['card'].title = 'x';
    d['card'].tags.push('b');
  });
  assert.deepEqual(patch, { n: 3, card: { title: 'x', tags: ['a', 'b'] } });
  assert.deepEqual(reads, ['v/card']);
});

test('replacing an object deletes by name and reads every object in the old one', () => {
  const { patch, reads, after } = run({ o: { a: 1, deep: { x: 1, y: { z: 1 } }, gone: { q: 1 } } }, (d) => {
    d['o'] = { deep: { x: 2 }, fresh: {} };
  });
  assert.deepEqual(patch, { o: { a: null, deep: { x: 2, y: null }, gone: null, fresh: {} } });
  assert.deepEqual(reads, ['m/o', 'm/o/deep', 'm/o/deep/y', 'm/o/gone']);
  assert.deepEqual(after, { o: { deep: { x: 2 }, fresh: {} } });
});

test('deleting and making again is a replacement', () => {
  const { patch } = run({ o: { a: 1 } }, (d) => {
    delete d['o'];
    assert.equal(d['o'], undefined);
    d['o'] = { b: 1 };
    d['o'].c = 2;
  });
  assert.deepEqual(patch, { o: { a: null, b: 1, c: 2 } });
});

test('an array is written once, as a whole', () => {
  const { patch, reads } = run({ list: [{ n: 1 }, { n: 2 }, null] }, (d) => {
    d['list'].reverse();
    d['list'][1].n = 5;
    d['list'].pop();
    d['list'].push({ n: null });
  });
  assert.deepEqual(patch, { list: [null, { n: 5 }, { n: null }] });
  assert.deepEqual(reads, ['v/list']);
});

test('no effect is no change', () => {
  const before = { n: 1, o: { a: [1, { b: 2 }] } };
  const { after } = run(before, (d) => {
    d['n'] = 1;
    d['o'] = { a: [1, { b: 2 }] };
    d['o'].a = d['o'].a;
    delete d['gone'];
  });
  assert.equal(after, before);
});

test('what did not change keeps its identity', () => {
  const before = { a: { x: { n: 1 } }, b: { y: {} } };
  const { after } = run(before, (d) => {
    d['a'].z = 1;
  });
  assert.equal(after['b'], before.b);
  assert.equal((after['a'] as JsonObject)['x'], before.a.x);
  assert.notEqual(after['a'], before.a);
});

test('a draft can be put in another place; both go their own way', () => {
  const { patch, reads } = run({ a: { n: 1 } }, (d) => {
    const held = d['a'];
    delete d['a'];
    held.n = 2;
    d['b'] = held;
    held.n = 3;
  });
  assert.deepEqual(patch, { a: null, b: { n: 2 } });
  assert.deepEqual(reads, ['e/a', 'm/a', 'v/a', 'v/b']);
});

test('__proto__ is a member like any other and reaches no prototype', () => {
  const { after } = run({}, (d) => {
    assert.equal(d['__proto__'], undefined);
    assert.equal(d['constructor'], undefined);
    d['__proto__'] = { polluted: 1 };
    d['__proto__'].more = 2;
    d['list'] = [{}];
    assert.equal(d['list'][0].__proto__, undefined);
    d['list'][0].__proto__ = { polluted: 1 };
  });
  assert.equal(JSON.stringify(after), '{"__proto__":{"polluted":1,"more":2},"list":[{"__proto__":{"polluted":1}}]}');
  assert.equal((applyPatch({}, JSON.parse('{"__proto__":{"polluted":1}}') as JsonObject) as Loose)['polluted'], undefined);
  assert.equal(({} as Loose)['polluted'], undefined);
});

test('values that are not JSON are refused where they are written', () => {
  const cycle: Loose = {};
  cycle['self'] = { cycle };
  let deep: Json = 1;
  for (let i = 0; i < 120; i++) deep = { deep };
  const cases: [unknown, string][] = [
    [undefined, 'undefined'],
    [{ a: undefined }, 'undefined'],
    [null, 'null'],
    [{ a: null }, 'null'],
    [NaN, 'number'],
    [[-Infinity], 'number'],
    [() => 1, 'type'],
    [1n, 'type'],
    [Symbol('s'), 'type'],
    [new Date(0), 'type'],
    [new Map(), 'type'],
    [cycle, 'cycle'],
    ['\ud800', 'text'],
    [{ '\udc00': 1 }, 'text'],
    [[undefined], 'undefined'],
    [Array(2), 'hole'],
    [deep, 'depth'],
  ];
  for (const [value, fault] of cases) {
    assert.throws(
      () => run({}, (d) => void (d['x'] = value)),
      (error) => error instanceof ValueError && error.fault === fault && error.pointer.startsWith('/x'),
    );
  }
  assert.throws(() => run({ l: [] }, (d) => void (d['l'][3] = 1)), (error) => error instanceof ValueError && error.fault === 'hole');
  assert.throws(() => run({ l: [] }, (d) => void d['l'].push(d['l'])), (error) => error instanceof ValueError && error.fault === 'cycle');
});

test('names that no document can have are refused, and no dependency', () => {
  const half = '\ud83d';
  const faultOf = (fault: string) => (error: unknown) => error instanceof ValueError && error.fault === fault;
  for (const before of [{}, { o: {} }]) {
    assert.throws(() => run(before, (d) => void delete d[half]), faultOf('text'));
    assert.throws(() => run(before, (d) => void (d[half] = 1)), faultOf('text'));
  }
  const { reads } = run({ o: {} }, (d) => {
    assert.equal(d['o'][half], undefined);
    assert.equal(half in d['o'], false);
    assert.equal(Object.hasOwn(d, half), false);
  });
  assert.deepEqual(reads, ['e/o']);
  // 1,024 bytes, counted in JSON.
  run({}, (d) => void (d['n'.repeat(1024)] = 1));
  run({}, (d) => void (d['\n'.repeat(512)] = 1));
  assert.throws(() => run({}, (d) => void (d['n'.repeat(1025)] = 1)), faultOf('name'));
  assert.throws(() => run({}, (d) => void (d['x'] = { ['é'.repeat(513)]: 1 })), faultOf('name'));
  assert.throws(() => run({}, (d) => void delete d['\u0001'.repeat(171)]), faultOf('name'));
});

test('objects and arrays nest 100 deep, the document included', () => {
  const nested = (levels: number): Json => (levels === 0 ? 1 : levels % 2 === 0 ? { deep: nested(levels - 1) } : [nested(levels - 1)]);
  run({}, (d) => void (d['x'] = nested(99)));
  assert.throws(() => run({}, (d) => void (d['x'] = nested(100))), (error) => error instanceof ValueError && error.fault === 'depth');
});

test('what was assigned is a copy, and who changes the original instead is told', () => {
  const fault = (pointer: string, fn: (d: Loose) => unknown): void =>
    assert.throws(
      () => run({ list: [{ n: 1 }], todos: { $: 'list' } }, (d) => void fn(d)),
      (error) => error instanceof EditError && error.fault === 'assigned' && error.pointer.startsWith(pointer),
    );
  fault('/log', (d) => (d['log'] ??= []).push(1));
  fault('/o', (d) => ((d['o'] ??= {}).n = 1));
  fault('/o', (d) => (d['o'] = { deep: { list: [1] } }).deep.list.pop());
  fault('/list/1', (d) => {
    const item: Loose = { done: false };
    d['list'].push(item);
    item['done'] = true;
  });
  fault('/todos/', (d) => {
    const item = { tags: ['a'] };
    d['todos'].push(item);
    item.tags.push('b');
  });
  fault('/new', (d) => {
    const item: Loose = { n: 1 };
    d['new'] = list([{ n: 0 }, item]);
    delete item['n'];
  });
});

test('what was assigned may be changed where nothing is lost by it', () => {
  const { patch } = run({ n: 1, from: { a: 1 } }, (d) => {
    d['log'] ??= [];
    d['log'].push({ n: 1 });
    d['log'][0].n = 2;
    (d['log'] ??= []).push(3); // it is there, and the draft's
    const point: Loose = {};
    for (const name of ['a', 'b']) {
      point['name'] = name;
      d[name] = point;
      d[name].more = 1;
    }
    const dropped: number[] = [];
    d['dropped'] = dropped;
    dropped.push(1);
    d['dropped'] = 'replaced';
    const item: Loose = {};
    d['items'] = [];
    d['items'].push(item);
    item['n'] = 1;
    d['items'] = [item];
    d['made'] = { of: d['from'] };
    d['from'].a = 2;
    d['texts'] = list([null, { title: text('x') }]);
    d['zero'] = { z: -0 };
  });
  const { texts, ...plain } = patch as Loose;
  assert.deepEqual(plain, {
    log: [{ n: 2 }, 3],
    a: { name: 'a', more: 1 },
    b: { name: 'b', more: 1 },
    from: { a: 2 },
    made: { of: { a: 1 } },
    zero: { z: 0 },
    dropped: 'replaced',
    items: [{ n: 1 }],
  });
  assert.deepEqual([texts.$, Object.keys(texts).length], ['list', 3]);
});

test('a draft ends with its function, and the function is not async', () => {
  let kept: Loose = {};
  run({ o: {} }, (d) => void (kept = d));
  assert.throws(() => kept['o'], (error) => error instanceof TypeError);
  assert.throws(() => run({}, async () => {}), (error) => error instanceof TypeError);
});

test('past 4,000 reads or 64 KiB of them the whole document was read', () => {
  const many = Object.fromEntries(Array.from({ length: 4001 }, (_, i) => [`m${i}`, i]));
  const look = (names: string[]): string[] => run(many, (d) => names.forEach((name) => void d[name])).reads;
  const names = Object.keys(many);
  assert.equal(look(names.slice(1)).length, 4000);
  assert.deepEqual(look(names), ['v']);
  const long = Array.from({ length: 64 }, (_, i) => String(i).padStart(1022, '0')); // each 1 KiB with kind and slash
  assert.equal(look(long).length, 64);
  assert.deepEqual(look([...long, '']), ['v']);
});

const rounds = 4000;

test('a random program on a draft equals the same program on a clone', () => {
  for (let seed = 1; seed <= rounds; seed++) {
    const random = new Random(seed);
    const before = randomObject(random, 4);
    const text = canonical(before);
    const program = randomProgram(random, 6);
    const clone = cloneFor(before);
    program(clone);
    const { delta, after } = transact(before, program);
    assert.equal(canonical(after), canonical(clone as Json), `seed ${seed}`);
    const parsed = JSON.parse(delta) as JsonObject;
    assert.equal(canonical(applyPatch(before, parsed)), canonical(clone as Json), `seed ${seed}: parsed`);
    assert.equal(canonical(before), text, `seed ${seed}: the document was changed in place`);
  }
});

test('without a conflict a patch is what its program would have done after the other one (law L8)', () => {
  let without = 0;
  for (let seed = 1; seed <= rounds; seed++) {
    const random = new Random(seed + 1e6);
    const base = randomObject(random, 4);
    const mine = randomProgram(random, 3);
    const theirs = transact(base, randomProgram(random, 3));
    const my = transact(base, mine);
    if (my.after === base) continue; // nothing is sent
    if (conflicts(my.reads, writesOf(base, JSON.parse(theirs.delta) as JsonObject))) continue;
    without++;
    const forwarded = applyPatch(theirs.after, JSON.parse(my.delta) as JsonObject);
    const again = transact(theirs.after, mine).after;
    assert.equal(canonical(forwarded), canonical(again), `seed ${seed}`);
  }
  assert(without > rounds / 10, `only ${without} rounds had no conflict`);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { between, compare } from '../demos/board/order';
import { Random } from './random';

test('a new key lies between its neighbours, wherever it is put', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed);
    const keys: string[] = [];
    for (let i = 0; i < 300; i++) {
      const at = seed % 3 === 0 ? random.below(keys.length + 1) : seed % 3 === 1 ? keys.length : 0;
      const key = between(keys[at - 1], keys[at], () => random.next());
      const [low, high] = [keys[at - 1], keys[at]];
      assert(low === undefined || low < key, `seed ${seed}: ${low} < ${key}`);
      assert(high === undefined || key < high, `seed ${seed}: ${key} < ${high}`);
      keys.splice(at, 0, key);
    }
    const longest = Math.max(...keys.map((key) => key.length));
    assert(longest < 32, `seed ${seed}: a key of ${longest} characters after 300 insertions`);
  }
});

test('always at one place in the middle: keys stay sorted', () => {
  let [low, high] = [between(undefined, undefined), ''];
  high = between(low, undefined);
  for (let i = 0; i < 500; i++) {
    const key = between(low, high);
    assert(low < key && key < high, `${low} < ${key} < ${high}`);
    if (i % 2 === 0) low = key;
    else high = key;
  }
});

test('a thousand people at one place make a thousand keys', () => {
  const random = new Random(1);
  const keys = new Set(Array.from({ length: 1000 }, () => between('V1', 'V2', () => random.next())));
  assert.equal(keys.size, 1000);
});

test('foreign keys do no harm', () => {
  const foreign = ['', '0', '00', 'V', 'V0', 'ä', '-', 'zzzz', '\u0000', 'V'.repeat(50)];
  for (const low of foreign) {
    for (const high of foreign) assert(/^[0-9A-Za-z]{5,}$/.test(between(low, high)), `${low} and ${high}`);
  }
  const cards = [{ order: 'b', id: '1' }, { order: 'a', id: '3' }, { order: 'a', id: '2' }];
  assert.deepEqual(cards.sort(compare).map(({ id }) => id), ['2', '3', '1']);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isObject, setMember } from '../src/json';
import type { Building, Json, JsonObject } from '../src/json';
import { applyPatch, share } from '../src/patch';
import { canonical, names, randomObject } from './documents';
import { Random } from './random';

/** The pseudo code of RFC 7386, section 2, on a copy of the document. */
function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: Building = isObject(target) ? { ...target } : {};
  for (const name of Object.keys(patch)) {
    const value = patch[name] as Json;
    if (value === null) delete result[name];
    else setMember(result, name, mergePatch(Object.hasOwn(result, name) ? result[name] : undefined, value));
  }
  return result;
}

function withDeletions(random: Random, patch: JsonObject): JsonObject {
  const result: Building = {};
  for (const name of Object.keys(patch)) {
    const value = patch[name] as Json;
    setMember(result, name, isObject(value) ? withDeletions(random, value) : value);
  }
  for (const name of names) if (random.below(6) === 0) setMember(result, name, null);
  return result;
}

test('the examples of RFC 7386', () => {
  const examples: [Json, Json, Json][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [before, patch, after] of examples) {
    assert.deepEqual(applyPatch(before as JsonObject, patch as JsonObject), after);
  }
});

test('random patches give what the RFC gives, share what is equal and change nothing in place', () => {
  for (let seed = 1; seed <= 4000; seed++) {
    const random = new Random(seed);
    const before = randomObject(random, 4);
    const patch = withDeletions(random, randomObject(random, 4));
    const text = canonical(before);
    const wanted = canonical(mergePatch(before, patch));
    const after = applyPatch(before, patch);
    assert.equal(canonical(after), wanted, `seed ${seed}`);
    assert.equal(canonical(before), text, `seed ${seed}: changed in place`);
    assert.equal(after === before, wanted === text, `seed ${seed}: identity`);
    for (const name of Object.keys(before)) {
      const was = before[name] as Json;
      const is = Object.hasOwn(after, name) ? after[name] : undefined;
      if (is !== undefined && canonical(is) === canonical(was)) assert.equal(is, was, `seed ${seed}: ${name} is not shared`);
    }
  }
});

test('a document that is read anew keeps the identity of what is equal', () => {
  for (let seed = 1; seed <= 1000; seed++) {
    const random = new Random(seed);
    const before = randomObject(random, 4);
    const after = applyPatch(before, withDeletions(random, randomObject(random, 3)));
    const shared = share(before, structuredClone(after)) as JsonObject;
    assert.equal(canonical(shared), canonical(after), `seed ${seed}`);
    assert.equal(shared === before, canonical(after) === canonical(before), `seed ${seed}: identity`);
    for (const name of Object.keys(after)) {
      if (after[name] === before[name]) assert.equal(shared[name], before[name], `seed ${seed}: ${name} is not shared`);
    }
  }
});

test('a batch of patches gives what they give one by one, and changes only its own copies in place', () => {
  for (let seed = 1; seed <= 1000; seed++) {
    const random = new Random(seed);
    const before = randomObject(random, 4);
    const text = canonical(before);
    const own = new WeakSet<object>();
    let [batch, single] = [before, before];
    for (let i = 0; i < 4; i++) {
      const patch = withDeletions(random, randomObject(random, 3));
      single = applyPatch(single, structuredClone(patch));
      batch = applyPatch(batch, patch, own);
    }
    assert.equal(canonical(batch), canonical(single), `seed ${seed}`);
    assert.equal(canonical(before), text, `seed ${seed}: changed in place`);
  }
});

// What a replica takes after all its fields have been read: JavaScript's heap and the
// memory outside of it, which includes that of WebAssembly. A WebAssembly memory never
// shrinks, so it is counted as large as opening made it.

import assert from 'node:assert/strict';

import { record, recordCount } from '../inputs.js';

export async function* run({ peer, files }) {
  peer.readAll(peer.open(peer.build({ records: {} }))); // what is loaded or made once
  const before = await used();
  const replica = peer.open(files.readStored());
  let want = 0;
  for (let i = 0; i < recordCount; i++) want += Object.values(record(i)).join('').length;
  assert.equal(peer.readAll(replica), want, 'other fields');
  const after = await used();
  peer.readAll(replica); // it is still in use here
  yield { metric: 'used', value: (after - before) / 1e6, unit: 'MB' };
}

/** Bytes in use once everything that can be freed is freed. */
async function used() {
  for (let i = 0; i < 4; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 20)); // finalizers run between tasks
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

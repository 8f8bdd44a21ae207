// The inputs that every peer gets, and that Rivulet's own benchmarks get too.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

/** Where the recorded traces are: RIVULET_DATA, or shared/data beside the repository. */
export const dataDir = process.env.RIVULET_DATA || fileURLToPath(new URL('../../../shared/data', import.meta.url));

/**
 * A person's keystrokes while writing a paper: `patches` of [position, deleted, inserted]
 * in order, from the empty text to `endContent`. The file counts positions in Unicode
 * characters, the peers in UTF-16 units; the two are the same where nothing is outside of
 * the basic plane, and this trace has nothing there.
 */
export function paperTrace() {
  const file = join(dataDir, 'automerge-paper.json.gz');
  const trace = JSON.parse(gunzipSync(readFileSync(file)).toString());
  if (trace.startContent !== '') throw new Error(`${file}: does not begin with an empty text`);
  const patches = trace.txns ? trace.txns.flatMap((txn) => txn.patches) : trace.patches;
  if (patches.some(([, , inserted]) => /[\ud800-\udfff]/.test(inserted))) {
    throw new Error(`${file}: has characters of two UTF-16 units; its positions would have to be converted`);
  }
  return { patches, endContent: trace.endContent };
}

/** How many records the document of the record scenarios has. */
export const recordCount = 10_000;

/** The id of record i, of six digits: "r000000" ... */
export const recordID = (i) => `r${String(i).padStart(6, '0')}`;

/** Record i: five fields in the order of their names, about 150 bytes of JSON with its id. */
export const record = (i) => ({
  count: i,
  done: i % 2 === 0,
  email: `user${i}@example.com`,
  name: `User ${i}`,
  note: 'n'.repeat(60),
});

/**
 * The document of n records by their ids. JSON.stringify of it is its canonical form, byte
 * for byte what `manyRecords` in shared/doc makes.
 */
export function recordsDocument(n = recordCount) {
  const records = {};
  for (let i = 0; i < n; i++) records[recordID(i)] = record(i);
  return { records };
}

/**
 * The changes that another replica makes, one field each: the name of a record, far from
 * the one before.
 */
export function* fieldChanges(count, n = recordCount) {
  for (let i = 0; i < count; i++) {
    yield { id: recordID((i * 7919) % n), field: 'name', value: `Changed ${i}` };
  }
}

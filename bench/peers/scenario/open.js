// From stored bytes to the first field read: the first time in a process, and the median
// of those after it.

import assert from 'node:assert/strict';

import { record, recordID } from '../inputs.js';
import { median } from './index.js';

const most = 30; // times
const enough = 5; // seconds

export function* run({ peer, files }) {
  const stored = files.readStored();
  const times = [];
  const begin = performance.now();
  while (times.length < 2 || (times.length < most && performance.now() - begin < enough * 1000)) {
    globalThis.gc();
    const start = performance.now();
    const replica = peer.open(stored);
    const name = peer.read(replica, recordID(5000), 'name');
    times.push(performance.now() - start);
    peer.close(replica);
    assert.equal(name, record(5000).name);
  }
  yield { metric: 'first', value: times[0], unit: 'ms' };
  yield { metric: 'p50', value: median(times.slice(1)), unit: 'ms' };
}

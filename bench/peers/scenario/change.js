// One field change of another replica, from its bytes until the observer has been told,
// one after the other.

import assert from 'node:assert/strict';

import { fieldChanges } from '../inputs.js';
import { mean, median } from './index.js';
import { changeCount } from './prepare.js';

export async function* run({ peer, files }) {
  const updates = files.readUpdates();
  const replica = peer.open(files.readStored());
  peer.readAll(replica);
  let told = 0;
  peer.observe(replica, () => told++);
  await settle();
  told = 0;

  const times = [];
  const cpu = process.cpuUsage();
  for (const update of updates) {
    const before = told;
    const start = performance.now();
    peer.apply(replica, update);
    while (told === before) await undefined; // some tell in a microtask
    times.push((performance.now() - start) * 1000);
  }
  const { user, system } = process.cpuUsage(cpu);

  assert.equal(told, changeCount, 'not told once of each change');
  for (const { id, field, value } of fieldChanges(changeCount)) {
    assert.equal(peer.read(replica, id, field), value, 'another value');
  }
  yield { metric: 'p50', value: median(times), unit: 'us' };
  yield { metric: 'mean', value: mean(times), unit: 'us' };
  yield { metric: 'cpu', value: (user + system) / updates.length, unit: 'us' };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe } from '../demos/ui/status';

test('the connection in words', () => {
  const waiting = { status: 'waiting', retryAt: 3000, code: '', detail: '' } as const;
  const online = { status: 'online', storage: { available: true } } as const;
  assert.equal(describe({ status: 'loading' }, 0, 0).text, 'Loading…');
  assert.equal(describe(online, 3, 0).text, 'Online');
  assert.equal(describe({ ...online, storage: { available: false, detail: 'disk full' } }, 0, 0).text, 'Server cannot store edits: disk full');
  assert.equal(describe(waiting, 0, 100).text, 'Reconnecting in 3 s');
  assert.equal(describe(waiting, 4, 2500).text, 'Offline: 4 edits are kept and will be sent · reconnecting in 1 s');
  assert.equal(describe(waiting, 0, 9000).text, 'Reconnecting…');
  assert.equal(describe({ status: 'offline' }, 1, 0).text, 'Offline: 1 edit is kept and will be sent');
  assert.equal(describe({ status: 'closed', code: 'bad_version', detail: '' }, 0, 0).text, 'Disconnected (bad_version)');
});

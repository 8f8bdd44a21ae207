import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { fieldChanges, paperTrace, recordsDocument } from './inputs.js';

test('the records are the same as in Go', () => {
  const text = JSON.stringify(recordsDocument());
  assert.equal(text.slice(0, 140), '{"records":{"r000000":{"count":0,"done":true,"email":"user0@example.com","name":"User 0","note":"' + 'n'.repeat(43));
  assert.equal(text.length, 1_571_683);
  assert.equal(createHash('sha256').update(text).digest('hex'), 'c00a4f6d3c7147a2a03286a93f2166939714cbb0b6d1c7a7398252ba02aece80');
});

test('the trace leads to its end', () => {
  const { patches, endContent } = paperTrace();
  assert.equal(patches.length, 259_778);
  let text = '';
  for (const [at, deleted, inserted] of patches) text = text.slice(0, at) + inserted + text.slice(at + deleted);
  assert.equal(text, endContent);
});

test('the changes are far apart and different', () => {
  const changes = [...fieldChanges(2000)];
  assert.equal(new Set(changes.map((c) => c.id)).size, 2000);
});

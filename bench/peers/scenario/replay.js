import assert from 'node:assert/strict';

import { paperTrace } from '../inputs.js';

/** Types the paper into a new text. Only the typing is timed. */
export function replay(peer, emit) {
  const { patches, endContent } = paperTrace();
  const text = peer.text(emit);
  const start = performance.now();
  for (const [at, deleted, inserted] of patches) text.edit(at, deleted, inserted);
  const seconds = (performance.now() - start) / 1000;
  assert.equal(text.toString(), endContent, 'the text is another one at the end');
  return { text, edits: patches.length, seconds };
}

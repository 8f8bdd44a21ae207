// The paper, keystroke by keystroke, each a transaction whose update is emitted.

import { replay } from './replay.js';

export function* run({ peer }) {
  let bytes = 0;
  const { text, edits, seconds } = replay(peer, (update) => (bytes += update.length));
  yield { metric: 'time', value: seconds, unit: 's' };
  yield { metric: 'update', value: bytes / edits, unit: 'B/edit' };
  yield { metric: 'stored', value: text.save().length, unit: 'B' };
}

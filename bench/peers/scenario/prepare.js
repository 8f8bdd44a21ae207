// Makes the stored bytes of the 10,000 records, and the changes that another replica makes
// to them, for the scenarios after this one.

import { fieldChanges, recordsDocument } from '../inputs.js';

export const changeCount = 2000;

export function* run({ peer, files }) {
  const stored = peer.build(recordsDocument());
  files.writeStored(stored);
  yield { metric: 'stored', value: stored.length, unit: 'B' };

  const other = peer.open(stored);
  const updates = [...fieldChanges(changeCount)].map((change) => peer.change(other, change));
  files.writeUpdates(updates);
  yield { metric: 'update', value: updates.reduce((sum, u) => sum + u.length, 0) / updates.length, unit: 'B/change' };
}

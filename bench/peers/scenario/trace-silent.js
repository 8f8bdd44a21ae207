// The paper, keystroke by keystroke, with nobody to send updates to.

import { replay } from './replay.js';

export function* run({ peer }) {
  yield { metric: 'time', value: replay(peer).seconds, unit: 's' };
}

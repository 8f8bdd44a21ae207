// One scenario with one peer: `node --expose-gc measure.js <peer> <scenario> <directory>`.
// Prints a line of JSON for each metric.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import * as peers from './peer/index.js';
import * as scenarios from './scenario/index.js';

const [peerName, scenarioName, directory] = process.argv.slice(2);

const storedFile = join(directory, 'stored');
const updatesFile = join(directory, 'updates');

// A copy of its own for each reader: a part of a larger buffer would keep that alive.
const bytes = (buffer) => new Uint8Array(buffer);

/** What `prepare` leaves to the scenarios after it. */
const files = {
  writeStored: (stored) => writeFileSync(storedFile, stored),
  readStored: () => bytes(readFileSync(storedFile)),
  writeUpdates: (updates) =>
    writeFileSync(updatesFile, JSON.stringify(updates.map((u) => Buffer.from(u).toString('base64')))),
  readUpdates: () => JSON.parse(readFileSync(updatesFile)).map((u) => bytes(Buffer.from(u, 'base64'))),
};

const peer = await peers.load(peerName);
const scenario = await scenarios.load(scenarioName);
for await (const { metric, value, unit } of scenario.run({ peer, files })) {
  console.log(JSON.stringify({ peer: peerName, version: peers.version(peerName), scenario: scenarioName, metric, value, unit }));
}

// Measures every peer in every scenario, each in a fresh process with a time limit:
//
//   node run.js [--peers yjs,loro] [--scenarios trace,open] [--json]
//
// Prints a line of JSON for each metric and each failure as it comes, then a table, which
// --json leaves out. Exits with 1 if something failed.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { peerNames, version } from './peer/index.js';
import { limits, needPrepared, scenarioNames } from './scenario/index.js';
import { table } from './table.js';

const { values: flags } = parseArgs({
  options: { peers: { type: 'string' }, scenarios: { type: 'string' }, json: { type: 'boolean' } },
});
const peers = chosen(flags.peers, peerNames);
const scenarios = chosen(flags.scenarios, scenarioNames);
if (scenarios.some((s) => needPrepared.includes(s)) && !scenarios.includes('prepare')) scenarios.unshift('prepare');

function chosen(list, from) {
  if (list === undefined) return [...from];
  const names = list.split(',');
  for (const name of names) {
    if (!from.includes(name)) throw new Error(`${name} is none of ${from.join(', ')}`);
  }
  return from.filter((name) => names.includes(name));
}

const lines = [];
function note(line) {
  lines.push(line);
  console.log(JSON.stringify(line));
}

const work = mkdtempSync(join(tmpdir(), 'rivulet-peers-'));
try {
  for (const peer of peers) {
    const directory = join(work, peer);
    mkdirSync(directory);
    let prepared = true;
    for (const scenario of scenarios) {
      if (needPrepared.includes(scenario) && !prepared) {
        note({ peer, version: version(peer), scenario, failed: 'nothing was prepared' });
        continue;
      }
      const ok = await measure(peer, scenario, directory);
      if (scenario === 'prepare') prepared = ok;
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
if (!flags.json) console.log('\n' + table(lines));
process.exitCode = lines.some((line) => line.failed) ? 1 : 0;

/**
 * Runs one scenario with one peer, notes what it printed and how it failed, if it did, and
 * returns whether it did not.
 */
async function measure(peer, scenario, directory) {
  const script = fileURLToPath(new URL('measure.js', import.meta.url));
  const child = spawn(process.execPath, ['--expose-gc', script, peer, scenario, directory], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (err += text));
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, limits[scenario] * 1000);
  const [code, signal] = await new Promise((resolve) => {
    child.once('error', (error) => ((err += error), resolve([1, null])));
    child.once('close', (...end) => resolve(end));
  });
  clearTimeout(timer);

  for (const line of out.split('\n')) {
    if (line !== '') note(JSON.parse(line));
  }
  if (code === 0) return true;
  const reason = late ? `time limit of ${limits[scenario]} s` : lastError(err) || `ended with ${signal ?? code}`;
  note({ peer, version: version(peer), scenario, failed: reason });
  return false;
}

/** The line of a stack trace that says what is wrong. */
function lastError(text) {
  const found = text.split('\n').filter((line) => /^\S*(Error|panicked)|^\S+: /.test(line));
  return (found[0] ?? text.trim().split('\n').at(-1) ?? '').slice(0, 300);
}

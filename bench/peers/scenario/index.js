// The scenarios, each a module which exports `run({ peer, files })` and yields
// { metric, value, unit }. Each runs in a process of its own.

/** The scenarios in the order in which they run, each with its time limit in seconds. */
export const limits = {
  trace: 240,
  'trace-silent': 240,
  prepare: 240, // makes the files of those that follow
  open: 120,
  memory: 120,
  change: 240,
};

/** Those that read what `prepare` wrote. */
export const needPrepared = ['open', 'memory', 'change'];

export const scenarioNames = Object.keys(limits);

export const load = (name) => import(`./${name}.js`);

/** The value in the middle. */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

export const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;

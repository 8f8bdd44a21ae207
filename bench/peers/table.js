/** A table of the lines: a row for each scenario and metric, a column for each peer. */
export function table(lines) {
  const peers = [...new Set(lines.map((line) => line.peer))];
  const rows = new Map();
  const failures = [];
  for (const line of lines) {
    if (line.failed) {
      failures.push(`${line.peer} failed in ${line.scenario}: ${line.failed}`);
      continue;
    }
    const title = `${line.scenario}: ${line.metric}, ${line.unit}`;
    if (!rows.has(title)) rows.set(title, new Map());
    rows.get(title).set(line.peer, number(line.value));
  }
  const versions = new Map(lines.map((line) => [line.peer, line.version]));
  const cells = [
    ['', ...peers.map((peer) => `${peer} ${versions.get(peer)}`)],
    ...[...rows].map(([title, row]) => [title, ...peers.map((peer) => row.get(peer) ?? 'none')]),
  ];
  const widths = cells[0].map((_, i) => Math.max(...cells.map((row) => row[i].length)));
  const text = cells.map((row) => row.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  '));
  return [...text, ...failures].join('\n');
}

/** Three digits that say something, and no fewer than there are before the point. */
function number(value) {
  if (Number.isInteger(value) || Math.abs(value) >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

import { isHigh, isLow } from './textnode';

/** A change of a text: at a position so many units give way to a string. */
export interface Splice {
  readonly at: number;
  readonly deleted: number;
  readonly inserted: string;
}

/** A step through a text from its beginning; what is behind the last one stays. All counts are UTF-16 units. */
export type TextOp = { readonly retain: number } | { readonly insert: string } | { readonly delete: number };

/** Where a position is after a splice. What is inserted right there moves it to the right, or not. */
export function move(position: number, { at, deleted, inserted }: Splice, right: boolean): number {
  if (position < at || (position === at && !right)) return position;
  return position >= at + deleted ? position - deleted + inserted.length : at + (right ? inserted.length : 0);
}

/** The position of the splices' place in the text before them all, and so on: one pass through that text. */
export function toOps(splices: readonly Splice[]): TextOp[] {
  let ops: TextOp[] = [];
  for (const splice of splices) ops = after(ops, splice);
  const last = ops.at(-1);
  if (last && 'retain' in last) ops.pop();
  return ops;
}

/** The ops and then a splice of the text that they make. */
function after(ops: readonly TextOp[], { at, deleted, inserted }: Splice): TextOp[] {
  const result: TextOp[] = [];
  let rest = at;
  let i = 0;
  let op: TextOp | undefined;
  const next = (): void => void (op = ops[i++]);
  next();
  // What is before it.
  while (rest > 0) {
    if (!op) op = { retain: rest };
    if ('delete' in op) {
      push(result, op);
      next();
      continue;
    }
    const [head, tail] = cut(op, rest);
    rest -= lengthOf(head);
    push(result, head);
    if (tail) op = tail;
    else next();
  }
  push(result, { insert: inserted });
  // What it deletes: units of the text before, or of what the ops have inserted.
  for (rest = deleted; rest > 0; ) {
    if (!op) op = { retain: rest };
    if ('delete' in op) {
      push(result, op);
      next();
      continue;
    }
    const [head, tail] = cut(op, rest);
    rest -= lengthOf(head);
    if ('retain' in head) push(result, { delete: head.retain });
    if (tail) op = tail;
    else next();
  }
  for (; op; next()) push(result, op);
  return result;
}

function lengthOf(op: TextOp): number {
  if ('retain' in op) return op.retain;
  return 'insert' in op ? op.insert.length : 0;
}

function cut(op: TextOp, length: number): [TextOp, TextOp?] {
  if (lengthOf(op) <= length) return [op];
  if ('insert' in op) return [{ insert: op.insert.slice(0, length) }, { insert: op.insert.slice(length) }];
  return [{ retain: length }, { retain: lengthOf(op) - length }];
}

/** Adds an op, joined with the last one if that is of its kind. */
function push(ops: TextOp[], op: TextOp): void {
  if (('retain' in op && op.retain === 0) || ('insert' in op && op.insert === '') || ('delete' in op && op.delete === 0)) return;
  const last = ops.at(-1);
  if (last && 'retain' in last && 'retain' in op) ops[ops.length - 1] = { retain: last.retain + op.retain };
  else if (last && 'insert' in last && 'insert' in op) ops[ops.length - 1] = { insert: last.insert + op.insert };
  else if (last && 'delete' in last && 'delete' in op) ops[ops.length - 1] = { delete: last.delete + op.delete };
  else ops.push(op);
}

/**
 * The splice that makes one text into another, found from both ends. `near` is where the change probably ends in `after`:
 * where the cursor is. Where several would do, as within equal letters, it is the one that ends there. No pair is divided.
 */
export function difference(before: string, after: string, near = after.length): Splice | undefined {
  if (before === after) return undefined;
  const shorter = Math.min(before.length, after.length);
  // The common end, no further than to the cursor.
  let end = 0;
  const endLimit = Math.min(shorter, after.length - near);
  while (end < endLimit && before.charCodeAt(before.length - 1 - end) === after.charCodeAt(after.length - 1 - end)) end++;
  let start = 0;
  const startLimit = shorter - end;
  while (start < startLimit && before.charCodeAt(start) === after.charCodeAt(start)) start++;
  // If the change is not at the cursor, the end may have more in common.
  while (end < shorter - start && before.charCodeAt(before.length - 1 - end) === after.charCodeAt(after.length - 1 - end)) end++;
  if (start > 0 && isHigh(before.charCodeAt(start - 1)) && (isLow(before.charCodeAt(start)) || isLow(after.charCodeAt(start)))) start--;
  const last = before.length - end;
  if (end > 0 && isLow(before.charCodeAt(last)) && (isHigh(before.charCodeAt(last - 1)) || isHigh(after.charCodeAt(after.length - end - 1)))) end--;
  return { at: start, deleted: before.length - end - start, inserted: after.slice(start, after.length - end) };
}

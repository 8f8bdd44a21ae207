/** The server, the replica or the rules of the document did not take an edit; it was rolled back. */
export class RejectedError extends Error {
  override readonly name = 'RejectedError';
  /**
   * Why, as a name to branch on: 'conflict' (what it read has changed and it cannot run again), 'dropped'
   * (it threw when it ran again: see `cause`), 'refused' (it never left the browser), 'closed' (nobody
   * waits for the answer any more: the log may have it), 'mutator' (the function of a named mutation refused it:
   * `detail` is its reason), or another code of the protocol such as 'too_large'.
   */
  readonly code: string;
  /** Why, in words. */
  readonly detail: string;

  constructor(code: string, detail: string, options?: ErrorOptions) {
    super(detail === '' ? code : `${code}: ${detail}`, options);
    this.code = code;
    this.detail = detail;
  }
}

/** A named mutation whose function is not in the module that the page has loaded. */
export class UnknownMutatorError extends Error {
  override readonly name = 'UnknownMutatorError';
  readonly mutator: string;

  constructor(mutator: string) {
    super(`the module has no mutator '${mutator}': register it in a module of your own and load that with createClient({ wasm }), see docs/mutators.md`);
    this.mutator = mutator;
  }
}

export type ValueFault = 'undefined' | 'null' | 'number' | 'text' | 'type' | 'cycle' | 'depth' | 'hole' | 'name' | 'size' | 'collection';

/** A value that a document cannot hold was written to a draft, or one that cannot be told was set as presence. */
export class ValueError extends TypeError {
  override readonly name = 'ValueError';
  readonly fault: ValueFault;
  /** RFC 6901 pointer of the value. */
  readonly pointer: string;

  constructor(fault: ValueFault, pointer: string) {
    super(pointer === '' ? faults[fault] : `${pointer}: ${faults[fault]}`);
    this.fault = fault;
    this.pointer = pointer;
  }
}

const faults: Record<ValueFault, string> = {
  undefined: 'undefined is not a JSON value; use delete to remove a member',
  null: 'a member cannot be null; use delete to remove it',
  number: 'NaN and the infinities are not JSON numbers',
  text: 'the text has half of a surrogate pair',
  type: 'only plain objects, arrays, strings, numbers and booleans are JSON',
  cycle: 'the value contains itself',
  depth: 'nested too deep',
  hole: 'the array has a hole',
  name: 'the name of the member is longer than 1,024 bytes',
  size: 'too large: a presence has at most 4,096 bytes of JSON, a new list at most 226,981 items',
  collection: 'a text or a list cannot be within an array: make that a list(…)',
};

export type EditFault =
  | 'no_text'
  | 'no_list'
  | 'no_counter'
  | 'range'
  | 'integer'
  | 'mark'
  | 'copy'
  | 'assigned'
  | 'detached'
  | 'array'
  | 'too_many'
  | 'too_large';

/** An edit of a text, a list or a counter that cannot be made. Nothing of it, or of its update, happened. */
export class EditError extends Error {
  override readonly name = 'EditError';
  /** What is wrong, as a name to branch on. */
  readonly fault: EditFault;
  /** RFC 6901 pointer of the text, list or counter; an item of a list is named by its id. */
  readonly pointer: string;

  constructor(fault: EditFault, pointer: string, detail = '') {
    super(`${pointer === '' ? '' : `${pointer}: `}${editFaults[fault]}${detail === '' ? '' : ` (${detail})`}`);
    this.fault = fault;
    this.pointer = pointer;
  }
}

const editFaults: Record<EditFault, string> = {
  no_text: 'there is no text here; make one in an update: draft.title = text()',
  no_list: 'there is no list here; make one in an update: draft.items = list()',
  no_counter: 'there is no counter here, which is an integer of at most 2^53-1, or the sum would not be one',
  range: 'the position is not there; positions count from 0 to the length, those of a text in UTF-16 units',
  integer: 'positions, lengths and what a counter adds are integers',
  mark: 'a mark needs a name and a value other than null',
  copy: 'a text or list that was edited in an update cannot be copied in the same one',
  assigned: 'what was assigned here was itself changed afterwards, but the draft has a copy of it; change what the draft has: draft.log ??= []; draft.log.push(x)',
  detached: 'this value is in no document yet: assign it to a draft, and edit what the draft has then',
  array: 'a list changes by insert, push, move, set and delete, not by the methods of an array',
  too_many: 'too many texts and lists were edited while nothing was confirmed; wait with client.whenSynced()',
  too_large:
    'what this would put back is too large for one edit, so it stays as it is, and the next undo or redo is of the step before it; an earlier revision of the document has it, to be put back in parts',
};

/** Why the engine did not make an edit, from the answer of Engine.edit. */
export function refusalOf(answer: string): Error {
  const line = answer.indexOf('\n');
  const space = answer.indexOf(' ');
  const code = answer.slice(0, space);
  const detail = answer.slice(line + 1);
  return code === 'refused' ? new RejectedError(code, detail) : new EditError(code as EditFault, answer.slice(space + 1, line), detail);
}

export type TransactFault = 'none' | 'many' | 'twice' | 'spaces' | 'foreign' | 'async';

/** A transaction that cannot be made, of those documents or with that function. Nothing of it happened. */
export class TransactError extends TypeError {
  override readonly name = 'TransactError';
  readonly fault: TransactFault;

  constructor(fault: TransactFault) {
    super(`client.transact: ${transactFaults[fault]}`);
    this.fault = fault;
  }
}

const transactFaults: Record<TransactFault, string> = {
  none: 'there is no document',
  many: 'a transaction has at most 64 documents',
  twice: 'a document is named twice',
  spaces: 'the documents are not of one space',
  foreign: 'not a document of this client',
  async: 'the function must not be async',
};

/** The document could not be opened, or had to be closed. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError';
  readonly code: string;
  readonly detail: string;

  constructor(key: string, code: string, detail: string) {
    super(`document ${key}: ${code}${detail === '' ? '' : `: ${detail}`}`);
    this.code = code;
    this.detail = detail;
  }
}

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

export type ValueFault = 'undefined' | 'null' | 'number' | 'text' | 'type' | 'cycle' | 'depth' | 'hole' | 'name' | 'size';

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
  size: 'a presence has at most 4,096 bytes of JSON',
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

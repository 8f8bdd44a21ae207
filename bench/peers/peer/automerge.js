import * as A from '@automerge/automerge';

// A document is an immutable value here, so that a replica is what holds the last one.
// Strings are what they are by default: texts, which merge by character.

export function text(emit) {
  let doc = A.from({ text: '' });
  return {
    edit(at, deleted, inserted) {
      doc = A.change(doc, (d) => A.splice(d, ['text'], at, deleted, inserted));
      if (emit) emit(A.getLastLocalChange(doc));
    },
    toString: () => doc.text,
    save: () => A.save(doc),
  };
}

export const build = (document) => A.save(A.from(document));

export const open = (bytes) => ({ doc: A.load(bytes), told: undefined });

export const read = (replica, id, field) => replica.doc.records[id][field];

export function readAll(replica) {
  let length = 0;
  for (const fields of Object.values(replica.doc.records)) {
    for (const value of Object.values(fields)) length += String(value).length;
  }
  return length;
}

export function change(replica, { id, field, value }) {
  replica.doc = A.change(replica.doc, (d) => {
    d.records[id][field] = value;
  });
  return A.getLastLocalChange(replica.doc);
}

export function observe(replica, told) {
  replica.told = told;
}

export function apply(replica, bytes) {
  const { told } = replica;
  [replica.doc] = A.applyChanges(replica.doc, [bytes], { patchCallback: () => told?.() });
}

export const close = (replica) => A.free(replica.doc);

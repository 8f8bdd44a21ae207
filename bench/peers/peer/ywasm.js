import Y from 'ywasm';

// Stored in the second encoding, which is smaller; sent in the first, as is usual.

function transact(doc, fn) {
  const txn = doc.beginTransaction();
  try {
    return fn(txn);
  } finally {
    txn.free(); // commits
  }
}

export function text(emit) {
  const doc = new Y.YDoc();
  const content = doc.getText('text');
  if (emit) doc.onUpdate((update) => emit(update));
  return {
    edit(at, deleted, inserted) {
      transact(doc, (txn) => {
        if (deleted > 0) content.delete(at, deleted, txn);
        if (inserted !== '') content.insert(at, inserted, undefined, txn);
      });
    },
    toString: () => transact(doc, (txn) => content.toString(txn)),
    save: () => Y.encodeStateAsUpdateV2(doc),
  };
}

/** The map of records. It cannot be asked for within a transaction. */
const records = (doc) => doc.getMap('records');

export function build(document) {
  const doc = new Y.YDoc();
  const map = records(doc);
  transact(doc, (txn) => {
    for (const [id, fields] of Object.entries(document.records)) map.set(id, new Y.YMap(fields), txn);
  });
  return Y.encodeStateAsUpdateV2(doc);
}

export function open(bytes) {
  const doc = new Y.YDoc();
  Y.applyUpdateV2(doc, bytes);
  return doc;
}

export const read = (doc, id, field) => withRecord(doc, id, (record, txn) => record.get(field, txn));

/** Handles are freed at once: each keeps the whole document from being freed. */
function withRecord(doc, id, fn) {
  const map = records(doc);
  const result = transact(doc, (txn) => {
    const record = map.get(id, txn);
    const result = fn(record, txn);
    record.free();
    return result;
  });
  map.free();
  return result;
}

export function readAll(doc) {
  let length = 0;
  const map = records(doc);
  for (const fields of Object.values(map.toJson())) {
    for (const value of Object.values(fields)) length += String(value).length;
  }
  map.free();
  return length;
}

export function change(doc, { id, field, value }) {
  let sent;
  const observer = doc.onUpdate((update) => (sent = update));
  withRecord(doc, id, (record, txn) => record.set(field, value, txn));
  observer.free();
  return sent;
}

export function observe(doc, told) {
  records(doc).observeDeep(() => told());
}

export const apply = (doc, bytes) => Y.applyUpdate(doc, bytes);

export const close = (doc) => doc.free();

import * as Y from 'yjs';

// Stored in the second encoding, which is smaller; sent in the first, as is usual.

export function text(emit) {
  const doc = new Y.Doc();
  const content = doc.getText('text');
  if (emit) doc.on('update', (update) => emit(update));
  return {
    edit(at, deleted, inserted) {
      doc.transact(() => {
        if (deleted > 0) content.delete(at, deleted);
        if (inserted !== '') content.insert(at, inserted);
      });
    },
    toString: () => content.toString(),
    save: () => Y.encodeStateAsUpdateV2(doc),
  };
}

const records = (doc) => doc.getMap('records');

export function build(document) {
  const doc = new Y.Doc();
  doc.transact(() => {
    for (const [id, fields] of Object.entries(document.records)) {
      records(doc).set(id, new Y.Map(Object.entries(fields)));
    }
  });
  return Y.encodeStateAsUpdateV2(doc);
}

export function open(bytes) {
  const doc = new Y.Doc();
  Y.applyUpdateV2(doc, bytes);
  return doc;
}

export const read = (doc, id, field) => records(doc).get(id).get(field);

export function readAll(doc) {
  let length = 0;
  for (const record of records(doc).values()) {
    for (const value of record.values()) length += String(value).length;
  }
  return length;
}

export function change(doc, { id, field, value }) {
  let sent;
  const listen = (update) => (sent = update);
  doc.on('update', listen);
  records(doc).get(id).set(field, value);
  doc.off('update', listen);
  return sent;
}

export function observe(doc, told) {
  records(doc).observeDeep(() => told());
}

export const apply = (doc, bytes) => Y.applyUpdate(doc, bytes);

export const close = (doc) => doc.destroy();

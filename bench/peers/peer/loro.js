import { LoroDoc, LoroMap } from 'loro-crdt';

export function text(emit) {
  const doc = new LoroDoc();
  const content = doc.getText('text');
  if (emit) doc.subscribeLocalUpdates((update) => emit(update));
  return {
    edit(at, deleted, inserted) {
      if (deleted > 0) content.delete(at, deleted);
      if (inserted !== '') content.insert(at, inserted);
      doc.commit();
    },
    toString: () => content.toString(),
    save: () => doc.export({ mode: 'snapshot' }),
  };
}

const records = (doc) => doc.getMap('records');

export function build(document) {
  const doc = new LoroDoc();
  for (const [id, fields] of Object.entries(document.records)) {
    const record = records(doc).setContainer(id, new LoroMap());
    for (const [field, value] of Object.entries(fields)) record.set(field, value);
  }
  doc.commit();
  return doc.export({ mode: 'snapshot' });
}

export const open = (bytes) => LoroDoc.fromSnapshot(bytes);

export const read = (doc, id, field) => records(doc).get(id).get(field);

export function readAll(doc) {
  let length = 0;
  for (const fields of Object.values(records(doc).toJSON())) {
    for (const value of Object.values(fields)) length += String(value).length;
  }
  return length;
}

export function change(doc, { id, field, value }) {
  const from = doc.version();
  records(doc).get(id).set(field, value);
  doc.commit();
  return doc.export({ mode: 'update', from });
}

export function observe(doc, told) {
  records(doc).subscribe(() => told());
}

export const apply = (doc, bytes) => doc.import(bytes);

export const close = (doc) => doc.free();

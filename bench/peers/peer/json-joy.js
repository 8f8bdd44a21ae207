import model from 'json-joy/lib/json-crdt/index.js';
import patch from 'json-joy/lib/json-crdt-patch/index.js';

const { Model } = model;
const { Patch } = patch;

export function text(emit) {
  const doc = Model.create();
  doc.api.set({ text: '' });
  doc.api.flush();
  const content = doc.api.str(['text']);
  return {
    edit(at, deleted, inserted) {
      if (deleted > 0) content.del(at, deleted);
      if (inserted !== '') content.ins(at, inserted);
      const patch = doc.api.flush();
      if (emit) emit(patch.toBinary());
    },
    toString: () => content.view(),
    save: () => doc.toBinary(),
  };
}

export function build(document) {
  const doc = Model.create();
  doc.api.set(document);
  doc.api.flush();
  return doc.toBinary();
}

export const open = (bytes) => Model.load(bytes, Model.sid());

export const read = (doc, id, field) => doc.api.obj(['records', id]).read([field]);

export function readAll(doc) {
  let length = 0;
  for (const fields of Object.values(doc.view().records)) {
    for (const value of Object.values(fields)) length += String(value).length;
  }
  return length;
}

export function change(doc, { id, field, value }) {
  doc.api.obj(['records', id]).set({ [field]: value });
  return doc.api.flush().toBinary();
}

export function observe(doc, told) {
  doc.api.onChange.listen(() => told());
}

export const apply = (doc, bytes) => doc.applyPatch(Patch.fromBinary(bytes));

export const close = () => {};

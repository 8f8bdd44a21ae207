// What a peer is to the scenarios: a module which exports
//
//   text(emit)               an empty text: { edit(at, deleted, inserted), toString(), save() }.
//                            Each edit is a transaction of its own. Where emit is given, it is
//                            called with the bytes that each would send.
//   build(document)          the peer's own stored bytes of a new document
//   open(bytes)              a replica
//   read(replica, id, field) one field of one record
//   readAll(replica)         how many characters all fields of all records have
//   change(replica, { id, field, value })
//                            sets a field and returns the bytes that it would send
//   observe(replica, told)   calls told after each change
//   apply(replica, bytes)    takes in a change that another replica made
//   close(replica)           frees what the collector does not

import { readFileSync } from 'node:fs';

/** The peers, by the name that they have here, and the package of each. */
export const packages = {
  yjs: 'yjs',
  ywasm: 'ywasm',
  'json-joy': 'json-joy',
  loro: 'loro-crdt',
  automerge: '@automerge/automerge',
};

export const peerNames = Object.keys(packages);

export const load = (name) => import(`./${name}.js`);

export function version(name) {
  const file = new URL(`../node_modules/${packages[name]}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(file)).version;
}

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { createClient } from '../src/client';
import type { Client } from '../src/client';
import { counter, list, text } from '../src/collections';
import type { Counter, List, Text } from '../src/collections';
import type { Doc } from '../src/doc';

// Clients with the real module, at a real server.

declare const RIVULET_SERVER: string;

export interface Todo {
  title: Text;
  done: boolean;
}

export interface Plan {
  title: Text;
  todos: List<Todo>;
  tags: List<string>;
  votes: Counter;
  n?: number;
}

const clients: Client[] = [];
after(() => clients.forEach((client) => client.close()));

export function freshKey(): string {
  return `collections/${crypto.randomUUID()}`;
}

/** A client, which is closed at the end. */
export function newClient(): Client {
  Object.assign(globalThis, { document: { baseURI: RIVULET_SERVER } });
  const client = createClient({ url: new URL('/v1/sync', RIVULET_SERVER) });
  clients.push(client);
  return client;
}

export async function join(key: string): Promise<{ client: Client; doc: Doc<Plan> }> {
  const client = newClient();
  const doc = client.doc<Plan>(key);
  await doc.ready;
  return { client, doc };
}

export async function begin(): Promise<{ key: string; client: Client; doc: Doc<Plan> }> {
  const key = freshKey();
  const { client, doc } = await join(key);
  await doc.update((d) => {
    d.title = text('Hello');
    d.todos = list<Todo>([{ title: text('one'), done: false }, { title: text('two'), done: false }]);
    d.tags = list(['a', 'b', 'c']);
    d.votes = counter(3);
  });
  return { key, client, doc };
}

/** Resolves when the documents are the same, everything being in the log. */
export async function agree(...people: { client: Client; doc: Doc<Plan> }[]): Promise<void> {
  await Promise.all(people.map(({ client }) => client.whenSynced()));
  const head = Math.max(...people.map(({ doc }) => doc.revision));
  await Promise.all(people.map(({ doc }) => reaches(doc, head)));
  for (const { doc } of people) {
    assert.equal(doc.canonical(), people[0]?.doc.canonical());
    assert.deepEqual(JSON.parse(JSON.stringify(doc.get())), JSON.parse(JSON.stringify(people[0]?.doc.get())));
  }
}

export function reaches(doc: Doc<Plan>, revision: number): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (doc.revision < revision) return;
      end();
      resolve();
    };
    const end = doc.subscribe(() => doc.revision, look);
    look();
  });
}

/** What a page of the shop does, under Node: its arguments are the server's address and the file of the module. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createClient, RejectedError, UnknownMutatorError, ValueError } from '../../../../web/src';

interface Shelf {
  stock?: Record<string, number>;
  sold?: Record<string, number>;
}
interface Order {
  sku: string;
  n: number;
}
interface Shop {
  fill: Order;
  buy: Order;
  steal: null;
}

const [, , url, module] = process.argv;
Object.assign(globalThis, {
  document: { baseURI: `${url}/` },
  fetch: async () => new Response(await readFile(module!), { headers: { 'Content-Type': 'application/wasm' } }),
});

const client = createClient({ url: `${url}/v1/sync`, wasm: '/shop.wasm' });
const shelf = client.doc<Shelf, object, Shop>('shop/tea');
const early = shelf.mutate('fill', { sku: 'tea', n: 3 }); // waits for the document
await early;
assert.deepEqual(shelf.get(), { stock: { tea: 3 } });

let told = 0;
shelf.subscribe((s) => s.stock?.['tea'], () => void told++);
const bought = shelf.mutate('buy', { sku: 'tea', n: 2 });
assert.deepEqual(shelf.get(), { sold: { tea: 2 }, stock: { tea: 1 } }); // at once
assert.equal(shelf.pending, 1);
assert((await bought).revision > 0);
assert.equal(told, 1);

const isRefused = (code: string, detail: string) => (error: unknown) => error instanceof RejectedError && error.code === code && error.detail.includes(detail);
await assert.rejects(shelf.mutate('buy', { sku: 'tea', n: 2 }), isRefused('mutator', 'sold out'));
await assert.rejects(shelf.mutate('buy', { sku: 'tea', n: -2 }), isRefused('mutator', 'an order has'));
await assert.rejects(shelf.mutate('buy', { sku: 'x'.repeat(40_000), n: 2 }), isRefused('bad_args', '32768'));
await assert.rejects(shelf.mutate('steal', null), (error) => error instanceof UnknownMutatorError && error.mutator === 'steal');
assert.throws(() => shelf.mutate('buy', { sku: 'tea', n: NaN }), ValueError);
await assert.rejects(shelf.update((draft) => void (draft.stock = { tea: 100 })), isRefused('mutators_only', ''));
assert.deepEqual(shelf.get(), { sold: { tea: 2 }, stock: { tea: 1 } });
assert.equal(client.pending, 0);
client.close();
process.exit(0);

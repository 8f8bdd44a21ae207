import 'wasm_exec';
import type { Engine } from './engine';

/** The address of the module, put in by the asset build; an application's own bundler leaves it out. */
declare const RIVULET_WASM: string | undefined;

interface GoProgram {
  env: Record<string, string>;
  readonly importObject: WebAssembly.Imports;
  run(instance: WebAssembly.Instance): Promise<void>;
}

declare global {
  /** Defined by Go's wasm_exec.js. */
  var Go: new () => GoProgram;
  /** Where the module leaves its engine, see engine.ts. */
  var __rivulet: { ready(engine: Engine): void } | undefined;
}

/** The module, running. */
export interface Module {
  readonly engine: Engine;
  /** Settles when the program ends, which it does only by a fault. */
  readonly exited: Promise<void>;
}

const modules = new Map<string, Promise<Module>>();
let previous: Promise<unknown> = Promise.resolve();

/** Loads and starts the module, once per address. */
export function loadModule(address: string | URL | undefined): Promise<Module> {
  const url = moduleURL(address);
  let module = modules.get(url);
  if (!module) {
    // One at a time: they announce themselves through the same global name.
    module = previous.then(() => start(url));
    previous = module.catch(() => undefined);
    modules.set(url, module);
    module.catch(() => modules.delete(url));
  }
  return module;
}

function moduleURL(address: string | URL | undefined): string {
  if (address !== undefined) return new URL(address, document.baseURI).href;
  if (typeof RIVULET_WASM === 'string') return new URL(RIVULET_WASM, import.meta.url).href;
  throw new TypeError('createClient: say with `wasm` where rivulet.wasm is');
}

/**
 * How much garbage may pile up, in percent of the heap; Go's default is 100. With one thread a collection slows down
 * whoever allocates until it is over, so fewer of them pay: see docs/benchmarks.md. The price is memory: up to five
 * times what is in use, instead of twice.
 */
const GARBAGE = '400';

async function start(url: string): Promise<Module> {
  const go = new Go();
  go.env['GOGC'] = GARBAGE;
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  const { instance } = await WebAssembly.instantiateStreaming(response, go.importObject);
  let ready: (engine: Engine) => void = () => undefined;
  const engine = new Promise<Engine>((resolve) => (ready = resolve));
  globalThis.__rivulet = { ready };
  const exited = go.run(instance).catch(() => undefined);
  const failed = exited.then((): never => {
    throw new Error('the module ended before it was ready');
  });
  try {
    return { engine: await Promise.race([engine, failed]), exited };
  } finally {
    globalThis.__rivulet = undefined;
    failed.catch(() => undefined); // that it ended is told by `exited`
  }
}

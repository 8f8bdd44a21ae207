/** Listeners to named events. A listener that throws disturbs neither the others nor the caller. */
export class Emitter<Events extends { [name in keyof Events]: readonly unknown[] }> {
  readonly #listeners = new Map<keyof Events, Set<(...args: never) => void>>();

  /** Returns a function that ends the listening. */
  on<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): () => void {
    let set = this.#listeners.get(name);
    if (!set) this.#listeners.set(name, (set = new Set()));
    const own = (...args: Events[Name]): void => listener(...args); // the same function may listen twice
    set.add(own);
    return () => void set.delete(own);
  }

  emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      guarded(() => (listener as (...args: Events[Name]) => void)(...args));
    }
  }
}

/** Runs code of the application; what it throws becomes an uncaught error, as in an event handler. */
export function guarded(run: () => void): void {
  try {
    run();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Runs a function once, soon: after the code that is running, before the browser paints. */
export class Soon {
  readonly #run: () => void;
  #asked = false;

  constructor(run: () => void) {
    this.#run = run;
  }

  ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    queueMicrotask(() => {
      this.#asked = false;
      this.#run();
    });
  }
}

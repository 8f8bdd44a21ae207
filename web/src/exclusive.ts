let running = false;

/**
 * Runs the function of an update. When others were first the engine is in the middle of its work
 * meanwhile, and cannot be called; on the first run it could be, but what an update may do must not
 * depend on who was first.
 */
export function exclusively<T>(run: () => T): T {
  running = true;
  try {
    return run();
  } finally {
    running = false;
  }
}

/** Begins every method that calls the engine: throws within the function of an update. */
export function notInUpdate(method: string): void {
  if (running) throw new TypeError(`${method} was called within the function of an update, which may do nothing but change its draft`);
}

// The few declarations of Node that the tests use, so that type checking needs no package for them.
declare module 'node:test' {
  export function after(run: () => void): void;
  export function test(name: string, run: () => void | Promise<void>): Promise<void>;
}
declare module 'node:assert/strict' {
  type Check = ((error: unknown) => boolean) | (new (...args: never) => Error);
  interface Assert {
    (value: unknown, message?: string): asserts value;
    equal(actual: unknown, expected: unknown, message?: string): void;
    notEqual(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    throws(run: () => unknown, check: Check): void;
    rejects(promise: Promise<unknown>, check: Check, message?: string): Promise<void>;
    fail(message: string): never;
  }
  const assert: Assert;
  export default assert;
}

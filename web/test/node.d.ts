// The few declarations of Node that the tests use, so that type checking needs no package for them.
declare module 'node:test' {
  export function test(name: string, run: () => void | Promise<void>): Promise<void>;
}
declare module 'node:assert/strict' {
  interface Assert {
    (value: unknown, message?: string): asserts value;
    equal(actual: unknown, expected: unknown, message?: string): void;
    notEqual(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    throws(run: () => unknown, check: (error: unknown) => boolean): void;
    rejects(promise: Promise<unknown>, check: (error: unknown) => boolean): Promise<void>;
    fail(message: string): never;
  }
  const assert: Assert;
  export default assert;
}

import type { Collection, Text } from './collections';
import type { Draft } from './draft';
import type { JsonObject } from './json';
import { namesOf } from './mirror';
import type { Step } from './mirror';

/** Where a text is: a function that goes there, the names and indexes on the way, or the RFC 6901 pointer of a handle. */
export type Path<T> = ((document: Draft<T>) => Text | undefined) | readonly Step[] | string;

/** Where a list is. */
export type ListPath<T> = ((document: Draft<T>) => (Collection & readonly unknown[]) | undefined) | readonly Step[] | string;

/** The names of members on the way, undefined where a list has no such item. */
export function resolve(root: JsonObject, path: Path<object> | ListPath<object>): string[] | undefined {
  return typeof path === 'string' ? namesOfPointer(path) : namesOf(root, typeof path === 'function' ? stepsOf(path) : path);
}

function stepsOf(path: (document: never) => unknown): Step[] {
  const steps: Step[] = [];
  const recorder: object = new Proxy(
    {},
    {
      get: (_, name) => {
        if (typeof name === 'symbol') throw new TypeError('the function of a path may do nothing but go there');
        steps.push(name);
        return recorder;
      },
    },
  );
  if (path(recorder as never) !== recorder) throw new TypeError('the function of a path returns what is there');
  return steps;
}

function namesOfPointer(pointer: string): string[] {
  if (pointer !== '' && !pointer.startsWith('/')) throw new TypeError(`not a JSON pointer: ${pointer}`);
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

import { counter, list, text } from '../../src/index';
import type { Counter, CursorJSON, Doc, Draft, List, Text } from '../../src/index';

export interface Todo {
  title: Text;
  done: boolean;
}

export interface Note {
  title: Text;
  body: Text;
  todos: List<Todo>;
  likes: Counter;
}

/** Where somebody writes. */
export interface Writer {
  readonly name: string;
  readonly caret?: CursorJSON;
}

export type NoteDoc = Doc<Note, Writer>;

const parts = ['title', 'body', 'todos', 'likes'] as const;

/** Whether nothing of the note is missing. A note that somebody has deleted is empty. */
export function isBegun(note: object): boolean {
  return parts.every((part) => part in note);
}

/** Makes what is missing of the note. Whoever comes second finds it there. */
export function begin(note: Draft<Partial<Note>>): void {
  note.title ??= text();
  note.body ??= text();
  note.todos ??= list();
  note.likes ??= counter(0);
}

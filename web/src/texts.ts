import { bindInput } from './bind';
import type { Expand } from './collections';
import type { Committed } from './document';
import { guarded } from './emitter';
import { EditError, ValueError } from './errors';
import { notInUpdate } from './exclusive';
import type { History } from './history';
import { isObject } from './json';
import type { Json, JsonObject } from './json';
import { partAt, textIn } from './mirror';
import { move, toOps } from './ops';
import type { Splice, TextOp } from './ops';
import { resolve } from './path';
import type { Path } from './path';
import { pointerTo } from './reads';
import type { Edit } from './scope';
import { checkMarkName, checkRange, checkSplice, markOf, widened } from './textdraft';
import type { TextNode } from './textnode';

/** A change of a text that somebody else made, or this page by other means than the handle that is told of it. */
export interface TextChange {
  /** What to do to the text as it was last told, in one pass; empty when only marks have changed. */
  readonly ops: readonly TextOp[];
  /** The same as splices, each on the text that the one before it left. */
  readonly splices: readonly Splice[];
  /** Not by this page. */
  readonly remote: boolean;
  /** Marks may have changed. */
  readonly marks: boolean;
}

/** A range of a text that has a mark. */
export interface TextMark {
  readonly from: number;
  readonly to: number;
  readonly name: string;
  readonly value: Json;
}

/** A piece of a text whose units all have the same marks: their values by name. */
export interface TextRun {
  readonly text: string;
  readonly marks: JsonObject;
}

/** A cursor for others, as JSON: TextHandle.cursor makes one of it there. */
export interface CursorJSON {
  readonly at: number;
  /** What it stands behind: so many units of a chunk. */
  readonly in?: string;
  readonly off?: number;
}

/** What a handle needs of its document. */
export interface TextHome {
  readonly mirror: JsonObject;
  readonly history: History;
  /** Whether the document is here, and it is known what is in it. */
  readonly isReady: boolean;
  edit(edits: readonly Edit[], join: boolean): Promise<Committed>;
  /** Undo, or redo. */
  step(redo: boolean): Promise<Committed> | undefined;
}

interface TextOffice {
  watch(handle: TextHandle, on: boolean): void;
  runs(pointer: string): string;
  edit(handle: TextHandle, edit: Edit, join: boolean): Promise<Committed>;
}

interface TextLink {
  watch(pointer: string, on: boolean): void;
  runs(pointer: string): string;
}

/** The texts of a document that somebody has in an editor. */
export class Texts {
  readonly #home: TextHome;
  readonly #link: TextLink;
  /** The handles that want to hear of changes, by pointer. */
  readonly #watched = new Map<string, Set<TextHandle>>();
  /** What is to be told, in order, with the handle whose doing it is. */
  readonly #news: { readonly pointer: string; readonly change: TextChange; readonly by: TextHandle | undefined }[] = [];
  #telling = false;
  /** The handle that makes an edit now. */
  #editor: TextHandle | undefined;

  constructor(home: TextHome, link: TextLink) {
    this.#home = home;
    this.#link = link;
  }

  open(path: Path<object>): TextHandle {
    const names = resolve(this.#home.mirror, path);
    if (!names) throw new EditError('range', '', `a list on the way has no such item: ${String(path)}`);
    return new TextHandle(this.#home, names, {
      watch: (handle, on) => this.#watch(handle, on),
      runs: (pointer) => this.#link.runs(pointer),
      edit: (handle, edit, join) => this.#edit(handle, edit, join),
    });
  }

  #edit(handle: TextHandle, edit: Edit, join: boolean): Promise<Committed> {
    const before = this.#editor;
    this.#editor = handle;
    try {
      return this.#home.edit([edit], join);
    } finally {
      this.#editor = before;
    }
  }

  #watch(handle: TextHandle, on: boolean): void {
    const { pointer } = handle;
    const handles = this.#watched.get(pointer) ?? new Set();
    if (on) handles.add(handle);
    else handles.delete(handle);
    if (on && handles.size === 1) {
      this.#watched.set(pointer, handles);
      this.#link.watch(pointer, true);
    } else if (!on && handles.size === 0 && this.#watched.delete(pointer)) {
      this.#link.watch(pointer, false);
    }
  }

  /** The engine has opened the document. */
  resend(): void {
    for (const pointer of this.#watched.keys()) this.#link.watch(pointer, true);
  }

  spliced(pointer: string, json: string, mutation: number): void {
    const splices = (JSON.parse(json) as [number, number, string][]).map(([at, deleted, inserted]) => ({ at, deleted, inserted }));
    const change: TextChange = { splices, ops: toOps(splices), remote: mutation === 0, marks: false };
    this.#news.push({ pointer, change, by: mutation === 0 ? undefined : this.#editor });
    if (this.#telling) return; // a listener has made an edit: everybody hears of it after what they hear of now
    this.#telling = true;
    for (let news = this.#news.shift(); news; news = this.#news.shift()) {
      for (const handle of [...(this.#watched.get(news.pointer) ?? [])]) handle.told(news.change, handle === news.by);
    }
    this.#telling = false;
  }

  /** A batch is over: marks do not come as splices. */
  changed(): void {
    for (const handles of this.#watched.values()) for (const handle of [...handles]) handle.look();
  }

  /** The document is closed. */
  stop(): void {
    this.#watched.clear();
  }
}

/**
 * One text of a document, for an editor. Positions and lengths are UTF-16 units. Listeners are told of a change before
 * anything else runs on the page, so a position in the text as a listener was last told is one in `value`.
 */
export class TextHandle {
  /** RFC 6901 pointer of the text; an item of a list is named by its id. */
  readonly pointer: string;
  readonly #home: TextHome;
  readonly #names: readonly string[];
  readonly #office: TextOffice;
  readonly #listeners = new Set<(change: TextChange) => void>();
  readonly #errors = new Set<(error: Error) => void>();
  readonly #cursors = new Set<TextCursor>();
  readonly #move = new Map<TextCursor, (change: TextChange) => void>();
  #watching = false;
  #marks: object | undefined;

  constructor(home: TextHome, names: readonly string[], office: TextOffice) {
    this.#home = home;
    this.#names = names;
    this.#office = office;
    this.pointer = names.reduce(pointerTo, '');
  }

  /** Whether there is a text. */
  get exists(): boolean {
    return this.#node !== undefined;
  }

  /** The text; '' where there is none. */
  get value(): string {
    return this.#node?.toString() ?? '';
  }

  get length(): number {
    return this.#node?.length ?? 0;
  }

  /** The text with its marks. It is made anew at each call, out of all of the text. */
  runs(): TextRun[] {
    notInUpdate('the runs of a text');
    return (JSON.parse(this.#office.runs(this.pointer)) as [string, JsonObject][]).map(([text, marks]) => ({ text, marks }));
  }

  /** The marks in the order of their beginnings. Made as runs() is. */
  marks(): TextMark[] {
    const marks: TextMark[] = [];
    const open = new Map<string, { from: number; value: Json }>();
    let at = 0;
    const close = (name: string): void => {
      const mark = open.get(name);
      if (mark) marks.push({ from: mark.from, to: at, name, value: mark.value });
      open.delete(name);
    };
    for (const run of [...this.runs(), { text: '', marks: {} as JsonObject }]) {
      for (const [name, { value }] of [...open]) {
        if (JSON.stringify(run.marks[name]) !== JSON.stringify(value)) close(name);
      }
      for (const [name, value] of Object.entries(run.marks)) if (!open.has(name)) open.set(name, { from: at, value });
      at += run.text.length;
    }
    return marks.sort((a, b) => a.from - b.from || a.to - b.to);
  }

  /**
   * Replaces units at a position by a string, here and now. What others do first moves it; it never conflicts. Resolves when
   * it is durable, as an update does. Throws an EditError, or a ValueError for half of a surrogate pair, when it cannot be made.
   * Listeners of this handle are not told. What is done within half a second of one another is undone at once.
   */
  splice(at: number, deleteCount: number, insert = ''): Promise<Committed> {
    const node = this.#there();
    checkSplice(this.pointer, node.length, at, deleteCount, insert);
    const [from, to] = widened(at, at + deleteCount, node.length, (i) => node.charCodeAt(i));
    return this.#office.edit(this, ['s', this.pointer, from, to - from, insert], this.#home.history.types(this.pointer));
  }

  insert(at: number, string: string): Promise<Committed> {
    return this.splice(at, 0, string);
  }

  delete(at: number, count: number): Promise<Committed> {
    return this.splice(at, count);
  }

  /** Gives a range a mark, such as 'bold' with true; it takes the place of marks of that name. `expand` is 'end' if not given. */
  mark(from: number, to: number, name: string, value: Json, options: { readonly expand?: Expand } = {}): Promise<Committed> {
    return this.#mark(from, to, name, markOf(this.pointer, value, options.expand));
  }

  unmark(from: number, to: number, name: string): Promise<Committed> {
    return this.#mark(from, to, name, undefined);
  }

  #mark(from: number, to: number, name: string, value: readonly [Json, number] | undefined): Promise<Committed> {
    checkRange(this.pointer, this.#there().length, from, to);
    checkMarkName(this.pointer, name);
    const edit: Edit = value ? ['m', this.pointer, from, to, name, ...value] : ['u', this.pointer, from, to, name];
    return this.#office.edit(this, edit, false);
  }

  /** Calls the listener for each change but those of this handle. Returns a function that ends that. */
  onChange(listener: (change: TextChange) => void): () => void {
    const own = (change: TextChange): void => listener(change);
    this.#listeners.add(own);
    this.#attend();
    return () => {
      this.#listeners.delete(own);
      this.#attend();
    };
  }

  /**
   * A position that stays with the text around it, until it is released: one of this text, or of somebody else's cursor, as they
   * told it by presence. What is inserted right there goes behind it, or, with `bias` 'right', before it.
   */
  cursor(at: number | CursorJSON, options: { readonly bias?: 'left' | 'right' } = {}): TextCursor {
    const right = options.bias === 'right';
    let anchor = typeof at === 'number' ? undefined : checkedCursor(at);
    let position = typeof at === 'number' ? at : anchor?.in === undefined ? 0 : anchor.at;
    if (!Number.isSafeInteger(position)) throw new EditError('integer', this.pointer, String(position));
    if (typeof at === 'number' && (at < 0 || at > this.length)) throw new EditError('range', this.pointer, `${at} of ${this.length}`);
    const settle = (): boolean => {
      if (anchor?.in === undefined) return false;
      const found = this.#node?.position(anchor.in, anchor.off ?? 0);
      if (found === undefined) return false; // its text has not come yet
      position = found;
      anchor = undefined;
      return true;
    };
    settle();
    const cursor: TextCursor = {
      get position() {
        return position;
      },
      toJSON: () => {
        const stands = this.#node?.anchor(position);
        return stands ? { at: position, in: stands.key, off: stands.offset } : { at: position };
      },
      release: () => {
        this.#cursors.delete(cursor);
        this.#move.delete(cursor);
        this.#attend();
      },
    };
    const limit = (): void => void (position = Math.max(0, Math.min(position, this.length)));
    limit();
    this.#cursors.add(cursor);
    this.#move.set(cursor, ({ splices }) => {
      if (settle()) return;
      for (const splice of splices) position = move(position, splice, right);
      limit();
    });
    this.#attend();
    return cursor;
  }

  /**
   * Keeps a textarea or an input and the text the same: what is typed there goes into the text, what others do comes into it
   * with the selection kept, though not before an input method has composed. Undo and redo by keyboard are those of the document.
   * Returns a function that ends it. Throws an EditError where there is no text; what is typed before the document is here, or
   * after its text is gone, is not taken: see onError.
   */
  bind(element: HTMLTextAreaElement | HTMLInputElement): () => void {
    if (this.#home.isReady) this.#there();
    return bindInput(this, element, (redo) => this.#home.step(redo), (error) => this.#failed(error));
  }

  /**
   * Calls the listener when something that was done in a bound element could not be made: an EditError or a ValueError. The element
   * shows the text as it is then. Without a listener it is an uncaught error of the page. Returns a function that ends that.
   */
  onError(listener: (error: Error) => void): () => void {
    const own = (error: Error): void => listener(error);
    this.#errors.add(own);
    return () => void this.#errors.delete(own);
  }

  #failed(error: Error): void {
    for (const listener of [...this.#errors]) guarded(() => listener(error));
    if (this.#errors.size > 0) return;
    guarded(() => {
      throw error;
    });
  }

  // What Texts says.

  told(change: TextChange, own: boolean): void {
    for (const moveCursor of this.#move.values()) moveCursor(change);
    if (own) return;
    for (const listener of [...this.#listeners]) guarded(() => listener(change));
  }

  look(): void {
    const marks = this.#node?.marks;
    if (marks === this.#marks) return;
    this.#marks = marks;
    for (const listener of [...this.#listeners]) guarded(() => listener({ ops: [], splices: [], remote: false, marks: true }));
  }

  get #node(): TextNode | undefined {
    return textIn(partAt(this.#home.mirror, this.#names));
  }

  #there(): TextNode {
    const node = this.#node;
    if (!node) throw new EditError('no_text', this.pointer);
    return node;
  }

  /** Has the engine watch the text as long as somebody wants to hear. */
  #attend(): void {
    const wanted = this.#listeners.size + this.#cursors.size > 0;
    if (wanted === this.#watching) return;
    this.#watching = wanted;
    this.#marks = this.#node?.marks;
    this.#office.watch(this, wanted);
  }
}

/** A position in a text. */
export interface TextCursor {
  readonly position: number;
  /** For presence: others make a cursor of it, with TextHandle.cursor. It is what JSON.stringify writes. */
  toJSON(): CursorJSON;
  /** Ends it: it does not move any more. */
  release(): void;
}

/** What came from somebody else's browser. */
function checkedCursor(json: CursorJSON): CursorJSON {
  const ok =
    isObject(json) &&
    Number.isSafeInteger(json.at) &&
    (json.in === undefined || typeof json.in === 'string') &&
    (json.off === undefined || Number.isSafeInteger(json.off));
  if (!ok) throw new ValueError('type', '');
  return json;
}

import { EditError, RejectedError } from './errors';
import { difference, move } from './ops';
import type { Splice } from './ops';
import type { TextChange, TextHandle } from './texts';

type Input = HTMLTextAreaElement | HTMLInputElement;

type Step = (redo: boolean) => Promise<unknown> | undefined;
type Fail = (error: Error) => void;

/** Keeps an element and a text the same; see TextHandle.bind. */
export function bindInput(text: TextHandle, element: Input, step: Step, fail: Fail): () => void {
  const bound = new Bound(text, element, step, fail);
  return () => bound.end();
}

class Bound {
  readonly #text: TextHandle;
  readonly #element: Input;
  readonly #step: Step;
  readonly #fail: Fail;
  readonly #ends: (() => void)[] = [];
  /** What the element shows, but for what was typed since. */
  #shown: string;
  /** What others did while an input method composes; undefined while none does. */
  #waiting: Splice[] | undefined;

  constructor(text: TextHandle, element: Input, step: Step, fail: Fail) {
    this.#text = text;
    this.#element = element;
    this.#step = step;
    this.#fail = fail;
    this.#shown = '';
    this.#show();
    this.#ends.push(text.onChange((change) => this.#changed(change)));
    this.#listen('input', () => this.#typed());
    this.#listen('compositionstart', () => (this.#waiting ??= []));
    this.#listen('compositionend', () => this.#composed());
    this.#listen('blur', () => this.#composed());
    this.#listen('beforeinput', (event) => this.#history(event, (event as InputEvent).inputType));
    this.#listen('keydown', (event) => this.#history(event, shortcut(event as KeyboardEvent)));
  }

  end(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  #listen(type: string, listener: (event: Event) => void): void {
    this.#element.addEventListener(type, listener);
    this.#ends.push(() => this.#element.removeEventListener(type, listener));
  }

  /** Puts the whole text into the element. */
  #show(): void {
    this.#element.value = this.#text.value;
    this.#shown = this.#element.value;
  }

  /** What the user has changed. */
  #typed(): void {
    if (this.#waiting) return; // an input method composes
    const now = this.#element.value;
    const typed = difference(this.#shown, now, this.#element.selectionEnd ?? now.length);
    this.#shown = now;
    if (typed) this.#put(typed);
  }

  /** Puts into the text what was done to what is shown. */
  #put({ at, deleted, inserted }: Splice): void {
    try {
      if (!this.#text.exists) throw new EditError('no_text', this.#text.pointer);
      const [from, to] = [this.#inText(at), this.#inText(at + deleted)];
      this.#text.splice(from, to - from, inserted).catch((error: Error) => this.#refused(error));
    } catch (error) {
      this.#show(); // the text has not taken it, so it is not to be seen either
      this.#fail(error as Error);
    }
  }

  /** What was put in, or a step of undo, has failed later. Whoever wants to know of a RejectedError listens to the client's `rejected`. */
  #refused(error: Error): void {
    if (!(error instanceof RejectedError)) this.#fail(error);
    if (this.#ends.length > 0 && !this.#waiting) this.#replace(this.#shownOf(this.#text.value));
  }

  /**
   * The position in the text of one in the element: an element shows line breaks of two units as one, and an input none.
   * `shown` is what it shows of the text as it is.
   */
  #inText(position: number, shown = this.#shownOf(this.#text.value)): number {
    const { value } = this.#text;
    if (shown.length === value.length) return position;
    let at = 0;
    for (let left = position; at < value.length; at++) {
      const hidden = this.#hides(value, at);
      if (left === 0 && !hidden) break;
      if (!hidden) left--;
    }
    return at;
  }

  #hides(value: string, at: number): boolean {
    const unit = value[at];
    if (this.#element instanceof HTMLTextAreaElement) return unit === '\n' && value[at - 1] === '\r';
    return unit === '\n' || unit === '\r';
  }

  /** A text as the element shows it. */
  #shownOf(value: string): string {
    if (this.#element instanceof HTMLTextAreaElement) return value.includes('\r') ? value.replace(/\r\n?/g, '\n') : value;
    return /[\r\n]/.test(value) ? value.replace(/[\r\n]/g, '') : value;
  }

  #changed({ splices, remote }: TextChange): void {
    if (splices.length === 0) return;
    if (this.#waiting) {
      this.#waiting.push(...splices);
      return;
    }
    this.#apply(splices, remote);
  }

  #apply(splices: readonly Splice[], remote: boolean): void {
    const element = this.#element;
    const plain = this.#shownOf(this.#text.value);
    if (plain.length !== this.#text.length || splices.some(({ inserted }) => /[\r\n]/.test(inserted) && this.#shownOf(inserted) !== inserted)) {
      this.#replace(plain);
      return;
    }
    for (const { at, deleted, inserted } of splices) element.setRangeText(inserted, at, at + deleted, 'preserve');
    this.#shown = element.value;
    const last = splices.at(-1);
    // Undone by the user: that is where to look now.
    if (!remote && last && document.activeElement === element) {
      const caret = last.at + last.inserted.length;
      element.setSelectionRange(caret, caret);
    }
  }

  /** Shows another text, with the selection kept next to what it is at. */
  #replace(now: string): void {
    const change = difference(this.#shown, now);
    this.#shown = now;
    if (change) this.#element.setRangeText(change.inserted, change.at, change.at + change.deleted, 'preserve');
  }

  /** An input method is done: what it made, and what others did meanwhile, come together. */
  #composed(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    this.#waiting = undefined;
    const element = this.#element;
    const now = element.value;
    const typed = difference(this.#shown, now, element.selectionEnd ?? now.length);
    if (waiting.length === 0) {
      this.#shown = now;
      if (typed) this.#put(typed);
      return;
    }
    let caret = element.selectionEnd ?? now.length;
    if (typed) caret = Math.max(typed.at, Math.min(caret, typed.at + typed.inserted.length));
    const behind = typed ? caret - typed.at : 0;
    let from = typed ? typed.at : caret;
    let to = typed ? typed.at + typed.deleted : caret;
    for (const splice of waiting) [from, to] = [move(from, splice, false), move(to, splice, false)];
    this.#show();
    if (typed) {
      element.setRangeText(typed.inserted, from, Math.max(from, to), 'end');
      this.#typed();
    }
    element.setSelectionRange(from + behind, from + behind);
  }

  /** Undo and redo by the keyboard or a menu are those of the document. */
  #history(event: Event, kind: string | undefined): void {
    const redo = kind === 'historyRedo';
    if ((!redo && kind !== 'historyUndo') || this.#waiting) return;
    event.preventDefault();
    this.#step(redo)?.catch((error: Error) => this.#refused(error));
  }
}

function shortcut({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): string | undefined {
  if (ctrlKey === metaKey || altKey) return undefined;
  const letter = key.toLowerCase();
  if (letter === 'z') return shiftKey ? 'historyRedo' : 'historyUndo';
  return letter === 'y' && ctrlKey && !shiftKey ? 'historyRedo' : undefined;
}

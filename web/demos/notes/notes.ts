import '../ui/base.css';
import './notes.css';
import { counter, createClient, text } from '../../src/index';
import type { Client, Draft, TextCursor, TextHandle } from '../../src/index';
import { arrange, coalesced, h, must, setText } from '../ui/dom';
import { Header } from '../ui/header';
import { clean, personColor } from '../ui/person';
import { toast } from '../ui/toast';
import { begin, isBegun } from './model';
import type { Note, NoteDoc, Writer } from './model';

/** The page: a title and a text that everybody writes in, a list of things to do, and undo of one's own edits. */
class NotesPage {
  readonly #doc: NoteDoc;
  readonly #header: Header<Writer>;
  readonly #body = must<HTMLTextAreaElement>('#body');
  readonly #todos = must('#todos');
  readonly #rows = new Map<string, { readonly row: HTMLElement; readonly end: () => void }>();
  readonly #drawSoon = coalesced(() => this.#draw());
  readonly #caretsSoon = coalesced(() => this.#drawCarets());
  #carets: { readonly name: string; readonly cursor: TextCursor }[] = [];

  constructor(client: Client, doc: NoteDoc) {
    this.#doc = doc;
    this.#header = new Header<Writer>(client, doc, () => this.#where());
    doc.ready.then(
      () => this.#start(),
      (error: Error) => toast(`The notes cannot be opened: ${error.message}`, 'warn'),
    );
  }

  #start(): void {
    this.#begin();
    must('#notes').addEventListener('beforeinput', () => this.#begin(), { capture: true });
    const body = this.#doc.text((note) => note.body);
    this.#bind(this.#doc.text((note) => note.title), must<HTMLInputElement>('#title'));
    this.#bind(body, this.#body);
    body.onChange(() => this.#caretsSoon());
    this.#body.addEventListener('input', () => this.#caretsSoon());
    this.#body.addEventListener('scroll', () => this.#caretsSoon());
    document.addEventListener('selectionchange', () => this.#header.tell());
    this.#doc.subscribeOthers(() => this.#follow());
    this.#doc.subscribe((note) => note, () => this.#drawSoon());
    this.#doc.subscribeUndo(() => this.#drawSoon());
    must('#undo').addEventListener('click', () => this.#step(this.#doc.undo()));
    must('#redo').addEventListener('click', () => this.#step(this.#doc.redo()));
    must('#like').addEventListener('click', () => this.#edit((note) => counter(note, 'likes').add(1)));
    const fresh = must<HTMLInputElement>('#new');
    must('#add').addEventListener('submit', (event) => {
      event.preventDefault();
      const title = fresh.value.trim();
      fresh.value = '';
      if (title !== '') this.#edit((note) => note.todos.push({ title: text(title), done: false }));
    });
    for (const input of document.querySelectorAll<HTMLInputElement>('.notes [disabled]')) input.disabled = false;
    must('#notes').removeAttribute('aria-busy');
    this.#draw();
    this.#follow();
  }

  /** Makes the note, also again for who goes on writing after it was deleted. That is not for undo to take back. */
  #begin(): void {
    if (this.#doc.get(isBegun)) return;
    this.#step(this.#doc.update(begin as (note: Draft<Note>) => void, { undoable: false }));
  }

  #edit(run: (note: Draft<Note>) => void): void {
    this.#begin();
    this.#step(this.#doc.update(run));
  }

  #step(done: Promise<unknown> | undefined): void {
    done?.catch((error: unknown) => toast(`Your edit was not applied: ${error instanceof Error ? error.message : String(error)}.`, 'warn'));
  }

  /** Binds a text to its field, which cannot be written in where somebody has put something else in the text's place. */
  #bind(part: TextHandle, field: HTMLInputElement | HTMLTextAreaElement): () => void {
    part.onError((error) => toast(`Your edit was not applied: ${error.message}.`, 'warn'));
    if (part.exists) return part.bind(field);
    field.readOnly = true;
    return () => undefined;
  }

  /** Where this person writes, which the others see. */
  #where(): Omit<Writer, 'name'> {
    if (document.activeElement !== this.#body) return {};
    const body = this.#doc.text((note) => note.body);
    const caret = body.cursor(Math.min(this.#body.selectionEnd, body.length));
    const json = caret.toJSON();
    caret.release();
    return { caret: json };
  }

  #follow(): void {
    for (const { cursor } of this.#carets) cursor.release();
    const body = this.#doc.text((note) => note.body);
    this.#carets = this.#doc.others.flatMap(({ state }) => {
      try {
        return state.caret ? [{ name: clean(state.name) || 'Somebody', cursor: body.cursor(state.caret) }] : [];
      } catch {
        return []; // another browser's nonsense
      }
    });
    this.#caretsSoon();
  }

  #draw(): void {
    const { likes, todos } = this.#doc.get();
    must<HTMLButtonElement>('#undo').disabled = !this.#doc.canUndo;
    must<HTMLButtonElement>('#redo').disabled = !this.#doc.canRedo;
    setText(must('#likes'), String(likes ?? 0));
    const keys = this.#doc.keys((note) => note.todos);
    for (const [key, { row, end }] of this.#rows) {
      if (keys.includes(key)) continue;
      end();
      row.remove();
      this.#rows.delete(key);
    }
    const rows = keys.map((key, i) => {
      const { row } = this.#rows.get(key) ?? this.#addRow(key, i);
      must<HTMLInputElement>('input[type=checkbox]', row).checked = todos[i]?.done === true;
      return row;
    });
    arrange(this.#todos, rows);
  }

  #addRow(key: string, index: number): { readonly row: HTMLElement } {
    const item = (run: (note: Draft<Note>, at: number) => void) => (): void =>
      this.#edit((note) => {
        const at = note.todos.indexOfKey(key);
        if (at >= 0) run(note, at);
      });
    const check = h('input', { type: 'checkbox', 'aria-label': 'Done', 'data-testid': 'todo-done' });
    check.addEventListener('change', item((note, at) => void (note.todos[at]!.done = check.checked)));
    const title = h('input', { class: 'field', 'aria-label': 'Title', 'data-testid': 'todo-title' });
    const up = h('button', { type: 'button', class: 'button quiet', 'data-testid': 'todo-up' }, 'Up');
    up.addEventListener('click', item((note, at) => note.todos.move(at, Math.max(0, at - 1))));
    const gone = h('button', { type: 'button', class: 'button quiet', 'data-testid': 'todo-delete' }, 'Delete');
    gone.addEventListener('click', item((note, at) => note.todos.delete(at)));
    const row = h('li', { 'data-testid': 'todo', 'data-id': key }, check, title, up, gone);
    const entry = { row, end: this.#bind(this.#doc.text(['todos', index, 'title']), title) };
    this.#rows.set(key, entry);
    return entry;
  }

  /** The others' carets, in a copy of the text that lies under it. */
  #drawCarets(): void {
    const { value } = this.#doc.text((note) => note.body);
    const layer = must('#carets');
    const nodes: (Node | string)[] = [];
    let from = 0;
    for (const { name, cursor } of [...this.#carets].sort((a, b) => a.cursor.position - b.cursor.position)) {
      nodes.push(value.slice(from, cursor.position));
      const caret = h('span', { class: 'caret', 'data-name': name, 'data-testid': 'caret', 'data-at': String(cursor.position) });
      caret.style.setProperty('--person', personColor(name));
      nodes.push(caret);
      from = cursor.position;
    }
    layer.replaceChildren(...nodes, value.slice(from), '\n');
    layer.scrollTop = this.#body.scrollTop;
  }
}

const key = new URLSearchParams(location.search).get('doc') ?? 'demo/notes';
const client = createClient();
const doc: NoteDoc = client.doc<Note, Writer>(key);

/** For the console and for tests. */
declare global {
  var rivulet: { readonly client: Client; readonly doc: unknown };
}
globalThis.rivulet = { client, doc };

new NotesPage(client, doc);

import { coalesced, h, setAttribute, setText } from '../ui/dom';
import { textIn } from '../ui/text';
import { columns, shownText, textOf } from './model';
import type { Column, Field } from './model';
import type { LanguageRecord, Order, Row } from './rows';

export interface Cell {
  readonly id: string;
  readonly field: Column['field'];
}

/** Somebody else at a cell. */
export interface Visitor extends Cell {
  readonly name: string;
  readonly color: string;
  readonly editing: boolean;
}

/** What the table asks of the page. */
export interface TableHost {
  sort(field: Column['field']): void;
  /** The user finished editing a cell. */
  write(id: string, field: Field, text: string): void;
  /** The user went to a cell, or began or ended editing one. */
  went(): void;
}

const rowHeight = 36; // pixels, as in the style sheet
const overscan = 10; // rows beyond what is visible, so that fast scrolling shows no gaps
const flashTime = 1400; // milliseconds

interface Line {
  readonly element: HTMLElement;
  readonly cells: ReadonlyMap<Column['field'], HTMLElement>;
  record: LanguageRecord | undefined;
}

/**
 * A table of any number of rows that keeps only the visible ones in the page. It is an ARIA grid: the
 * grid has the focus and names its active cell, so that rows may come and go.
 */
export class Table {
  readonly element: HTMLElement;
  readonly #host: TableHost;
  readonly #body = h('div', { class: 'body', role: 'rowgroup' });
  readonly #heads = new Map<Column['field'], HTMLElement>();
  readonly #lines = new Map<string, Line>();
  readonly #drawSoon = coalesced(() => this.#draw());
  #rows: readonly Row[] = [];
  #index = new Map<string, number>();
  #visitors: readonly Visitor[] = [];
  #active: Cell | undefined;
  #editor: Editor | undefined;
  #written: Cell | undefined;

  constructor(host: TableHost) {
    this.#host = host;
    const head = h('div', { class: 'row head', role: 'row', 'aria-rowindex': '1' });
    for (const { field, title } of columns) {
      const cell = h('div', { class: 'cell', role: 'columnheader' }, h('button', { type: 'button', class: 'sort', 'data-testid': `sort-${field}`, onclick: () => host.sort(field) }, title));
      this.#heads.set(field, cell);
      head.append(cell);
    }
    this.element = h(
      'div',
      { class: 'grid', role: 'grid', tabindex: '0', 'aria-label': 'Languages', 'aria-colcount': String(columns.length), 'data-testid': 'lang-grid' },
      h('div', { class: 'head-group', role: 'rowgroup' }, head),
      this.#body,
    );
    this.element.style.setProperty('--columns', columns.map(({ width }) => width).join(' '));
    this.element.addEventListener('scroll', () => this.#draw(), { passive: true });
    this.element.addEventListener('keydown', (event) => this.#key(event));
    this.element.addEventListener('focus', () => this.#focused());
    this.element.addEventListener('blur', () => host.went());
    this.#body.addEventListener('click', (event) => this.#click(event));
    this.#body.addEventListener('dblclick', () => this.#edit());
    new ResizeObserver(() => this.#draw()).observe(this.element);
  }

  get active(): Cell | undefined {
    return this.#active;
  }

  get editing(): boolean {
    return this.#editor !== undefined;
  }

  show(rows: readonly Row[], order: Order): void {
    this.#rows = rows;
    this.#index = new Map(rows.map(({ id }, index) => [id, index]));
    this.#body.classList.toggle('none', rows.length === 0);
    this.#body.style.height = `${rows.length * rowHeight}px`;
    setAttribute(this.element, 'aria-rowcount', String(rows.length + 1));
    for (const [field, head] of this.#heads) {
      setAttribute(head, 'aria-sort', field === order.field ? (order.descending ? 'descending' : 'ascending') : 'none');
    }
    this.#draw();
  }

  visit(visitors: readonly Visitor[]): void {
    this.#visitors = visitors;
    this.#drawSoon();
  }

  scrollToTop(): void {
    this.element.scrollTop = 0;
  }

  // Drawing.

  #draw(): void {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / rowHeight) - overscan);
    const last = Math.min(this.#rows.length, Math.ceil((scrollTop + clientHeight) / rowHeight) + overscan);
    const shown = new Map<string, number>();
    for (let index = first; index < last; index++) shown.set((this.#rows[index] as Row).id, index);
    const edited = this.#editor?.cell.id;
    const editedIndex = edited === undefined ? undefined : this.#index.get(edited);
    if (edited !== undefined && editedIndex !== undefined) shown.set(edited, editedIndex); // its field must stay
    const spare: Line[] = [];
    for (const [id, line] of this.#lines) {
      if (shown.has(id)) continue;
      this.#lines.delete(id);
      spare.push(line);
    }
    for (const [id, index] of shown) this.#drawLine(id, index, spare);
    for (const { element } of spare) element.remove();
    this.#drawMarks();
  }

  /** Draws a row in its line, in one that is no longer needed, or in a new one. */
  #drawLine(id: string, index: number, spare: Line[]): void {
    const { record } = this.#rows[index] as Row;
    let line = this.#lines.get(id);
    if (!line) {
      line = spare.pop() ?? this.#newLine();
      line.record = undefined;
      line.element.dataset['id'] = id;
      for (const [field, cell] of line.cells) cell.id = `cell-${id}-${field}`;
      this.#lines.set(id, line);
    }
    line.element.style.transform = `translateY(${index * rowHeight}px)`;
    setAttribute(line.element, 'aria-rowindex', String(index + 2));
    if (line.record === record) return;
    for (const column of columns) this.#drawCell(line, id, column, record);
    line.record = record;
  }

  #drawCell(line: Line, id: string, column: Column, record: LanguageRecord): void {
    const cell = line.cells.get(column.field);
    const text = textOf(id, record, column.field);
    if (!cell || (line.record && cell.dataset['value'] === text)) return;
    if (this.#editor?.element.parentElement !== cell) setText(cell, shownText(column, text));
    cell.dataset['value'] = text;
    if (!line.record) {
      cell.classList.remove('flash'); // of the row that was in this line before
      return;
    }
    if (this.#written?.id === id && this.#written.field === column.field) this.#written = undefined;
    else flash(cell);
  }

  #newLine(): Line {
    const cells = new Map<Column['field'], HTMLElement>();
    const element = h('div', { class: 'row', role: 'row', 'data-testid': 'lang-row' });
    for (const { field } of columns) {
      const cell = h('div', { class: 'cell', role: 'gridcell', 'data-testid': `cell-${field}`, 'data-field': field });
      if (field === 'id') cell.setAttribute('aria-readonly', 'true');
      cells.set(field, cell);
      element.append(cell);
    }
    this.#body.append(element);
    return { element, cells, record: undefined };
  }

  /** Where this person and the others are. */
  #drawMarks(): void {
    const active = this.#active;
    setAttribute(this.element, 'aria-activedescendant', active && this.#lines.has(active.id) ? `cell-${active.id}-${active.field}` : null);
    const visitors = new Map(this.#visitors.map((visitor) => [`${visitor.id}/${visitor.field}`, visitor]));
    for (const [id, { cells }] of this.#lines) {
      for (const [field, cell] of cells) {
        cell.classList.toggle('active', active?.id === id && active.field === field);
        const visitor = visitors.get(`${id}/${field}`);
        setAttribute(cell, 'data-visitor', visitor ? (visitor.editing ? `${visitor.name} is editing` : visitor.name) : null);
        if (visitor) cell.style.setProperty('--person', visitor.color);
      }
    }
  }

  // Moving and editing.

  /** Someone who comes by keyboard is put on a cell; a click says itself which one. */
  #focused(): void {
    if (!this.element.matches(':focus-visible')) return this.#host.went();
    const first = this.#rows[Math.ceil(this.element.scrollTop / rowHeight)];
    if (!this.#active && first) this.#go(first.id, 'name');
    this.#host.went();
  }

  #go(id: string, field: Column['field']): void {
    this.#active = { id, field };
    const index = this.#index.get(id);
    if (index !== undefined) this.#reveal(index);
    this.#draw();
    this.#lines.get(id)?.cells.get(field)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    this.#host.went();
  }

  #reveal(index: number): void {
    const { scrollTop, clientHeight } = this.element;
    const [top, bottom] = [index * rowHeight, (index + 2) * rowHeight]; // below the row of titles
    if (top < scrollTop) this.element.scrollTop = top;
    else if (bottom > scrollTop + clientHeight) this.element.scrollTop = bottom - clientHeight;
  }

  #click(event: Event): void {
    const cell = (event.target as Element).closest<HTMLElement>('.cell');
    const id = cell?.closest<HTMLElement>('.row')?.dataset['id'];
    const field = columns.find((column) => column.field === cell?.dataset['field'])?.field;
    if (!cell || id === undefined || !field || this.#editor?.element.parentElement === cell) return;
    const again = this.#active?.id === id && this.#active.field === field;
    this.#go(id, field);
    if (again) this.#edit();
  }

  #key(event: KeyboardEvent): void {
    if (event.target !== this.element || event.ctrlKey || event.metaKey || event.altKey) return;
    const now = this.#active;
    const index = now ? this.#index.get(now.id) : undefined;
    const page = Math.max(1, Math.floor(this.element.clientHeight / rowHeight) - 2);
    const vertical: Readonly<Record<string, number>> = { ArrowUp: -1, ArrowDown: 1, PageUp: -page, PageDown: page };
    const step = vertical[event.key];
    if (step !== undefined) this.#goTo((index ?? -1) + step, now?.field ?? 'name');
    else if (event.key === 'Home') this.#goTo(0, now?.field ?? 'name');
    else if (event.key === 'End') this.#goTo(this.#rows.length - 1, now?.field ?? 'name');
    else if (event.key === 'ArrowLeft') this.#goAside(-1);
    else if (event.key === 'ArrowRight') this.#goAside(1);
    else if (event.key === 'Enter' || event.key === 'F2') this.#edit();
    else if (event.key.length === 1 && event.key !== ' ') this.#edit(event.key);
    else return;
    event.preventDefault();
  }

  #goTo(index: number, field: Column['field']): void {
    const row = this.#rows[Math.min(Math.max(index, 0), this.#rows.length - 1)];
    if (row) this.#go(row.id, field);
  }

  #goAside(step: -1 | 1): void {
    const now = this.#active;
    const next = columns[columns.findIndex(({ field }) => field === now?.field) + step];
    if (now && next) this.#go(now.id, next.field);
  }

  /** Opens a field in the active cell; `typed` is what the user began to type over the old text. */
  #edit(typed?: string): void {
    const active = this.#active;
    const column = columns.find(({ field }) => field === active?.field);
    const cell = active && this.#lines.get(active.id)?.cells.get(active.field);
    if (!active || !column || !cell || column.field === 'id' || this.#editor) return;
    const editor: Editor = new Editor(active, column, cell.dataset['value'] ?? '', typed, (text, move) => this.#edited(editor, text, move));
    this.#editor = editor;
    cell.replaceChildren(editor.element);
    editor.focus();
    this.#host.went();
  }

  #edited(editor: Editor, text: string | undefined, move: -1 | 0 | 1): void {
    const { cell: { id, field }, column, start } = editor;
    this.#editor = undefined;
    const cell = this.#lines.get(id)?.cells.get(field);
    if (cell) cell.replaceChildren(shownText(column, cell.dataset['value'] ?? ''));
    if (text !== undefined && text !== start && field !== 'id') {
      this.#written = { id, field };
      this.#host.write(id, field, text);
    }
    if (move !== 0) {
      this.element.focus({ preventScroll: true });
      if (move > 0) this.#goTo((this.#index.get(id) ?? 0) + 1, field);
    }
    this.#host.went();
  }
}

/** The field in a cell. It ends once: by Enter, Escape, Tab or by losing the focus. */
class Editor {
  readonly cell: Cell;
  readonly column: Column;
  /** The text before. */
  readonly start: string;
  readonly element: HTMLInputElement | HTMLSelectElement;
  #over = false;

  /** `end` gets the text to write, undefined for none, and where to go: 1 down, -1 stay in the grid, 0 elsewhere. */
  constructor(cell: Cell, column: Column, start: string, typed: string | undefined, end: (text: string | undefined, move: -1 | 0 | 1) => void) {
    this.cell = cell;
    this.column = column;
    this.start = start;
    const label = `${column.title} of ${cell.id}`;
    this.element = column.choices
      ? choice(column.choices, start, label)
      : h('input', { class: 'cell-input', 'aria-label': label, autocomplete: 'off', spellcheck: 'false', 'data-testid': 'cell-input' });
    if (!column.choices) this.element.value = typed ?? start;
    const finish = (save: boolean, move: -1 | 0 | 1): void => {
      if (this.#over) return;
      this.#over = true;
      const text = textIn(this.element);
      const empty = text === '' && column.field === 'name'; // a language has a name
      end(save && !empty ? text : undefined, move);
    };
    this.element.addEventListener('keydown', (event) => {
      const { key, isComposing } = event as KeyboardEvent;
      if (isComposing) return;
      if (key === 'Enter') finish(true, 1);
      else if (key === 'Escape') finish(false, -1);
      else if (key === 'Tab') finish(true, -1);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    this.element.addEventListener('blur', () => {
      if (document.hasFocus()) finish(true, 0);
    });
  }

  focus(): void {
    this.element.focus({ preventScroll: true });
    if (this.element instanceof HTMLInputElement && this.element.value === this.start) this.element.select();
  }
}

function choice(choices: Readonly<Record<string, string>>, value: string, label: string): HTMLSelectElement {
  const select = h('select', { class: 'cell-input', 'aria-label': label, 'data-testid': 'cell-input' });
  const known = Object.hasOwn(choices, value) ? choices : { ...choices, [value]: value };
  for (const [key, meaning] of Object.entries(known)) select.append(h('option', { value: key }, meaning));
  select.value = value;
  return select;
}

function flash(cell: HTMLElement): void {
  cell.classList.remove('flash');
  void cell.offsetWidth; // begins the animation again
  cell.classList.add('flash');
  setTimeout(() => cell.classList.remove('flash'), flashTime);
}

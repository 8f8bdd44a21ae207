import { Soon } from '../../src/emitter';
import type { Client, Doc } from '../../src/index';
import { confirm } from '../ui/dialog';
import { arrange, h, icon, must, setAttribute, setText } from '../ui/dom';
import { Header } from '../ui/header';
import { clean, personColor } from '../ui/person';
import { announce, toast } from '../ui/toast';
import { CardView } from './card';
import type { Company, EditorHost } from './card';
import { ColumnView } from './column';
import type { ColumnHost } from './column';
import { Cursors } from './cursors';
import { PointerDrag } from './drag';
import { glide } from './flip';
import { editInline } from './inline';
import { Keys, openShortcuts } from './keys';
import * as model from './model';
import type { Board, CardChanges, CardItem, ColumnItem } from './model';
import { between } from './order';
import type { BoardPresence, Pointer } from './presence';
import { fillSample } from './sample';
import { Stage } from './stage';
import type { Lift } from './stage';

/** The page: draws the document and what this person and the others are doing, and turns gestures into updates. */
export class BoardView implements EditorHost, ColumnHost {
  readonly #stage: Stage;
  readonly #doc: Doc<Board, BoardPresence>;
  readonly #scroller = must('#board');
  readonly #title = must('#board-title');
  readonly #lanes = h('div', { class: 'lanes' });
  readonly #addColumn = h('div', { class: 'add-column' });
  readonly #addColumnButton = h('button', { type: 'button', class: 'add-column-button', 'data-testid': 'add-column' }, icon('plus'), 'Add a column');
  readonly #columns = new Map<string, ColumnView>();
  readonly #cards = new Map<string, CardView>();
  readonly #cursors: Cursors;
  readonly #header: Header<BoardPresence>;
  readonly #soon = new Soon(() => this.#draw());
  #shown: readonly ColumnItem[] = [];
  #arrangement = '';
  #company = '';
  #pointer: Pointer | undefined;
  #ready = false;

  constructor(client: Client, doc: Doc<Board, BoardPresence>) {
    this.#doc = doc;
    this.#stage = new Stage(client, doc, () => this.#personChanged());
    this.#cursors = new Cursors(() => this.#lanesNow());
    this.#header = new Header(client, doc, () => this.#where());
    this.#addColumn.append(this.#addColumnButton);
    this.#addColumnButton.addEventListener('click', () => this.#nameNewColumn());
    this.#title.addEventListener('click', () => this.#renameBoard());
    const shortcuts = must('#shortcuts');
    shortcuts.append(icon('keyboard'));
    shortcuts.addEventListener('click', openShortcuts);
    const drop = (lift: Lift): void => this.#drop(lift);
    const remove = (card: string): void => this.remove(card);
    const cardElement = (id: string): HTMLElement | undefined => this.#cards.get(id)?.element;
    new PointerDrag(this.#stage, { scroller: this.#scroller, columns: () => this.#lanesNow(), cardElement, drop });
    new Keys(this.#stage, { focusCard: (id) => cardElement(id)?.focus(), compose: (id) => this.#compose(id), remove, drop });
    this.#listen();
    doc.subscribe((board) => board, () => this.#soon.ask());
    doc.subscribeOthers((others) => {
      this.#cursors.draw(others);
      const company = JSON.stringify(others.map(({ state }) => [state.name, state.card, state.doing]));
      if (company === this.#company) return;
      this.#company = company;
      this.#soon.ask();
    });
    doc.ready.then(
      () => {
        this.#ready = true;
        this.#soon.ask();
      },
      (error: Error) => this.#failed(error),
    );
  }

  #listen(): void {
    const scroller = this.#scroller;
    scroller.addEventListener('focusin', (event) => {
      const card = (event.target as Element).closest<HTMLElement>('.card')?.dataset['id'];
      if (card !== undefined) this.#stage.active = card;
    });
    scroller.addEventListener('focusout', () => this.#personChanged());
    scroller.addEventListener('click', (event) => {
      const target = event.target as Element;
      const card = target.closest<HTMLElement>('.card');
      if (card && !target.closest('.editor')) this.#stage.editing = card.dataset['id'];
    });
    scroller.addEventListener('pointermove', (event) => {
      this.#pointer = event.pointerType === 'touch' ? undefined : this.#cursors.locate(this.#lanes, event.clientX, event.clientY);
      this.#header.tell();
    });
    scroller.addEventListener('pointerleave', () => {
      this.#pointer = undefined;
      this.#header.tell();
    });
    scroller.addEventListener('scroll', () => this.#cursors.place(), { capture: true, passive: true });
    addEventListener('resize', () => this.#cursors.place());
  }

  /** What the others are told. */
  #where(): Omit<BoardPresence, 'name'> {
    const { editing, lift, active } = this.#stage;
    const card = editing ?? lift?.card ?? (this.#scroller.contains(document.activeElement) ? active : undefined);
    const doing = editing !== undefined ? 'editing' : lift ? 'moving' : undefined;
    return { ...(this.#pointer && { pointer: this.#pointer }), ...(card !== undefined && { card }), ...(doing && { doing }) };
  }

  #personChanged(): void {
    this.#header.tell();
    this.#soon.ask();
  }

  // Drawing.

  #draw(): void {
    if (!this.#ready) return;
    const board = this.#doc.get();
    const columns = this.#withEdited(this.#stage.columns());
    const title = typeof board.title === 'string' && board.title !== '' ? board.title : 'Untitled board';
    setText(this.#title, title);
    document.title = `${title} · Rivulet`;
    this.#scroller.removeAttribute('aria-busy');
    if (columns.length === 0 && !this.#addColumn.querySelector('input')) this.#drawEmpty();
    else this.#drawColumns(columns);
    this.#shown = columns;
  }

  #drawColumns(columns: readonly ColumnItem[]): void {
    const arrangement = JSON.stringify(columns.map(({ id, cards }) => [id, cards.map((card) => card.id)]));
    const moved = arrangement !== this.#arrangement;
    this.#arrangement = arrangement;
    const land = moved ? glide([...this.#cards.values()].map(({ element }) => element)) : undefined;
    const focused = this.#focusedCard();
    const company = this.#companyByCard();
    const { lift, editing } = this.#stage;
    for (const item of columns) this.#columnView(item).draw(item, item.cards.map((card) => this.#cardView(card, company.get(card.id) ?? [])));
    forget(this.#columns, new Set(columns.map(({ id }) => id)));
    forget(this.#cards, new Set(columns.flatMap(({ cards }) => cards.map(({ id }) => id))));
    arrange(this.#lanes, [...columns.map(({ id }) => this.#columnView1(id)), this.#addColumn, this.#cursors.layer]);
    arrange(this.#scroller, [this.#lanes]);
    const tabStop = this.#tabStop(columns);
    for (const [id, view] of this.#cards) {
      view.edit(id === editing ? this : undefined);
      setAttribute(view.element, 'tabindex', id === tabStop ? '0' : '-1');
      view.element.classList.toggle('lifted', lift?.card === id && lift.by === 'keys');
      view.element.classList.toggle('placeholder', lift?.card === id && lift.by === 'pointer');
    }
    if (focused !== undefined && !this.#cards.has(focused)) this.#focusNear(focused);
    if (lift?.by === 'keys') this.#cards.get(lift.card)?.element.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    land?.(lift?.by === 'pointer' ? this.#cards.get(lift.card)?.element : undefined);
    this.#cursors.place();
  }

  #columnView(item: ColumnItem): ColumnView {
    let view = this.#columns.get(item.id);
    if (!view) this.#columns.set(item.id, (view = new ColumnView(item, this)));
    return view;
  }

  #columnView1(id: string): HTMLElement {
    return (this.#columns.get(id) as ColumnView).element;
  }

  #cardView(item: CardItem, company: readonly Company[]): CardView {
    let view = this.#cards.get(item.id);
    if (!view) this.#cards.set(item.id, (view = new CardView(item.id)));
    view.draw(item, company);
    return view;
  }

  #drawEmpty(): void {
    this.#arrangement = '';
    this.#columns.clear();
    this.#cards.clear();
    if (this.#scroller.querySelector('.empty')) return;
    const start = h('button', { type: 'button', class: 'button primary', 'data-testid': 'sample-board' }, 'Start with a sample board');
    start.addEventListener('click', () => void this.#stage.commit((board) => fillSample(board, model.newID)));
    const blank = h('button', { type: 'button', class: 'button quiet', 'data-testid': 'blank-board' }, 'Start with an empty column');
    blank.addEventListener('click', () => this.#newColumn('To do'));
    const text = 'Open this page in a second window, or send its address to somebody: you will see each other work, at once.';
    this.#scroller.replaceChildren(h('div', { class: 'empty', 'data-testid': 'empty' }, h('h2', {}, 'This board is empty'), h('p', {}, text), start, blank));
    if (document.activeElement === document.body) start.focus();
  }

  #failed(error: Error): void {
    this.#scroller.removeAttribute('aria-busy');
    this.#scroller.replaceChildren(h('div', { class: 'empty', role: 'alert' }, h('h2', {}, 'This board cannot be opened'), h('p', {}, error.message)));
  }

  /** Keeps a card in sight that somebody deleted while it is edited here. */
  #withEdited(columns: readonly ColumnItem[]): readonly ColumnItem[] {
    const { editing } = this.#stage;
    if (editing === undefined || columns.some(({ cards }) => cards.some(({ id }) => id === editing))) return columns;
    const view = this.#cards.get(editing);
    const home = this.#shown.find(({ cards }) => cards.some(({ id }) => id === editing));
    const at = home?.cards.findIndex(({ id }) => id === editing) ?? 0;
    const into = columns.find(({ id }) => id === home?.id) ?? columns[0];
    if (!view?.item || !into) return columns;
    const item = view.item;
    queueMicrotask(() => view.deleted());
    return columns.map((column) => (column === into ? { ...column, cards: [...column.cards.slice(0, at), item, ...column.cards.slice(at)] } : column));
  }

  #companyByCard(): Map<string, Company[]> {
    const company = new Map<string, Company[]>();
    for (const { state } of this.#doc.others) {
      if (typeof state.card !== 'string') continue;
      const name = clean(state.name) || 'Somebody';
      const doing = state.doing === 'editing' || state.doing === 'moving' ? state.doing : undefined;
      company.set(state.card, [...(company.get(state.card) ?? []), { name, color: personColor(name), doing }]);
    }
    return company;
  }

  #focusedCard(): string | undefined {
    const focused = document.activeElement;
    return focused?.matches('.card') ? (focused as HTMLElement).dataset['id'] : undefined;
  }

  /** The focus goes to a neighbour of a card that is gone. */
  #focusNear(gone: string): void {
    const column = this.#shown.find(({ cards }) => cards.some(({ id }) => id === gone));
    const at = column?.cards.findIndex(({ id }) => id === gone) ?? 0;
    const near = [...(column?.cards.slice(at + 1) ?? []), ...(column?.cards.slice(0, at).reverse() ?? [])];
    const next = near.find(({ id }) => this.#cards.has(id));
    if (next) this.#cards.get(next.id)?.element.focus();
  }

  /** The one card that the Tab key stops at; arrows lead on from there. */
  #tabStop(columns: readonly ColumnItem[]): string | undefined {
    const { active } = this.#stage;
    return active !== undefined && this.#cards.has(active) ? active : columns.find(({ cards }) => cards.length > 0)?.cards[0]?.id;
  }

  #lanesNow(): readonly { id: string; element: HTMLElement; list: HTMLElement }[] {
    return [...this.#columns].map(([id, { element, list }]) => ({ id, element, list }));
  }

  // The board and its columns.

  #renameBoard(): void {
    const { title } = this.#doc.get();
    editInline(this.#title, typeof title === 'string' ? title : '', 'Name of the board', (text) => {
      void this.#stage.commit((board) => {
        board.title = text;
      });
    });
  }

  #nameNewColumn(): void {
    editInline(this.#addColumnButton, '', 'Name of the new column', (title) => this.#newColumn(title));
  }

  #newColumn(title: string): void {
    const id = model.newID();
    const order = between(model.layout(this.#doc.get()).at(-1)?.order, undefined);
    void this.#stage.commit((board) => model.addColumn(board, id, { title, order }));
    queueMicrotask(() => this.#columns.get(id)?.element.scrollIntoView({ block: 'nearest', inline: 'nearest' }));
  }

  rename(id: string, title: string): void {
    void this.#stage.commit((board) => {
      model.column(board, id).title = title;
    });
  }

  mover(id: string, step: -1 | 1): (() => void) | undefined {
    const columns = model.layout(this.#doc.get());
    const at = columns.findIndex((column) => column.id === id);
    const beyond = at + step;
    if (at < 0 || beyond < 0 || beyond >= columns.length) return undefined;
    const [low, high] = step < 0 ? [beyond - 1, beyond] : [beyond, beyond + 1];
    return () => {
      const order = between(columns[low]?.order, columns[high]?.order);
      void this.#stage.commit((board) => {
        model.column(board, id).order = order;
      });
    };
  }

  addCard(column: string, title: string): void {
    const id = model.newID();
    const order = this.#stage.orderBefore(column, null);
    const rescue = { label: 'Copy the text', run: () => void navigator.clipboard.writeText(title) };
    void this.#stage.commit((board) => model.addCard(board, id, { column, order, title }), rescue);
    announce(`Added ${title}`);
  }

  #compose(column: string | undefined): void {
    const id = column ?? this.#shown[0]?.id;
    if (id !== undefined) this.#columns.get(id)?.compose();
  }

  // The cards. `remove` serves both a card's id and a whole column.

  remove(what: string | ColumnItem): void {
    if (typeof what === 'string') this.#removeCard(what);
    else void this.#removeColumn(what);
  }

  async #removeColumn({ id, title, cards }: ColumnItem): Promise<void> {
    const many = cards.length === 1 ? 'its card' : `its ${cards.length} cards`;
    if (cards.length > 0 && !(await confirm(`Delete “${title}”?`, `The column and ${many} are deleted for everybody.`, 'Delete'))) return;
    await this.#stage.commit((board) => model.deleteColumn(board, id));
  }

  #removeCard(id: string): void {
    const deleted = this.#doc.get((board) => board.cards?.[id]);
    this.#stage.editing = undefined;
    if (!deleted) return;
    void this.#stage.commit((board) => {
      delete board.cards?.[id];
    });
    const undo = (): void => void this.#stage.commit((board) => model.addCard(board, id, { ...deleted }));
    toast(`Deleted “${deleted.title}”`, 'info', { label: 'Undo', run: undo });
  }

  #drop(lift: Lift): void {
    const now = model.layout(this.#doc.get());
    const from = now.find(({ cards }) => cards.some(({ id }) => id === lift.card));
    const next = from?.cards[from.cards.findIndex(({ id }) => id === lift.card) + 1]?.id ?? null;
    if (from?.id === lift.column && next === lift.before) return; // where it was
    const order = this.#stage.orderBefore(lift.column, lift.before, lift.card);
    void this.#stage.commit((board) => model.moveCard(board, lift.card, lift.column, order));
  }

  done(id: string, changes: CardChanges): void {
    this.#stage.editing = undefined;
    if (Object.keys(changes).length === 0) return;
    const rescue = { label: 'Keep it as a new card', run: () => this.recreate(id, { ...this.#cardText(id), ...changes }) };
    void this.#stage.commit((board) => model.editCard(board, id, changes), rescue);
  }

  cancel(): void {
    this.#stage.editing = undefined;
  }

  #cardText(id: string): CardChanges {
    const item = this.#cards.get(id)?.item;
    return item ? { title: item.title, notes: item.notes, color: item.color ?? 'none' } : {};
  }

  recreate(id: string, { title, notes, color }: CardChanges): void {
    this.#stage.editing = undefined;
    const columns = model.layout(this.#doc.get());
    const home = this.#shown.find(({ cards }) => cards.some((card) => card.id === id))?.id;
    const column = (columns.find((candidate) => candidate.id === home) ?? columns[0])?.id;
    if (column === undefined) return;
    const card: model.Card = {
      column,
      order: this.#stage.orderBefore(column, null),
      title: title || 'Untitled',
      ...(notes && { notes }),
      ...(color !== undefined && color !== 'none' && { color }),
    };
    void this.#stage.commit((board) => model.addCard(board, id, card));
  }
}

function forget(views: Map<string, unknown>, keep: ReadonlySet<string>): void {
  for (const id of views.keys()) if (!keep.has(id)) views.delete(id);
}

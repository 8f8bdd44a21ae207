import type { Client, Doc } from '../../src/index';
import { arrange, coalesced, h, icon, must, setAttribute, setText } from '../ui/dom';
import { Header } from '../ui/header';
import { clean, personColor } from '../ui/person';
import { Actions } from './actions';
import { CardView } from './card';
import type { Company, EditorHost } from './card';
import { ColumnView } from './column';
import { Cursors } from './cursors';
import { PointerDrag } from './drag';
import { glide } from './flip';
import { editInline } from './inline';
import { Keys, openShortcuts } from './keys';
import type { Board, CardChanges, CardItem, ColumnItem } from './model';
import type { BoardPresence, Pointer } from './presence';
import { Stage } from './stage';

/** The page: draws the document and what this person and the others are doing. */
export class BoardView implements EditorHost {
  readonly #stage: Stage;
  readonly #doc: Doc<Board, BoardPresence>;
  readonly #actions: Actions;
  readonly #scroller = must('#board');
  readonly #title = must('#board-title');
  readonly #lanes = h('div', { class: 'lanes' });
  readonly #addColumn = h('div', { class: 'add-column' });
  readonly #addColumnButton = h('button', { type: 'button', class: 'add-column-button', 'aria-label': 'Add a column', title: 'Add a column', 'data-testid': 'add-column' }, icon('plus'));
  readonly #columns = new Map<string, ColumnView>();
  readonly #cards = new Map<string, CardView>();
  readonly #cursors: Cursors;
  readonly #header: Header<BoardPresence>;
  readonly #drawSoon = coalesced(() => this.#draw());
  #shown: readonly ColumnItem[] = [];
  #arrangement = '';
  #company = '';
  #pointer: Pointer | undefined;
  #ready = false;
  /** The card that is edited here and was deleted by somebody else. */
  #deleted: string | undefined;

  constructor(client: Client, doc: Doc<Board, BoardPresence>) {
    this.#doc = doc;
    this.#stage = new Stage(client, doc, () => this.#personChanged());
    this.#actions = new Actions(this.#stage);
    this.#cursors = new Cursors(() => this.#lanesNow());
    this.#header = new Header(client, doc, () => this.#where());
    this.#listen();
    this.#takeGestures();
    doc.subscribe((board) => board, () => this.#drawSoon());
    doc.subscribeOthers((others) => {
      this.#cursors.draw(others);
      const company = JSON.stringify(others.map(({ state }) => [state.name, state.card, state.doing]));
      if (company === this.#company) return;
      this.#company = company;
      this.#drawSoon();
    });
    doc.ready.then(
      () => {
        this.#ready = true;
        this.#drawSoon();
      },
      (error: Error) => this.#failed(error),
    );
  }

  #takeGestures(): void {
    const actions = this.#actions;
    const cardElement = (id: string): HTMLElement | undefined => this.#cards.get(id)?.element;
    this.#addColumn.append(this.#addColumnButton);
    this.#addColumnButton.addEventListener('click', () => {
      editInline(this.#addColumnButton, '', 'Name of the new column', (title) => actions.addColumn(title));
    });
    this.#title.addEventListener('click', () => {
      const { title } = this.#doc.get();
      editInline(this.#title, typeof title === 'string' ? title : '', 'Name of the board', (text) => actions.renameBoard(text));
    });
    const shortcuts = must('#shortcuts');
    shortcuts.append(icon('keyboard'));
    shortcuts.addEventListener('click', openShortcuts);
    new PointerDrag(this.#stage, {
      scroller: this.#scroller,
      columns: () => this.#lanesNow(),
      cardElement,
      drop: (lift) => actions.drop(lift),
    });
    new Keys(this.#stage, {
      focusCard: (id) => cardElement(id)?.focus(),
      compose: (column) => this.#columns.get(column ?? this.#shown[0]?.id ?? '')?.compose(),
      remove: (card) => actions.removeCard(card),
      drop: (lift) => actions.drop(lift),
    });
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
    this.#drawSoon();
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
    const lanes = columns.map((item) => {
      const view = this.#columnView(item);
      view.draw(
        item,
        item.cards.map((card) => this.#cardView(card, company.get(card.id) ?? [])),
      );
      return view.element;
    });
    forget(this.#columns, new Set(columns.map(({ id }) => id)));
    forget(this.#cards, new Set(columns.flatMap(({ cards }) => cards.map(({ id }) => id))));
    arrange(this.#lanes, [...lanes, this.#addColumn, this.#cursors.layer]);
    if (!this.#lanes.isConnected) this.#scroller.replaceChildren(this.#lanes);
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
    if (!view) this.#columns.set(item.id, (view = new ColumnView(item, this.#actions)));
    return view;
  }

  #cardView(item: CardItem, company: readonly Company[]): CardView {
    let view = this.#cards.get(item.id);
    if (!view) this.#cards.set(item.id, (view = new CardView(item.id)));
    if (item.id === this.#deleted) view.deleted();
    else view.draw(item, company);
    return view;
  }

  #drawEmpty(): void {
    this.#arrangement = '';
    forget(this.#columns, new Set());
    forget(this.#cards, new Set());
    if (this.#scroller.querySelector('.empty')) return;
    const start = h('button', { type: 'button', class: 'button primary', 'data-testid': 'sample-board' }, 'Start with a sample board');
    start.addEventListener('click', () => this.#actions.startSample());
    const blank = h('button', { type: 'button', class: 'button quiet', 'data-testid': 'blank-board' }, 'Start with an empty column');
    blank.addEventListener('click', () => this.#actions.addColumn('To do'));
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
    this.#deleted = undefined;
    if (editing === undefined || columns.some(({ cards }) => cards.some(({ id }) => id === editing))) return columns;
    const view = this.#cards.get(editing);
    const home = this.#shown.find(({ cards }) => cards.some(({ id }) => id === editing));
    const at = home?.cards.findIndex(({ id }) => id === editing) ?? 0;
    const into = columns.find(({ id }) => id === home?.id) ?? columns[0];
    if (!view?.item || !into) return columns;
    const { item } = view;
    this.#deleted = editing;
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

  // What editors ask for.

  done(id: string, changes: CardChanges): void {
    const item = this.#cards.get(id)?.item;
    const whole: CardChanges = item ? { title: item.title, notes: item.notes, color: item.color ?? 'none', ...changes } : changes;
    this.#stage.editing = undefined;
    this.#actions.edit(id, changes, whole, this.#homeOf(id));
  }

  cancel(): void {
    this.#stage.editing = undefined;
  }

  remove(id: string): void {
    this.#actions.removeCard(id);
  }

  recreate(id: string, text: CardChanges): void {
    this.#stage.editing = undefined;
    this.#actions.recreate(id, text, this.#homeOf(id));
  }

  #homeOf(card: string): string | undefined {
    return this.#shown.find(({ cards }) => cards.some(({ id }) => id === card))?.id;
  }
}

/** Takes what is not to be kept out of the page. */
function forget(views: Map<string, { readonly element: HTMLElement }>, keep: ReadonlySet<string>): void {
  for (const [id, { element }] of views) {
    if (keep.has(id)) continue;
    element.remove();
    views.delete(id);
  }
}

import { confirm } from '../ui/dialog';
import { announce, toast } from '../ui/toast';
import * as model from './model';
import type { CardChanges, ColumnItem } from './model';
import { between } from './order';
import { fillSample } from './sample';
import type { Lift, Stage } from './stage';

/** What a person does to the board: each a transaction, each with a way back or a way to save the text. */
export class Actions {
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  startSample(): void {
    void this.#stage.commit((board) => fillSample(board, model.newID));
  }

  renameBoard(title: string): void {
    void this.#stage.commit((board) => {
      board.title = title;
    });
  }

  addColumn(title: string): void {
    const id = model.newID();
    const order = between(this.#columns().at(-1)?.order, undefined);
    void this.#stage.commit((board) => model.addColumn(board, id, { title, order }));
  }

  renameColumn(id: string, title: string): void {
    void this.#stage.commit((board) => {
      model.column(board, id).title = title;
    });
  }

  /** What moves a column by one place; undefined at the end. */
  columnMover(id: string, step: -1 | 1): (() => void) | undefined {
    const columns = this.#columns();
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

  async removeColumn({ id, title, cards }: ColumnItem): Promise<void> {
    const many = cards.length === 1 ? 'its card' : `its ${cards.length} cards`;
    if (cards.length > 0 && !(await confirm(`Delete “${title}”?`, `The column and ${many} are deleted for everybody.`, 'Delete'))) return;
    await this.#stage.commit((board) => model.deleteColumn(board, id));
  }

  addCard(column: string, title: string): void {
    const id = model.newID();
    const order = this.#stage.orderBefore(column, null);
    const rescue = { label: 'Copy the text', run: () => void navigator.clipboard.writeText(title) };
    void this.#stage.commit((board) => model.addCard(board, id, { column, order, title }), rescue);
    announce(`Added ${title}`);
  }

  removeCard(id: string): void {
    const deleted = this.#stage.doc.get((board) => board.cards?.[id]);
    this.#stage.editing = undefined;
    if (!deleted) return;
    void this.#stage.commit((board) => {
      delete board.cards?.[id];
    });
    const undo = (): void => void this.#stage.commit((board) => model.addCard(board, id, { ...deleted }));
    toast(`Deleted “${deleted.title}”`, 'info', { label: 'Undo', run: undo });
  }

  drop(lift: Lift): void {
    const from = this.#columns().find(({ cards }) => cards.some(({ id }) => id === lift.card));
    const next = from?.cards[from.cards.findIndex(({ id }) => id === lift.card) + 1]?.id ?? null;
    if (from?.id === lift.column && next === lift.before) return; // where it was
    const order = this.#stage.orderBefore(lift.column, lift.before, lift.card);
    void this.#stage.commit((board) => model.moveCard(board, lift.card, lift.column, order));
  }

  /** Writes what changed. If the card was deleted meanwhile, `whole` is what it can be made anew from. */
  edit(id: string, changes: CardChanges, whole: CardChanges, home: string | undefined): void {
    if (Object.keys(changes).length === 0) return;
    const rescue = { label: 'Keep it as a new card', run: () => this.recreate(id, whole, home) };
    void this.#stage.commit((board) => model.editCard(board, id, changes), rescue);
  }

  /** Makes a card again that somebody deleted, in its column if there still is one. */
  recreate(id: string, { title, notes, color }: CardChanges, home: string | undefined): void {
    const columns = this.#columns();
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

  #columns(): ColumnItem[] {
    return model.layout(this.#stage.doc.get());
  }
}

import type { Client, Doc } from '../../src/index';
import { RejectedError } from '../../src/index';
import type { Draft } from '../../src/index';
import { toast } from '../ui/toast';
import type { ToastAction } from '../ui/toast';
import { GoneError, layout } from './model';
import type { Board, ColumnItem } from './model';
import { between } from './order';
import type { BoardPresence } from './presence';

/** A card on its way: shown at the place where it would be put down. */
export interface Lift {
  readonly card: string;
  readonly column: string;
  /** The card that it comes before; null: the last one of the column. */
  readonly before: string | null;
  readonly by: 'pointer' | 'keys';
}

/** What a person is doing on this page, on top of the document; views draw it and change it. */
export class Stage {
  readonly client: Client;
  readonly doc: Doc<Board, BoardPresence>;
  readonly #changed: () => void;
  #lift: Lift | undefined;
  #editing: string | undefined;
  #active: string | undefined;

  constructor(client: Client, doc: Doc<Board, BoardPresence>, changed: () => void) {
    this.client = client;
    this.doc = doc;
    this.#changed = changed;
  }

  get lift(): Lift | undefined {
    return this.#lift;
  }

  set lift(lift: Lift | undefined) {
    this.#lift = lift;
    this.#changed();
  }

  /** The card whose text is being edited here. */
  get editing(): string | undefined {
    return this.#editing;
  }

  set editing(card: string | undefined) {
    this.#editing = card;
    this.#changed();
  }

  /** The card that has, or had last, the keyboard focus. */
  get active(): string | undefined {
    return this.#active;
  }

  set active(card: string | undefined) {
    if (card === this.#active) return;
    this.#active = card;
    this.#changed();
  }

  /** The columns as they are shown: with a lifted card where it is held. */
  columns(): ColumnItem[] {
    const columns = layout(this.doc.get());
    const lift = this.#lift;
    if (!lift) return columns;
    const card = columns.flatMap((column) => column.cards).find(({ id }) => id === lift.card);
    if (!card) return columns;
    return columns.map((column) => {
      const cards = column.cards.filter(({ id }) => id !== lift.card);
      if (column.id !== lift.column) return { ...column, cards };
      const at = cards.findIndex(({ id }) => id === lift.before);
      cards.splice(at < 0 ? cards.length : at, 0, card);
      return { ...column, cards };
    });
  }

  /** The order key for a card that is put before another one, or at the end of a column. */
  orderBefore(columnID: string, before: string | null, moving?: string): string {
    const cards = layout(this.doc.get()).find(({ id }) => id === columnID)?.cards.filter(({ id }) => id !== moving) ?? [];
    const found = cards.findIndex(({ id }) => id === before);
    const at = found < 0 ? cards.length : found;
    return between(cards[at - 1]?.order, cards[at]?.order);
  }

  /** Runs an update; says so when it was not taken, with a way to save what the user had put into it. */
  async commit(run: (board: Draft<Board>) => void, rescue?: ToastAction): Promise<void> {
    try {
      await this.doc.update(run);
    } catch (error) {
      toast(`Your edit was not applied: ${reason(error)}.`, 'warn', rescue);
    }
  }
}

function reason(error: unknown): string {
  if (error instanceof GoneError) return error.message;
  if (error instanceof RejectedError) return error.cause instanceof GoneError ? error.cause.message : error.detail || error.code;
  return error instanceof Error ? error.message : String(error);
}

import { showShortcuts } from '../ui/dialog';
import { announce } from '../ui/toast';
import type { ColumnItem } from './model';
import type { Lift, Stage } from './stage';

/** What the keyboard can do to the board. */
export interface KeyBoard {
  focusCard(id: string): void;
  compose(column: string | undefined): void;
  remove(card: string): void;
  drop(lift: Lift): void;
}

const shortcuts = [
  ['↑ ↓ ← →', 'Go to another card'],
  ['Enter', 'Edit the card'],
  ['Space', 'Pick the card up, put it down'],
  ['Esc', 'Cancel'],
  ['N', 'New card in this column'],
  ['Delete', 'Delete the card'],
  ['?', 'This list'],
] as const;

export function openShortcuts(): void {
  void showShortcuts(shortcuts);
}

/** The keys of the board, see `shortcuts`. Fields and dialogs keep theirs. */
export class Keys {
  readonly #stage: Stage;
  readonly #board: KeyBoard;

  constructor(stage: Stage, board: KeyBoard) {
    this.#stage = stage;
    this.#board = board;
    addEventListener('keydown', (event) => this.#key(event));
  }

  #key(event: KeyboardEvent): void {
    const { target } = event;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !(target instanceof Element)) return;
    if (target.closest('input, textarea, select, dialog, .menu')) return;
    const card = target.matches('.card') ? (target as HTMLElement).dataset['id'] : undefined;
    const handled = (card === undefined ? this.#enter(event.key, target) : this.#onCard(event.key, card)) || this.#anywhere(event.key);
    if (handled) event.preventDefault();
  }

  #anywhere(key: string): boolean {
    switch (key) {
      case '?':
        openShortcuts();
        return true;
      case 'n':
      case 'N': {
        const { active } = this.#stage;
        this.#board.compose(this.#find(active)?.column.id);
        return true;
      }
      default:
        return false;
    }
  }

  /** Up and down lead from the other parts of a column, and from nowhere, to its cards. */
  #enter(key: string, from: Element): boolean {
    if (key !== 'ArrowUp' && key !== 'ArrowDown') return false;
    const columns = this.#stage.columns();
    const id = from.closest<HTMLElement>('.column')?.dataset['id'];
    if (id === undefined && from !== document.body) return false;
    const column = columns.find((column) => column.id === id) ?? this.#find(this.#stage.active)?.column ?? columns[0];
    const card = key === 'ArrowUp' ? column?.cards.at(-1) : column?.cards[0];
    if (!card) return false;
    this.#board.focusCard(card.id);
    return true;
  }

  #onCard(key: string, card: string): boolean {
    const { lift } = this.#stage;
    if (lift?.by === 'keys' && lift.card === card) return this.#lifted(key, lift);
    switch (key) {
      case 'ArrowUp':
      case 'ArrowDown':
      case 'ArrowLeft':
      case 'ArrowRight':
        this.#go(key, card);
        return true;
      case 'Enter':
      case 'F2':
        this.#stage.editing = card;
        return true;
      case ' ':
        this.#pickUp(card);
        return true;
      case 'Delete':
      case 'Backspace':
        this.#board.remove(card);
        return true;
      default:
        return false;
    }
  }

  #go(key: string, card: string): void {
    const found = this.#find(card);
    if (!found) return;
    const { columns, column, index } = found;
    if (key === 'ArrowUp' || key === 'ArrowDown') {
      const next = column.cards[index + (key === 'ArrowUp' ? -1 : 1)];
      if (next) this.#board.focusCard(next.id);
      return;
    }
    const step = key === 'ArrowLeft' ? -1 : 1;
    for (let at = columns.indexOf(column) + step; at >= 0 && at < columns.length; at += step) {
      const cards = columns[at]?.cards ?? [];
      const next = cards[Math.min(index, cards.length - 1)];
      if (!next) continue; // an empty column has nothing to focus
      this.#board.focusCard(next.id);
      return;
    }
  }

  #pickUp(card: string): void {
    const found = this.#find(card);
    if (!found) return;
    const { column, index } = found;
    this.#stage.lift = { card, column: column.id, before: column.cards[index + 1]?.id ?? null, by: 'keys' };
    announce(`Picked up. ${place(column, index)}. Arrow keys move, Space puts it down, Escape cancels.`);
  }

  #lifted(key: string, lift: Lift): boolean {
    switch (key) {
      case 'ArrowUp':
      case 'ArrowDown':
      case 'ArrowLeft':
      case 'ArrowRight':
        this.#shift(key, lift);
        return true;
      case ' ':
      case 'Enter':
        this.#board.drop(lift);
        this.#stage.lift = undefined;
        announce('Put down.');
        return true;
      case 'Escape':
        this.#stage.lift = undefined;
        announce('Cancelled: the card is where it was.');
        return true;
      case 'Tab':
        this.#stage.lift = undefined;
        return false;
      default:
        return true;
    }
  }

  #shift(key: string, lift: Lift): void {
    const found = this.#find(lift.card);
    if (!found) return;
    const { columns, column, index } = found;
    if (key === 'ArrowUp') {
      const above = column.cards[index - 1];
      if (above) this.#stage.lift = { ...lift, before: above.id };
    } else if (key === 'ArrowDown') {
      if (index + 1 < column.cards.length) this.#stage.lift = { ...lift, before: column.cards[index + 2]?.id ?? null };
    } else {
      const next = columns[columns.indexOf(column) + (key === 'ArrowLeft' ? -1 : 1)];
      if (next) this.#stage.lift = { ...lift, column: next.id, before: next.cards[index]?.id ?? null };
    }
    const now = this.#find(lift.card);
    if (now) announce(`${place(now.column, now.index)}.`);
  }

  #find(card: string | undefined): { columns: ColumnItem[]; column: ColumnItem; index: number } | undefined {
    const columns = this.#stage.columns();
    for (const column of columns) {
      const index = column.cards.findIndex(({ id }) => id === card);
      if (index >= 0) return { columns, column, index };
    }
    return undefined;
  }
}

function place(column: ColumnItem, index: number): string {
  return `Position ${index + 1} of ${column.cards.length} in ${column.title}`;
}

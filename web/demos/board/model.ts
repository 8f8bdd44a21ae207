import type { Draft, Immutable } from '../../src/index';
import { compare } from './order';

/** The document. Every member that two people may change at once is a leaf of its own, so edits merge. */
export interface Board {
  title?: string;
  columns?: Record<string, Column>;
  cards?: Record<string, Card>;
}

export interface Column {
  title: string;
  order: string;
}

export interface Card {
  column: string;
  order: string;
  title: string;
  notes?: string;
  color?: CardColor;
}

export const cardColors = ['red', 'amber', 'green', 'blue', 'violet'] as const;
export type CardColor = (typeof cardColors)[number];

/** A card as it is shown; any program may write the document, so its members are checked first. */
export interface CardItem {
  readonly id: string;
  readonly order: string;
  readonly title: string;
  readonly notes: string;
  readonly color: CardColor | undefined;
}

export interface ColumnItem {
  readonly id: string;
  readonly order: string;
  readonly title: string;
  readonly cards: readonly CardItem[];
}

/** What an update needs is not there any more: somebody deleted it. */
export class GoneError extends Error {
  override readonly name = 'GoneError';
}

/** The columns with their cards, in order. Cards of a column that is gone are in the first one. */
export function layout(board: Immutable<Board>): ColumnItem[] {
  const columns = entries<Column>(board.columns).map(([id, column]) => ({
    id,
    order: text(column.order),
    title: text(column.title),
    cards: [] as CardItem[],
  }));
  columns.sort(compare);
  const byID = new Map(columns.map((column) => [column.id, column]));
  for (const [id, card] of entries<Card>(board.cards)) {
    (byID.get(text(card.column)) ?? columns[0])?.cards.push(cardItem(id, card));
  }
  for (const column of columns) column.cards.sort(compare);
  return columns;
}

function cardItem(id: string, card: Partial<Immutable<Card>>): CardItem {
  const color = cardColors.find((name) => name === card.color);
  return { id, order: text(card.order), title: text(card.title), notes: text(card.notes), color };
}

function entries<T extends object>(members: unknown): [string, Partial<Immutable<T>>][] {
  if (typeof members !== 'object' || members === null) return [];
  return Object.entries(members).filter((entry): entry is [string, Partial<Immutable<T>>] => typeof entry[1] === 'object' && entry[1] !== null);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function newID(): string {
  return [...crypto.getRandomValues(new Uint8Array(10))].map((byte) => (byte % 36).toString(36)).join('');
}

// The transactions. Each may run again on newer state, so each looks for what it needs.

export function addColumn(board: Draft<Board>, id: string, column: Column): void {
  board.columns ??= {};
  board.columns[id] = column;
}

export function column(board: Draft<Board>, id: string): Draft<Column> {
  const found = board.columns?.[id];
  if (!found) throw new GoneError('the column was deleted');
  return found;
}

/** Deletes a column and what is in it, also the cards that somebody adds to it at the same moment. */
export function deleteColumn(board: Draft<Board>, id: string): void {
  delete board.columns?.[id];
  for (const [card, { column }] of Object.entries(board.cards ?? {})) {
    if (column === id) delete board.cards?.[card];
  }
}

export function addCard(board: Draft<Board>, id: string, card: Card): void {
  column(board, card.column);
  board.cards ??= {};
  board.cards[id] = card;
}

export function card(board: Draft<Board>, id: string): Draft<Card> {
  const found = board.cards?.[id];
  if (!found) throw new GoneError('the card was deleted');
  return found;
}

export interface CardChanges {
  readonly title?: string;
  readonly notes?: string;
  readonly color?: CardColor | 'none';
}

/** Writes the members that were changed and no others: two people can edit one card. */
export function editCard(board: Draft<Board>, id: string, { title, notes, color }: CardChanges): void {
  const edited = card(board, id);
  if (title !== undefined) edited.title = title;
  if (notes === '') delete edited.notes;
  else if (notes !== undefined) edited.notes = notes;
  if (color === 'none') delete edited.color;
  else if (color !== undefined) edited.color = color;
}

export function moveCard(board: Draft<Board>, id: string, to: string, order: string): void {
  column(board, to);
  const moved = card(board, id);
  moved.column = to;
  moved.order = order;
}

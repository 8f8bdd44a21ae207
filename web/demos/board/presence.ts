import type { Person } from '../ui/header';

/** Where a pointer is: in a column, so that it means the same in a window of another size, or on the board. */
export interface Pointer {
  /** The column, '' for none. */
  readonly column: string;
  /** In a column: share of its width. Otherwise pixels from the left end of the board. */
  readonly x: number;
  /** Pixels from the top of the column's cards, or of the board. */
  readonly y: number;
}

/** What the people on a board tell each other. */
export interface BoardPresence extends Person {
  readonly pointer?: Pointer;
  /** The card that they are at. */
  readonly card?: string;
  readonly doing?: 'editing' | 'moving';
}

/** Checks what came from somebody else's browser. */
export function pointerOf(value: unknown): Pointer | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { column, x, y } = value as Partial<Pointer>;
  if (typeof column !== 'string' || !Number.isFinite(x) || !Number.isFinite(y)) return undefined;
  return { column, x: Number(x), y: Number(y) };
}

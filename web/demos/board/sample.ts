import type { Draft } from '../../src/index';
import { addCard, addColumn } from './model';
import type { Board, Card } from './model';
import { between } from './order';

type SampleCard = Pick<Card, 'title' | 'notes' | 'color'>;

const sample: readonly (readonly [title: string, cards: readonly SampleCard[]])[] = [
  [
    'Backlog',
    [
      { title: 'Open this page in a second window', notes: 'Every change shows up there at once, and so does your cursor.', color: 'blue' },
      { title: 'Pull the plug, keep on editing', notes: 'Edits are kept and sent when the server is back.' },
      { title: 'Press ? for the keyboard shortcuts' },
    ],
  ],
  [
    'In progress',
    [
      { title: 'Drag me to another column', color: 'amber' },
      { title: 'Write the announcement', notes: 'Short. Say what it does, show it, stop.' },
    ],
  ],
  ['Review', [{ title: 'Pricing page copy', color: 'violet' }, { title: 'Screenshots, light and dark' }]],
  ['Done', [{ title: 'Pick a launch date', color: 'green' }]],
];

/** Fills an empty board. When somebody else was faster, there is nothing left to do. */
export function fillSample(board: Draft<Board>, newID: () => string): void {
  if (board.columns && Object.keys(board.columns).length > 0) return;
  board.title = 'Launch week';
  let columnOrder: string | undefined;
  for (const [title, cards] of sample) {
    const column = newID();
    columnOrder = between(columnOrder, undefined);
    addColumn(board, column, { title, order: columnOrder });
    let order: string | undefined;
    for (const card of cards) {
      order = between(order, undefined);
      addCard(board, newID(), { ...card, column, order });
    }
  }
}

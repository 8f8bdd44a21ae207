import type { Peer } from '../../src/index';
import { h, setText } from '../ui/dom';
import { clean, personColor } from '../ui/person';
import { pointerOf } from './presence';
import type { BoardPresence, Pointer } from './presence';

type Lane = { readonly id: string; readonly element: HTMLElement; readonly list: HTMLElement };

/** The pointers of the others, on a layer over the columns; and where one's own pointer is, for them. */
export class Cursors {
  readonly layer = h('div', { class: 'cursors', 'aria-hidden': 'true' });
  readonly #lanes: () => readonly Lane[];
  readonly #elements = new Map<string, HTMLElement>();
  #others: readonly Peer<BoardPresence>[] = [];

  constructor(lanes: () => readonly Lane[]) {
    this.#lanes = lanes;
  }

  /** Says where a point of this window is on the board. */
  locate(board: HTMLElement, clientX: number, clientY: number): Pointer {
    for (const { id, element, list } of this.#lanes()) {
      const box = element.getBoundingClientRect();
      if (clientX < box.left || clientX > box.right || clientY < box.top || clientY > box.bottom) continue;
      const y = clientY - list.getBoundingClientRect().top + list.scrollTop;
      return { column: id, x: round((clientX - box.left) / box.width, 1000), y: round(y, 1) };
    }
    const box = board.getBoundingClientRect();
    return { column: '', x: round(clientX - box.left, 1), y: round(clientY - box.top, 1) };
  }

  draw(others: readonly Peer<BoardPresence>[]): void {
    this.#others = others;
    this.place();
  }

  /** Puts the cursors where they belong: after somebody moved, a column scrolled or the window changed. */
  place(): void {
    const seen = new Set<string>();
    const lanes = this.#lanes();
    for (const { id, state } of this.#others) {
      const pointer = pointerOf(state.pointer);
      if (!pointer) continue;
      seen.add(id);
      const element = this.#element(id, clean(state.name) || 'Somebody');
      const [x, y] = position(pointer, lanes);
      element.style.transform = `translate(${x}px, ${clamp(y, 0, this.layer.clientHeight - 8)}px)`;
    }
    for (const [id, element] of this.#elements) {
      if (seen.has(id)) continue;
      element.remove();
      this.#elements.delete(id);
    }
  }

  #element(id: string, name: string): HTMLElement {
    let element = this.#elements.get(id);
    if (!element) {
      element = h('div', { class: 'cursor', 'data-testid': 'cursor', 'data-id': id }, arrow(), h('span', { class: 'cursor-name' }));
      this.#elements.set(id, element);
      this.layer.append(element);
    }
    const label = element.lastElementChild;
    if (label) setText(label, name);
    element.style.setProperty('--person', personColor(name));
    return element;
  }
}

function position({ column, x, y }: Pointer, lanes: readonly Lane[]): [number, number] {
  const lane = lanes.find(({ id }) => id === column);
  if (!lane) return [x, y];
  const { element, list } = lane;
  return [element.offsetLeft + x * element.offsetWidth, element.offsetTop + list.offsetTop + y - list.scrollTop];
}

function arrow(): SVGSVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 18 20');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', 'M2 1.5l13.2 9.2-6.1 1.1-3 6z');
  svg.append(path);
  return svg;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), Math.max(low, high));
}

function round(value: number, parts: number): number {
  return Math.round(value * parts) / parts;
}

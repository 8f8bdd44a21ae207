import { calm } from '../ui/dom';
import type { Lift, Stage } from './stage';

/** What dragging needs to know of the board. */
export interface DragBoard {
  readonly scroller: HTMLElement;
  columns(): readonly { readonly id: string; readonly element: HTMLElement; readonly list: HTMLElement }[];
  cardElement(id: string): HTMLElement | undefined;
  drop(lift: Lift): void;
}

interface Press {
  readonly id: string;
  readonly pointer: number;
  readonly element: HTMLElement;
  readonly x: number;
  readonly y: number;
}

interface Drag extends Press {
  readonly ghost: HTMLElement;
  readonly left: number;
  readonly top: number;
  readonly height: number;
}

const slop = 4; // pixels that a mouse may move within a click
const touchSlop = 9;
const longPress = 260; // milliseconds until a finger lifts a card instead of scrolling
const edge = 56; // pixels at an edge that scroll
const scrollSpeed = 14; // pixels a frame

/** Drags cards with mouse, pen or finger: the card follows as a ghost, a placeholder shows where it would go. */
export class PointerDrag {
  readonly #stage: Stage;
  readonly #board: DragBoard;
  #press: Press | undefined;
  #drag: Drag | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #at = { x: 0, y: 0 };

  constructor(stage: Stage, board: DragBoard) {
    this.#stage = stage;
    this.#board = board;
    board.scroller.addEventListener('pointerdown', (event) => this.#down(event));
    // Must be there before the touch begins, else the browser has taken it for scrolling.
    board.scroller.addEventListener(
      'touchmove',
      (event) => {
        if (this.#drag && event.cancelable) event.preventDefault();
      },
      { passive: false },
    );
    addEventListener('pointermove', (event) => this.#move(event));
    addEventListener('pointerup', (event) => this.#up(event, true));
    addEventListener('pointercancel', (event) => this.#up(event, false));
    addEventListener(
      'keydown',
      (event) => {
        if (!this.#drag || event.key !== 'Escape') return;
        event.stopPropagation();
        this.#end(false);
      },
      true,
    );
  }

  #down(event: PointerEvent): void {
    if (event.button !== 0 || !event.isPrimary || !(event.target instanceof Element)) return;
    if (event.target.closest('button, input, textarea, form')) return;
    const element = event.target.closest<HTMLElement>('.card');
    const id = element?.dataset['id'];
    if (!element || id === undefined) return;
    this.#press = { id, pointer: event.pointerId, element, x: event.clientX, y: event.clientY };
    this.#at = { x: event.clientX, y: event.clientY };
    if (event.pointerType === 'touch') this.#timer = setTimeout(() => this.#start(), longPress);
  }

  #move(event: PointerEvent): void {
    const press = this.#press;
    if (!press || event.pointerId !== press.pointer) return;
    this.#at = { x: event.clientX, y: event.clientY };
    if (this.#drag) {
      this.#follow(this.#drag);
      return;
    }
    const far = Math.hypot(event.clientX - press.x, event.clientY - press.y);
    if (event.pointerType === 'touch') {
      if (far > touchSlop) this.#forget();
    } else if (far > slop) {
      this.#start();
    }
  }

  #up(event: PointerEvent, drop: boolean): void {
    if (event.pointerId !== this.#press?.pointer) return;
    if (this.#drag) this.#end(drop);
    this.#forget();
  }

  #forget(): void {
    clearTimeout(this.#timer);
    this.#press = undefined;
  }

  #start(): void {
    const press = this.#press;
    if (!press || !press.element.isConnected) return;
    const { left, top, width, height } = press.element.getBoundingClientRect();
    const ghost = press.element.cloneNode(true) as HTMLElement;
    for (const node of [ghost, ...ghost.querySelectorAll('[data-testid]')]) node.removeAttribute('data-testid');
    ghost.setAttribute('aria-hidden', 'true');
    ghost.classList.add('ghost');
    ghost.style.width = `${width}px`;
    ghost.style.height = `${height}px`;
    document.body.append(ghost);
    document.body.classList.add('dragging');
    getSelection()?.removeAllRanges();
    this.#drag = { ...press, ghost, left, top, height };
    this.#follow(this.#drag);
    this.#autoScroll(this.#drag);
  }

  #follow(drag: Drag): void {
    const [x, y] = [drag.left + this.#at.x - drag.x, drag.top + this.#at.y - drag.y];
    drag.ghost.style.transform = `translate(${x}px, ${y}px) rotate(${calm.matches ? 0 : 1.5}deg)`;
    const target = this.#target(drag, y + drag.height / 2);
    const now = this.#stage.lift;
    if (target && (now?.column !== target.column || now.before !== target.before)) this.#stage.lift = target;
  }

  /** The place that the ghost is over. Measured by layout, not by what is gliding on the screen. */
  #target(drag: Drag, middle: number): Lift | undefined {
    const { x } = this.#at;
    let nearest: { readonly id: string; readonly list: HTMLElement } | undefined;
    let distance = Infinity;
    for (const column of this.#board.columns()) {
      const { left, right } = column.element.getBoundingClientRect();
      const away = x < left ? left - x : x > right ? x - right : 0;
      if (away < distance) [nearest, distance] = [column, away];
    }
    if (!nearest) return undefined;
    const { list } = nearest;
    const top = list.getBoundingClientRect().top - list.scrollTop;
    const cards = [...list.children].filter((card): card is HTMLElement => card instanceof HTMLElement && card.dataset['id'] !== drag.id);
    const before = cards.find((card) => top + card.offsetTop + card.offsetHeight / 2 > middle)?.dataset['id'] ?? null;
    return { card: drag.id, column: nearest.id, before, by: 'pointer' };
  }

  #autoScroll(drag: Drag): void {
    if (this.#drag !== drag) return;
    const { x, y } = this.#at;
    const moved = [nudge(this.#board.scroller, 'scrollLeft', x, ['left', 'right'])];
    const list = this.#board.columns().find(({ id }) => id === this.#stage.lift?.column)?.list;
    if (list) moved.push(nudge(list, 'scrollTop', y, ['top', 'bottom']));
    if (moved.includes(true)) this.#follow(drag);
    requestAnimationFrame(() => this.#autoScroll(drag));
  }

  #end(drop: boolean): void {
    const drag = this.#drag;
    if (!drag) return;
    this.#drag = undefined;
    this.#forget();
    document.body.classList.remove('dragging');
    swallowClick();
    const lift = this.#stage.lift;
    if (drop && lift) this.#board.drop(lift);
    this.#stage.lift = undefined;
    requestAnimationFrame(() => land(drag.ghost, this.#board.cardElement(drag.id)));
  }
}

/** Scrolls an element when the pointer is near one of its ends. */
function nudge(element: HTMLElement, axis: 'scrollLeft' | 'scrollTop', at: number, [near, far]: readonly ['left', 'right'] | readonly ['top', 'bottom']): boolean {
  const box = element.getBoundingClientRect();
  const before = element[axis];
  if (at < box[near] + edge) element[axis] -= scrollSpeed;
  else if (at > box[far] - edge) element[axis] += scrollSpeed;
  return element[axis] !== before;
}

/** The click that the browser makes of the end of a drag is none. */
function swallowClick(): void {
  const swallow = (event: Event): void => event.stopPropagation();
  addEventListener('click', swallow, { capture: true, once: true });
  setTimeout(() => removeEventListener('click', swallow, true), 0);
}

/** Lets the ghost glide to its card. */
function land(ghost: HTMLElement, card: HTMLElement | undefined): void {
  if (!card || calm.matches) {
    ghost.remove();
    return;
  }
  const { left, top } = card.getBoundingClientRect();
  card.classList.add('landing');
  const done = (): void => {
    ghost.remove();
    card.classList.remove('landing');
  };
  ghost.animate([{ transform: `translate(${left}px, ${top}px)` }], { duration: 130, easing: 'cubic-bezier(0.2, 0, 0, 1)', fill: 'forwards' }).finished.then(done, done);
}

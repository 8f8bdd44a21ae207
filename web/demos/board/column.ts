import { arrange, autoGrow, h, icon, setAttribute, setText } from '../ui/dom';
import { openMenu } from '../ui/menu';
import type { MenuItem } from '../ui/menu';
import { textIn } from '../ui/text';
import type { Actions } from './actions';
import type { CardView } from './card';
import { editInline } from './inline';
import type { ColumnItem } from './model';

/** One column: its name, its cards, and the place to write a new one. */
export class ColumnView {
  readonly element: HTMLElement;
  readonly list = h('ul', { class: 'cards', role: 'list' });
  readonly #actions: Actions;
  readonly #name = h('button', { type: 'button', class: 'inline-name column-name', title: 'Rename the column', 'data-testid': 'column-title' });
  readonly #count = h('span', { class: 'count', 'aria-hidden': 'true' });
  readonly #add: HTMLButtonElement;
  readonly #foot: HTMLElement;
  #item: ColumnItem;

  constructor(item: ColumnItem, actions: Actions) {
    this.#actions = actions;
    this.#item = item;
    this.#name.addEventListener('click', () => this.#rename());
    const menu = h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Column menu', 'aria-haspopup': 'menu', 'aria-expanded': 'false', 'data-testid': 'column-menu' }, icon('more'));
    menu.addEventListener('click', () => openMenu(menu, this.#menu()));
    this.#add = h('button', { type: 'button', class: 'add-card', 'data-testid': 'add-card', onclick: () => this.compose() }, icon('plus'), 'Add a card');
    this.#foot = h('div', { class: 'column-foot' }, this.#add);
    this.element = h(
      'section',
      { class: 'column', role: 'group', 'data-testid': 'column', 'data-id': item.id },
      h('div', { class: 'column-head' }, h('h2', {}, this.#name), this.#count, menu),
      this.list,
      this.#foot,
    );
  }

  draw(item: ColumnItem, cards: readonly CardView[]): void {
    this.#item = item;
    setText(this.#name, item.title || 'Untitled');
    setText(this.#count, String(item.cards.length));
    setAttribute(this.element, 'aria-label', `${item.title || 'Untitled'}, ${item.cards.length} ${item.cards.length === 1 ? 'card' : 'cards'}`);
    setAttribute(this.element, 'data-title', item.title);
    arrange(
      this.list,
      cards.map(({ element }) => element),
    );
  }

  /** Opens the field for a new card. It stays open, for the next one. */
  compose(): void {
    if (this.#foot.querySelector('textarea')) return;
    const area = h('textarea', { class: 'composer', rows: '2', placeholder: 'What needs to be done?', 'aria-label': `New card in ${this.#item.title}`, 'data-testid': 'card-input' });
    autoGrow(area);
    const close = (refocus: boolean): void => {
      if (!area.isConnected) return;
      this.#foot.replaceChildren(this.#add);
      if (refocus) this.#add.focus();
    };
    const add = (): void => {
      const title = textIn(area);
      area.value = '';
      if (title !== '') this.#actions.addCard(this.#item.id, title);
    };
    area.addEventListener('keydown', (event) => {
      event.stopPropagation();
      if (event.isComposing) return;
      if (event.key === 'Escape') {
        area.value = '';
        close(true);
      } else if (event.key === 'Enter' && !event.shiftKey) {
        event.preventDefault();
        add();
        area.dispatchEvent(new Event('input'));
        area.scrollIntoView({ block: 'nearest' });
      }
    });
    area.addEventListener('blur', () => {
      if (!document.hasFocus()) return; // another window: the text stays
      add();
      close(false);
    });
    this.#foot.replaceChildren(area);
    area.focus();
  }

  #rename(): void {
    editInline(this.#name, this.#item.title, 'Column name', (title) => this.#actions.renameColumn(this.#item.id, title));
  }

  #menu(): MenuItem[] {
    const { id } = this.#item;
    const left = this.#actions.columnMover(id, -1);
    const right = this.#actions.columnMover(id, 1);
    return [
      { label: 'Rename', run: () => this.#rename(), testid: 'column-rename' },
      { label: 'Move left', run: () => left?.(), disabled: !left },
      { label: 'Move right', run: () => right?.(), disabled: !right },
      { label: 'Delete', run: () => void this.#actions.removeColumn(this.#item), danger: true, testid: 'column-delete' },
    ];
  }
}

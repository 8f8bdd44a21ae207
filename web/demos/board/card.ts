import { autoGrow, h, icon, setAttribute, setText } from '../ui/dom';
import { textIn } from '../ui/text';
import { cardColors } from './model';
import type { CardChanges, CardColor, CardItem } from './model';

/** What others do at a card. */
export interface Company {
  readonly name: string;
  readonly color: string;
  readonly doing: 'editing' | 'moving' | undefined;
}

/** What an editor asks of the board. */
export interface EditorHost {
  /** Ends the editing; without changes nothing is written. */
  done(card: string, changes: CardChanges): void;
  cancel(card: string): void;
  remove(card: string): void;
  /** Makes the card again, with the text that was typed, after somebody deleted it. */
  recreate(card: string, changes: CardChanges): void;
}

/** One card. While it is edited here its text is the editor's, whatever others write. */
export class CardView {
  readonly element: HTMLLIElement;
  readonly id: string;
  readonly #title = h('div', { class: 'card-title', 'data-testid': 'card-title' });
  readonly #notes = h('div', { class: 'card-notes' });
  readonly #hint = h('div', { class: 'card-hint' });
  #item: CardItem | undefined;
  #editor: CardEditor | undefined;

  constructor(id: string) {
    this.id = id;
    this.element = h(
      'li',
      { class: 'card', tabindex: '-1', 'aria-roledescription': 'card', 'aria-describedby': 'card-help', 'data-testid': 'card', 'data-id': id },
      this.#title,
      this.#notes,
      this.#hint,
    );
  }

  get item(): CardItem | undefined {
    return this.#item;
  }

  draw(item: CardItem, company: readonly Company[]): void {
    this.#item = item;
    setText(this.#title, item.title || 'Untitled');
    setText(this.#notes, item.notes);
    this.#notes.hidden = item.notes === '';
    setAttribute(this.element, 'data-title', item.title);
    setAttribute(this.element, 'data-color', item.color ?? null);
    this.#drawCompany(item, company);
    this.#editor?.remote(item);
  }

  #drawCompany(item: CardItem, company: readonly Company[]): void {
    const busy = company.find(({ doing }) => doing !== undefined) ?? company[0];
    const hint = busy?.doing === undefined ? '' : `${busy.name} is ${busy.doing}`;
    setText(this.#hint, hint);
    this.#hint.hidden = hint === '';
    this.element.classList.toggle('with-company', busy !== undefined);
    if (busy) this.element.style.setProperty('--person', busy.color);
    setAttribute(this.element, 'aria-label', hint === '' ? item.title || 'Untitled' : `${item.title || 'Untitled'}, ${hint}`);
  }

  /** Shows or hides the editor. */
  edit(host: EditorHost | undefined): void {
    if (host && !this.#editor && this.#item) {
      this.#editor = new CardEditor(this.#item, host);
      this.element.classList.add('editing');
      this.element.append(this.#editor.element);
      this.#editor.focus();
    } else if (!host && this.#editor) {
      const hadFocus = this.#editor.element.contains(document.activeElement);
      this.#editor.element.remove();
      this.#editor = undefined;
      this.element.classList.remove('editing');
      if (hadFocus) this.element.focus({ preventScroll: true });
    }
  }

  /** Somebody deleted the card while it is edited here. */
  deleted(): void {
    this.#editor?.deleted();
  }
}

/** The form in a card. It remembers what the text was, so that only what the user changed is written. */
class CardEditor {
  readonly element: HTMLFormElement;
  readonly #host: EditorHost;
  readonly #start: CardItem;
  readonly #title: HTMLTextAreaElement;
  readonly #notes: HTMLTextAreaElement;
  readonly #news = h('p', { class: 'editor-news', role: 'status', hidden: true });
  #color: CardColor | 'none';
  #deleted = false;
  #over = false;

  constructor(item: CardItem, host: EditorHost) {
    this.#host = host;
    this.#start = item;
    this.#color = item.color ?? 'none';
    this.#title = h('textarea', { class: 'editor-title', rows: '1', 'aria-label': 'Title', 'data-testid': 'card-input' });
    this.#notes = h('textarea', { class: 'editor-notes', rows: '2', placeholder: 'Notes', 'aria-label': 'Notes', 'data-testid': 'card-notes-input' });
    this.#title.value = item.title;
    this.#notes.value = item.notes;
    autoGrow(this.#title);
    autoGrow(this.#notes);
    this.element = h(
      'form',
      { class: 'editor', onsubmit: (event: SubmitEvent) => this.#submit(event), onkeydown: (event: KeyboardEvent) => this.#key(event) },
      this.#title,
      this.#notes,
      this.#news,
      h('div', { class: 'editor-row' }, this.#swatches(), this.#button('trash', 'Delete the card', () => this.#end(() => host.remove(item.id))), h('button', { class: 'button primary small' }, 'Save')),
    );
    this.element.addEventListener('focusout', (event) => this.#left(event));
    this.element.addEventListener('mousedown', (event) => {
      if (!(event.target instanceof Element && event.target.closest('textarea, button, input'))) event.preventDefault(); // keep the caret
    });
  }

  /** Whatever ends the editing first decides; taking the form out of the page makes it lose focus, too. */
  #end(how: () => void): void {
    if (this.#over) return;
    this.#over = true;
    how();
  }

  focus(): void {
    this.#title.focus();
    this.#title.setSelectionRange(this.#title.value.length, this.#title.value.length);
  }

  /** What others write while the editor is open is said, and changes nothing in it. */
  remote(item: CardItem): void {
    if (this.#deleted) {
      this.#deleted = false;
      this.#news.hidden = true;
    }
    if (item.title === this.#start.title || item.title === this.#title.value) return;
    this.#news.replaceChildren(`Somebody changed the title to “${item.title}”. Yours will replace it if you change it.`);
    this.#news.hidden = false;
  }

  deleted(): void {
    if (this.#deleted) return;
    this.#deleted = true;
    const recreate = (): void => this.#end(() => this.#host.recreate(this.#start.id, this.#all()));
    const discard = (): void => this.#end(() => this.#host.cancel(this.#start.id));
    this.#news.replaceChildren(
      'Somebody deleted this card. ',
      h('button', { type: 'button', class: 'link', 'data-testid': 'recreate', onclick: recreate }, 'Keep mine'),
      ' ',
      h('button', { type: 'button', class: 'link', onclick: discard }, 'Discard'),
    );
    this.#news.hidden = false;
  }

  #submit(event: Event): void {
    event.preventDefault();
    this.#end(() => {
      if (this.#deleted) this.#host.recreate(this.#start.id, this.#all());
      else this.#host.done(this.#start.id, this.#changes());
    });
  }

  #key(event: KeyboardEvent): void {
    event.stopPropagation(); // the board's keys are not the editor's
    if (event.isComposing) return;
    if (event.key === 'Escape') {
      event.preventDefault();
      this.#end(() => this.#host.cancel(this.#start.id));
    } else if (event.key === 'Enter' && !event.shiftKey && (event.target === this.#title || event.ctrlKey || event.metaKey)) {
      this.#submit(event);
    }
  }

  /** Leaving the editor keeps what was typed; when the card is gone, the user has to say what to do. */
  #left(event: FocusEvent): void {
    const to = event.relatedTarget;
    if (this.#deleted || (to instanceof Node && this.element.contains(to)) || !document.hasFocus()) return;
    this.#end(() => this.#host.done(this.#start.id, this.#changes()));
  }

  #changes(): CardChanges {
    const { title, notes, color } = this.#all();
    return {
      ...(title !== undefined && title !== '' && title !== this.#start.title && { title }),
      ...(notes !== undefined && notes !== this.#start.notes && { notes }),
      ...(color !== undefined && color !== (this.#start.color ?? 'none') && { color }),
    };
  }

  #all(): CardChanges {
    return { title: textIn(this.#title), notes: textIn(this.#notes), color: this.#color };
  }

  #swatches(): HTMLElement {
    const group = h('div', { class: 'swatches', role: 'radiogroup', 'aria-label': 'Colour' });
    for (const color of ['none', ...cardColors] as const) {
      const input = h('input', { type: 'radio', name: `color-${this.#start.id}`, value: color, 'aria-label': color, class: 'swatch', 'data-color': color });
      input.checked = color === this.#color;
      input.addEventListener('change', () => (this.#color = color));
      group.append(input);
    }
    return group;
  }

  #button(name: 'trash', label: string, run: () => void): HTMLButtonElement {
    return h('button', { type: 'button', class: 'icon-button', 'aria-label': label, title: label, onclick: run }, icon(name));
  }
}

import type { Client, Doc } from '../../src/index';
import { ask } from './dialog';
import { h, must, setAttribute, setText } from './dom';
import { clean, initials, keepName, ownName, personColor } from './person';
import { describe } from './status';
import type { Words } from './status';
import { announce, toast } from './toast';

/** What everybody tells about themselves, on each page; the page adds where they are. */
export interface Person {
  readonly name: string;
}

const maxAvatars = 5;

/** The right end of the top bar: unsent edits, the state of the connection, who is here. */
export class Header<P extends Person> {
  readonly #client: Client;
  readonly #doc: Doc<object, P>;
  readonly #where: () => Omit<P, 'name'>;
  readonly #pill = must('[data-testid=connection-pill]');
  readonly #count = must('[data-testid=pending-count]');
  readonly #peers = must('[data-testid=peers]');
  #name = ownName();
  #action: Words['action'];

  constructor(client: Client, doc: Doc<object, P>, where: () => Omit<P, 'name'>) {
    this.#client = client;
    this.#doc = doc;
    this.#where = where;
    client.on('connection', (now, before) => {
      this.#drawPill();
      if (now.status !== before.status) announce(describe(now, client.pending, Date.now()).text);
    });
    client.on('pending', () => this.#drawPill());
    client.on('rerun', () => toast('Somebody else was faster: your edit was applied to the newer version.'));
    doc.ready.then(
      () => client.on('fault', ({ code, detail }) => toast(`The document was closed by the server: ${detail || code}`, 'warn')),
      () => undefined, // the page says so, in place of the document
    );
    doc.subscribeOthers(() => this.#drawPeers());
    must('.pill-action', this.#pill).addEventListener('click', () => this.#act());
    setInterval(() => {
      if (client.connection.status === 'waiting') this.#drawPill();
    }, 500);
    addEventListener('beforeunload', (event) => {
      if (client.pending > 0) event.preventDefault(); // unsent edits live in this page
    });
    this.#drawPill();
    this.#drawPeers();
    this.tell();
  }

  /** Tells the others who and where this person is. */
  tell(): void {
    const { presence } = this.#doc;
    try {
      presence.set({ ...this.#where(), name: this.#name } as P);
    } catch {
      presence.set({ name: this.#name } as P); // the place has ids of the document, which any program may write: too long ones
    }
  }

  #drawPill(): void {
    const { connection, pending } = this.#client;
    const words = describe(connection, pending, Date.now());
    setAttribute(this.#pill, 'data-status', connection.status);
    setAttribute(this.#pill, 'data-storage', connection.status === 'online' && !connection.storage.available ? 'unavailable' : null);
    setAttribute(this.#pill, 'data-tone', words.tone);
    setAttribute(this.#pill, 'title', words.text);
    setText(must('.pill-text', this.#pill), words.text);
    const button = must<HTMLButtonElement>('.pill-action', this.#pill);
    this.#action = words.action;
    button.hidden = !words.action;
    setText(button, words.action?.label ?? '');
    setAttribute(this.#count, 'data-count', String(pending));
    this.#count.hidden = pending === 0;
    setText(this.#count, `${pending} unsent`);
    setAttribute(this.#count, 'title', `${pending} ${pending === 1 ? 'edit is' : 'edits are'} not stored on the server yet`);
  }

  #act(): void {
    switch (this.#action?.does) {
      case 'retry':
        this.#client.retry();
        break;
      case 'online':
        this.#client.test.goOnline();
        break;
      case 'reload':
        location.reload();
        break;
      case undefined:
    }
  }

  #drawPeers(): void {
    const { others } = this.#doc;
    const shown = others.slice(0, maxAvatars).map(({ id, state }) => avatar(clean(state.name) || 'Somebody', { 'data-id': id }));
    const more = others.length - shown.length;
    if (more > 0) shown.push(h('span', { class: 'avatar more', title: `${more} more` }, `+${more}`));
    const label = `You are ${this.#name}. Change your name`;
    const own = h(
      'button',
      { type: 'button', class: 'avatar own', title: `${this.#name} (you)`, 'aria-label': label, 'data-testid': 'own-name', onclick: () => void this.#rename() },
      initials(this.#name),
    );
    own.style.setProperty('--person', personColor(this.#name));
    const hadFocus = this.#peers.contains(document.activeElement);
    this.#peers.replaceChildren(...shown, own);
    setAttribute(this.#peers, 'data-count', String(others.length));
    if (hadFocus) own.focus();
  }

  async #rename(): Promise<void> {
    const name = await ask('Your name', 'Shown to everybody on this page', this.#name);
    if (name === undefined) return;
    this.#name = keepName(name);
    this.#drawPeers();
    this.tell();
  }
}

function avatar(name: string, attributes: Readonly<Record<string, string>>): HTMLElement {
  const element = h('span', { class: 'avatar', role: 'img', title: name, 'aria-label': name, 'data-testid': 'peer', ...attributes }, initials(name));
  element.style.setProperty('--person', personColor(name));
  return element;
}

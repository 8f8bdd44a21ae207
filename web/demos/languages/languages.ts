import '../ui/base.css';
import './languages.css';
import { createClient, RejectedError } from '../../src/index';
import type { Client, Doc } from '../../src/index';
import { coalesced, h, must, setText } from '../ui/dom';
import { Header } from '../ui/header';
import { clean, personColor } from '../ui/person';
import { toast } from '../ui/toast';
import { columns, GoneError, setField } from './model';
import type { Field, Languages, TablePresence } from './model';
import { Rows } from './rows';
import type { Order } from './rows';
import { fillSample, sampleSize } from './sample';
import { Table } from './table';
import type { TableHost, Visitor } from './table';

/** The page: a table over the document, with a filter and an order that are this person's own. */
class LanguagesPage implements TableHost {
  readonly #doc: Doc<Languages, TablePresence>;
  readonly #table: Table;
  readonly #header: Header<TablePresence>;
  readonly #rows = new Rows();
  readonly #place = must('#table');
  readonly #filter = must<HTMLInputElement>('#filter');
  readonly #drawSoon = coalesced(() => this.#draw());
  #order: Order = { field: 'id', descending: false };
  #ready = false;

  constructor(client: Client, doc: Doc<Languages, TablePresence>) {
    this.#doc = doc;
    this.#table = new Table(this);
    this.#header = new Header(client, doc, () => this.#where());
    this.#filter.addEventListener('input', () => {
      this.#table.scrollToTop();
      this.#draw();
    });
    doc.subscribe((document) => document.languages, () => this.#drawSoon());
    doc.subscribeOthers(() => this.#table.visit(this.#visitors()));
    doc.ready.then(
      () => {
        this.#ready = true;
        this.#drawSoon();
      },
      (error: Error) => this.#say('This document cannot be opened', h('p', {}, error.message)),
    );
  }

  sort(field: Order['field']): void {
    this.#order = { field, descending: this.#order.field === field && !this.#order.descending };
    this.#table.scrollToTop();
    this.#draw();
  }

  write(id: string, field: Field, text: string): void {
    this.#doc
      .update((document) => setField(document, id, field, text))
      .catch((error: unknown) => {
        const cause = error instanceof RejectedError && error.cause instanceof GoneError ? error.cause : error;
        const reason = cause instanceof Error ? cause.message : String(cause);
        toast(`Your edit was not applied: ${reason}.`, 'warn', { label: 'Copy the text', run: () => void navigator.clipboard.writeText(text) });
      });
  }

  went(): void {
    this.#header.tell();
  }

  #where(): Omit<TablePresence, 'name'> {
    const cell = this.#table.active;
    const here = this.#table.element.contains(document.activeElement);
    return cell && here ? { cell, ...(this.#table.editing && { editing: true }) } : {};
  }

  #visitors(): Visitor[] {
    return this.#doc.others.flatMap(({ state }): Visitor[] => {
      const id: unknown = state.cell?.id;
      const field = columns.find((column) => column.field === state.cell?.field)?.field;
      if (typeof id !== 'string' || !field) return [];
      const name = clean(state.name) || 'Somebody';
      return [{ id, field, name, color: personColor(name), editing: state.editing === true }];
    });
  }

  #draw(): void {
    if (!this.#ready) return;
    const { languages } = this.#doc.get();
    const all = languages ? Object.keys(languages).length : 0;
    if (!languages || all === 0) {
      setText(must('#rows'), '');
      this.#say('There are no languages here yet', ...this.#loadHelp());
      return;
    }
    if (!this.#table.element.isConnected) {
      this.#place.removeAttribute('aria-busy');
      this.#place.replaceChildren(this.#table.element);
    }
    const rows = this.#rows.select(languages, this.#filter.value, this.#order);
    const count = all.toLocaleString('en');
    setText(must('#rows'), rows.length === all ? `${count} rows` : `${rows.length.toLocaleString('en')} of ${count} rows`);
    this.#table.show(rows, this.#order);
  }

  #loadHelp(): Node[] {
    const command = `rivulet put ${key} languages.json`;
    const copy = h('button', { type: 'button', class: 'button' }, 'Copy');
    copy.addEventListener('click', () => {
      navigator.clipboard.writeText(command).then(
        () => setText(copy, 'Copied'),
        () => toast('The browser did not allow copying.', 'warn'),
      );
    });
    const fill = h('button', { type: 'button', class: 'button primary', 'data-testid': 'sample' }, `Start with ${sampleSize} of them`);
    fill.addEventListener('click', () => {
      this.#doc.update(fillSample).catch((error: Error) => toast(`The languages were not added: ${error.message}.`, 'warn'));
    });
    const shape = '{"languages":{"eng":{"name":"English","scope":"I","type":"L"}}}';
    return [
      fill,
      h('p', {}, 'Or load your own from a shell; they appear here at once:'),
      h('div', { class: 'command' }, h('code', {}, command), copy),
      h('p', {}, 'The file looks like this: ', h('code', {}, shape)),
    ];
  }

  #say(title: string, ...more: Node[]): void {
    this.#place.removeAttribute('aria-busy');
    if (this.#place.querySelector('.empty h2')?.textContent === title) return;
    this.#place.replaceChildren(h('div', { class: 'empty', 'data-testid': 'empty' }, h('h2', {}, title), ...more));
  }
}

const key = new URLSearchParams(location.search).get('doc') ?? 'demo/languages';
const client = createClient();
const doc = client.doc<Languages, TablePresence>(key);

/** For the console and for tests. */
declare global {
  var rivulet: { readonly client: Client; readonly doc: unknown };
}
globalThis.rivulet = { client, doc };

new LanguagesPage(client, doc);

import type { Draft, Immutable } from '../../src/index';
import type { Person } from '../ui/header';

/** The document: the languages of ISO 639-3 by their three-letter code. */
export interface Languages {
  title?: string;
  languages?: Record<string, Language>;
}

export interface Language {
  name: string;
  inverted_name?: string;
  common_name?: string;
  scope: string;
  type: string;
  alpha_2?: string;
  bibliographic?: string;
}

export type Field = keyof Language;

/** What the people on the table tell each other. */
export interface TablePresence extends Person {
  readonly cell?: { readonly id: string; readonly field: string };
  readonly editing?: boolean;
}

export interface Column {
  readonly field: Field | 'id';
  readonly title: string;
  /** CSS width. */
  readonly width: string;
  /** The values that the field can have, with their meaning; without it any text. */
  readonly choices?: Readonly<Record<string, string>>;
}

export const columns: readonly Column[] = [
  { field: 'id', title: 'Code', width: '76px' },
  { field: 'name', title: 'Name', width: 'minmax(210px, 3fr)' },
  { field: 'inverted_name', title: 'Inverted name', width: 'minmax(180px, 2.4fr)' },
  {
    field: 'scope',
    title: 'Scope',
    width: 'minmax(132px, 1fr)',
    choices: { I: 'Individual', M: 'Macrolanguage', S: 'Special' },
  },
  {
    field: 'type',
    title: 'Type',
    width: 'minmax(118px, 1fr)',
    choices: { L: 'Living', E: 'Extinct', A: 'Ancient', H: 'Historical', C: 'Constructed', S: 'Special' },
  },
  { field: 'alpha_2', title: '2-letter', width: '92px' },
];

/** The stored text of a cell; any program may write the document, so the type is checked. */
export function textOf(id: string, record: Immutable<Language> | undefined, field: Column['field']): string {
  if (field === 'id') return id;
  const value: unknown = record?.[field];
  return typeof value === 'string' ? value : '';
}

/** The text of a cell as it is shown. */
export function shownText(column: Column, stored: string): string {
  return column.choices?.[stored] ?? stored;
}

/** The language was deleted while somebody edited it. */
export class GoneError extends Error {
  override readonly name = 'GoneError';
}

/** Writes one cell. An optional one that is left empty goes. */
export function setField(document: Draft<Languages>, id: string, field: Field, text: string): void {
  const record = document.languages?.[id];
  if (!record) throw new GoneError(`the language ${id} was deleted`);
  if (text === '' && field !== 'name' && field !== 'scope' && field !== 'type') delete record[field];
  else record[field] = text;
}

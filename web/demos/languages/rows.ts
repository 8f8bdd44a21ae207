import type { Immutable } from '../../src/index';
import { columns, shownText, textOf } from './model';
import type { Column, Language } from './model';

export type LanguageRecord = Immutable<Language>;

export interface Row {
  readonly id: string;
  readonly record: LanguageRecord;
}

export interface Order {
  readonly field: Column['field'];
  readonly descending: boolean;
}

/**
 * The rows that the table shows: filtered and sorted. What is compared is folded (no case, no accents)
 * and kept for each record: records are immutable, so only those that changed are folded again.
 */
export class Rows {
  readonly #folded = new WeakMap<LanguageRecord, ReadonlyMap<Column['field'], string>>();

  select(languages: Readonly<Record<string, LanguageRecord>>, filter: string, order: Order): Row[] {
    const wanted = fold(filter.trim());
    const rows: Row[] = [];
    const keys = new Map<Row, string>();
    for (const [id, record] of Object.entries(languages)) {
      if (typeof record !== 'object' || record === null) continue;
      const folded = this.#fold(id, record);
      if (wanted !== '' && !matches(folded, wanted)) continue;
      const row = { id, record };
      rows.push(row);
      keys.set(row, folded.get(order.field) ?? '');
    }
    const sign = order.descending ? -1 : 1;
    return rows.sort((a, b) => {
      const [keyA, keyB] = [keys.get(a) ?? '', keys.get(b) ?? ''];
      if (keyA !== keyB) {
        if (keyA === '' || keyB === '') return keyA === '' ? 1 : -1; // empty cells last, both ways
        return keyA < keyB ? -sign : sign;
      }
      return a.id < b.id ? -1 : 1;
    });
  }

  #fold(id: string, record: LanguageRecord): ReadonlyMap<Column['field'], string> {
    let folded = this.#folded.get(record);
    if (!folded) {
      folded = new Map(columns.map((column) => [column.field, fold(shownText(column, textOf(id, record, column.field)))]));
      this.#folded.set(record, folded);
    }
    return folded;
  }
}

const searched = ['id', 'name', 'inverted_name', 'alpha_2'] as const;

function matches(folded: ReadonlyMap<Column['field'], string>, wanted: string): boolean {
  return searched.some((field) => folded.get(field)?.includes(wanted));
}

function fold(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase();
}

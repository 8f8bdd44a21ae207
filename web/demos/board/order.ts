/**
 * Order keys: strings that sort by their characters, with room for another one between any two. They
 * are the digits of a fraction, so that moving a card writes the card's own key and no other.
 */
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const base = digits.length;
const suffixLength = 4;

/**
 * A new key after `before` and before `after`; undefined stands for an end of the list. Its last
 * digits are random, so that two people who insert at one place at once never make the same key.
 */
export function between(before: string | undefined, after: string | undefined, random: () => number = Math.random): string {
  const low = clean(before);
  const high = after === undefined ? undefined : clean(after);
  return inside(low, high === undefined || high <= low ? undefined : high) + suffix(random);
}

/** By key; equal keys, which only a foreign writer makes, by id, so that everybody sees one order. */
export function compare(a: { readonly order: string; readonly id: string }, b: { readonly order: string; readonly id: string }): number {
  if (a.order !== b.order) return a.order < b.order ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/**
 * A fraction strictly between two others of which `high` does not start with it, so that every string
 * which starts with it is between them too.
 */
function inside(low: string, high: string | undefined): string {
  const first = digit(low, 0);
  if (high === undefined) {
    // At the open end take small steps: keys grow by one digit in about 60 insertions.
    if (low === '') return digits.charAt(base >> 1);
    return first + 1 < base ? digits.charAt(first + 1) : digits.charAt(first) + inside(low.slice(1) || '0', undefined);
  }
  const limit = digit(high, 0);
  if (first === limit) return digits.charAt(first) + inside(low.slice(1), high.slice(1));
  if (limit - first > 1) return digits.charAt(low === '' ? limit - 1 : (first + limit) >> 1);
  return digits.charAt(first) + (low === '' ? digits.charAt(base - 1) : inside(low.slice(1) || '0', undefined));
}

function digit(key: string, index: number): number {
  return index < key.length ? digits.indexOf(key.charAt(index)) : 0;
}

/** Foreign keys can be any text: only what the alphabet has counts, and no zeros at the end. */
function clean(key: string | undefined): string {
  return (key ?? '').replace(/[^0-9A-Za-z]/g, '').replace(/0+$/, '');
}

function suffix(random: () => number): string {
  let text = '';
  while (text.length < suffixLength - 1) text += digits.charAt(Math.floor(random() * base));
  return text + digits.charAt(1 + Math.floor(random() * (base - 1))); // not zero: nothing is below "…0"
}

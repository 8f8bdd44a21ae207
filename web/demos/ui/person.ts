import { wellFormed } from './text';

/** How many colours for people the style sheet has: --person-0 and so on. */
export const personColors = 8;

const storageKey = 'rivulet.name';
const maxName = 40;

/** The name from ?name=, else the one that was chosen before, else a made-up one. */
export function ownName(): string {
  const given = clean(new URLSearchParams(location.search).get('name'));
  if (given !== '') return given;
  const stored = clean(read());
  if (stored !== '') return stored;
  const name = `${pick(adjectives)} ${pick(animals)}`;
  write(name);
  return name;
}

export function keepName(name: string): string {
  const kept = clean(name) || ownName();
  write(kept);
  return kept;
}

/** A name as it may be shown: from somebody else's browser it can be anything. */
export function clean(name: unknown): string {
  if (typeof name !== 'string') return '';
  const line = [...wellFormed(name).replace(/\s+/g, ' ').trim()];
  return line.slice(0, maxName).join('').trim(); // by characters: no half of one
}

/** The same person has the same colour in every browser. */
export function colorOf(name: string): number {
  let hash = 7;
  for (const char of name) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  return hash % personColors;
}

export function personColor(name: string): string {
  return `var(--person-${colorOf(name)})`;
}

export function initials(name: string): string {
  const words = name.split(' ').filter((word) => word !== '');
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return letters.map((word) => [...(word ?? '')][0] ?? '').join('').toUpperCase() || '?';
}

// Storage can be switched off; then the name lasts as long as the page.
function read(): string | null {
  try {
    return localStorage.getItem(storageKey);
  } catch {
    return null;
  }
}

function write(name: string): void {
  try {
    localStorage.setItem(storageKey, name);
  } catch {
    return;
  }
}

function pick(list: readonly string[]): string {
  return list[Math.floor(Math.random() * list.length)] as string;
}

const adjectives = ['Amber', 'Brisk', 'Calm', 'Clever', 'Gentle', 'Lucky', 'Quiet', 'Silver', 'Sunny', 'Swift'];
const animals = ['Crane', 'Dipper', 'Heron', 'Kingfisher', 'Marten', 'Otter', 'Salmon', 'Swan', 'Trout', 'Wagtail'];

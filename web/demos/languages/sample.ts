import type { Draft } from '../../src/index';
import type { Language, Languages } from './model';

const sample: Readonly<Record<string, Language>> = {
  akk: { name: 'Akkadian', scope: 'I', type: 'A' },
  ara: { name: 'Arabic', scope: 'M', type: 'L', alpha_2: 'ar' },
  cym: { name: 'Welsh', scope: 'I', type: 'L', alpha_2: 'cy' },
  deu: { name: 'German', scope: 'I', type: 'L', alpha_2: 'de' },
  ell: { name: 'Modern Greek (1453-)', inverted_name: 'Greek, Modern (1453-)', scope: 'I', type: 'L', alpha_2: 'el' },
  eng: { name: 'English', scope: 'I', type: 'L', alpha_2: 'en' },
  epo: { name: 'Esperanto', scope: 'I', type: 'C', alpha_2: 'eo' },
  eus: { name: 'Basque', scope: 'I', type: 'L', alpha_2: 'eu' },
  fra: { name: 'French', scope: 'I', type: 'L', alpha_2: 'fr' },
  grc: { name: 'Ancient Greek (to 1453)', inverted_name: 'Greek, Ancient (to 1453)', scope: 'I', type: 'H' },
  hin: { name: 'Hindi', scope: 'I', type: 'L', alpha_2: 'hi' },
  jpn: { name: 'Japanese', scope: 'I', type: 'L', alpha_2: 'ja' },
  lat: { name: 'Latin', scope: 'I', type: 'H', alpha_2: 'la' },
  mri: { name: 'Maori', scope: 'I', type: 'L', alpha_2: 'mi' },
  quz: { name: 'Cusco Quechua', inverted_name: 'Quechua, Cusco', scope: 'I', type: 'L' },
  spa: { name: 'Spanish', scope: 'I', type: 'L', alpha_2: 'es' },
  swa: { name: 'Swahili (macrolanguage)', scope: 'M', type: 'L', alpha_2: 'sw' },
  tlh: { name: 'Klingon', scope: 'I', type: 'C' },
  zho: { name: 'Chinese', scope: 'M', type: 'L', alpha_2: 'zh' },
  zul: { name: 'Zulu', scope: 'I', type: 'L', alpha_2: 'zu' },
};

/** How many languages the sample has. */
export const sampleSize = Object.keys(sample).length;

/** Fills an empty table. When somebody else was faster, there is nothing left to do. */
export function fillSample(document: Draft<Languages>): void {
  if (document.languages && Object.keys(document.languages).length > 0) return;
  document.languages = { ...sample };
}

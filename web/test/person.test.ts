import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clean } from '../demos/ui/person';
import { textIn } from '../demos/ui/text';

test('a name is cut by characters and has no halves of them', () => {
  assert.equal(clean(`${'x'.repeat(39)}😀😀`), `${'x'.repeat(39)}😀`);
  assert.equal(clean('  Ada \n Lovelace '), 'Ada Lovelace');
  assert.equal(clean('half \ud83d'), 'half \ufffd');
  assert.equal(clean(7), '');
});

test('what somebody wrote is a text that a document can hold', () => {
  assert.equal(textIn({ value: ' 😀\ude00 kept ' }), '😀\ufffd kept');
});

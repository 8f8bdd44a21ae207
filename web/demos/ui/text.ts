/** The text with a sign in the place of every half of a surrogate pair, which no document can hold. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

/** What somebody wrote into a field, as a document can hold it. */
export function textIn(field: { readonly value: string }): string {
  return wellFormed(field.value.trim());
}

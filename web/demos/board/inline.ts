import { h } from '../ui/dom';
import { textIn } from '../ui/text';

/** Puts a field in the place of a name. Enter and leaving the field keep the text, Escape does not. */
export function editInline(name: HTMLElement, value: string, label: string, keep: (text: string) => void): void {
  const input = h('input', { class: 'inline-input', 'aria-label': label, value, maxlength: '200', autocomplete: 'off', 'data-testid': 'name-input' });
  let over = false;
  const end = (save: boolean, refocus: boolean): void => {
    if (over) return;
    over = true;
    const text = textIn(input);
    input.replaceWith(name);
    if (refocus) name.focus();
    if (save && text !== '' && text !== value) keep(text);
  };
  input.addEventListener('keydown', (event) => {
    event.stopPropagation();
    if (event.isComposing) return;
    if (event.key === 'Enter') end(true, true);
    else if (event.key === 'Escape') end(false, true);
  });
  input.addEventListener('blur', () => end(true, false));
  name.replaceWith(input);
  input.focus();
  input.select();
}

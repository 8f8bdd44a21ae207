import { h } from './dom';

function open(dialog: HTMLDialogElement): Promise<string> {
  document.body.append(dialog);
  const back = document.activeElement;
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      if (back instanceof HTMLElement) back.focus();
      resolve(dialog.returnValue);
    });
    dialog.addEventListener('pointerdown', (event) => {
      if (event.target === dialog) dialog.close(''); // the backdrop
    });
    dialog.showModal();
  });
}

/** Asks before something that cannot be undone. */
export async function confirm(title: string, text: string, action: string): Promise<boolean> {
  const dialog = h(
    'dialog',
    { class: 'dialog', 'aria-labelledby': 'dialog-title', 'data-testid': 'confirm' },
    h(
      'form',
      { method: 'dialog' },
      h('h2', { id: 'dialog-title' }, title),
      h('p', {}, text),
      h(
        'div',
        { class: 'dialog-buttons' },
        h('button', { value: '', class: 'button' }, 'Cancel'),
        h('button', { value: 'yes', class: 'button danger', autofocus: true, 'data-testid': 'confirm-yes' }, action),
      ),
    ),
  );
  return (await open(dialog)) === 'yes';
}

/** Asks for one line of text; undefined when the question was dismissed. */
export async function ask(title: string, label: string, value: string): Promise<string | undefined> {
  const input = h('input', { class: 'field', value, maxlength: '40', autocomplete: 'off', autofocus: true, 'data-testid': 'ask-input' });
  const dialog = h(
    'dialog',
    { class: 'dialog', 'aria-labelledby': 'dialog-title' },
    h(
      'form',
      { method: 'dialog' },
      h('h2', { id: 'dialog-title' }, title),
      h('label', { class: 'field-label' }, label, input),
      h(
        'div',
        { class: 'dialog-buttons' },
        h('button', { type: 'button', class: 'button', onclick: () => dialog.close('') }, 'Cancel'),
        h('button', { value: 'yes', class: 'button primary' }, 'Save'),
      ),
    ),
  );
  const done = open(dialog);
  input.select();
  return (await done) === 'yes' ? input.value : undefined;
}

/** Shows a list of keys and what they do. */
export async function showShortcuts(rows: readonly (readonly [keys: string, meaning: string])[]): Promise<void> {
  const list = h('dl', { class: 'shortcuts' });
  for (const [keys, meaning] of rows) {
    const caps = keys.split(' ').map((key) => h('kbd', {}, key));
    list.append(h('div', {}, h('dt', {}, ...caps), h('dd', {}, meaning)));
  }
  const dialog = h(
    'dialog',
    { class: 'dialog', 'aria-labelledby': 'dialog-title', 'data-testid': 'shortcuts' },
    h(
      'form',
      { method: 'dialog' },
      h('h2', { id: 'dialog-title' }, 'Keyboard shortcuts'),
      list,
      h('div', { class: 'dialog-buttons' }, h('button', { class: 'button primary', autofocus: true }, 'Close')),
    ),
  );
  await open(dialog);
}

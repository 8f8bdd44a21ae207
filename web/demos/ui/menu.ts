import { h } from './dom';

export interface MenuItem {
  readonly label: string;
  readonly run: () => void;
  readonly danger?: boolean;
  readonly disabled?: boolean;
  readonly testid?: string;
}

/** Opens a menu below a button; arrows move, Escape and a press elsewhere close it. */
export function openMenu(anchor: HTMLElement, items: readonly MenuItem[]): void {
  const menu = h('div', { class: 'menu', role: 'menu' });
  const close = (refocus: boolean): void => {
    menu.remove();
    anchor.setAttribute('aria-expanded', 'false');
    removeEventListener('pointerdown', outside, true);
    if (refocus) anchor.focus();
  };
  const outside = (event: Event): void => {
    if (!menu.contains(event.target as Node)) close(false);
  };
  const buttons = items.map(({ label, run, danger, disabled, testid }) => {
    const choose = (): void => {
      close(true);
      run();
    };
    return h(
      'button',
      {
        type: 'button',
        role: 'menuitem',
        class: danger ? 'menu-item danger' : 'menu-item',
        disabled: disabled ?? false,
        'data-testid': testid ?? false,
        onclick: choose,
      },
      label,
    );
  });
  menu.append(...buttons);
  menu.addEventListener('keydown', (event) => {
    event.stopPropagation();
    const enabled = buttons.filter((button) => !button.disabled);
    const at = enabled.indexOf(document.activeElement as HTMLButtonElement);
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      enabled[(at + step + enabled.length) % enabled.length]?.focus();
    } else if (event.key === 'Escape' || event.key === 'Tab') {
      event.preventDefault();
      close(true);
    }
  });
  anchor.setAttribute('aria-expanded', 'true');
  document.body.append(menu);
  const { bottom, right } = anchor.getBoundingClientRect();
  menu.style.top = `${Math.min(bottom + 4, innerHeight - menu.offsetHeight - 8)}px`;
  menu.style.left = `${Math.max(8, right - menu.offsetWidth)}px`;
  addEventListener('pointerdown', outside, true);
  buttons.find((button) => !button.disabled)?.focus();
}

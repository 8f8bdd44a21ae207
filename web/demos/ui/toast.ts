import { h, icon, must } from './dom';

export interface ToastAction {
  readonly label: string;
  readonly run: () => void;
}

const maxToasts = 4;
const lifetime = 7000; // milliseconds; longer with an action, and as long as the pointer or focus is in it

/** Shows a message at the edge of the page. */
export function toast(message: string, tone: 'info' | 'warn' = 'info', action?: ToastAction): void {
  const box = must('#toasts');
  const element = h('div', { class: 'toast', role: 'status', 'data-tone': tone, 'data-testid': 'toast' }, h('span', {}, message));
  const remove = (): void => element.remove();
  if (action) {
    const run = (): void => {
      remove();
      action.run();
    };
    element.append(h('button', { type: 'button', class: 'toast-action', onclick: run }, action.label));
  }
  element.append(h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Dismiss', onclick: remove }, icon('close')));
  box.append(element);
  while (box.childElementCount > maxToasts) box.firstElementChild?.remove();
  const expire = (): void => {
    if (element.matches(':hover, :focus-within')) setTimeout(expire, 1000);
    else remove();
  };
  setTimeout(expire, action ? 2 * lifetime : lifetime);
}

/** Tells a screen reader what happened. */
export function announce(message: string): void {
  must('#announcer').textContent = message;
}

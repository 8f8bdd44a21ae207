import type { ConnectionState } from '../../src/index';

/** What the connection pill says. */
export interface Words {
  readonly text: string;
  readonly tone: 'ok' | 'busy' | 'warn' | 'error';
  readonly action?: { readonly label: string; readonly does: 'retry' | 'online' | 'reload' };
}

/** The state of the connection in words. `now` is in milliseconds since 1970. */
export function describe(state: ConnectionState, pending: number, now: number): Words {
  switch (state.status) {
    case 'loading':
      return { text: 'Loading…', tone: 'busy' };
    case 'connecting':
      return { text: pending > 0 ? `Connecting… ${kept(pending)}` : 'Connecting…', tone: 'busy' };
    case 'online':
      return state.storage.available
        ? { text: 'Online', tone: 'ok' }
        : { text: `Server cannot store edits${state.storage.detail === '' ? '' : `: ${state.storage.detail}`}`, tone: 'warn' };
    case 'waiting': {
      const seconds = Math.max(0, Math.ceil((state.retryAt - now) / 1000));
      const soon = seconds > 0 ? `Reconnecting in ${seconds} s` : 'Reconnecting…';
      return {
        text: pending > 0 ? `Offline: ${kept(pending)} · ${soon.toLowerCase()}` : soon,
        tone: 'warn',
        action: { label: 'retry now', does: 'retry' },
      };
    }
    case 'offline':
      return {
        text: pending > 0 ? `Offline: ${kept(pending)}` : 'Offline',
        tone: 'warn',
        action: { label: 'go online', does: 'online' },
      };
    case 'closed':
      return {
        text: state.detail === '' ? `Disconnected (${state.code})` : `Disconnected: ${state.detail}`,
        tone: 'error',
        action: { label: 'reload', does: 'reload' },
      };
  }
}

function kept(pending: number): string {
  return pending === 1 ? '1 edit is kept and will be sent' : `${pending} edits are kept and will be sent`;
}

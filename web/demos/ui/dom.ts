type Attribute = string | boolean | ((event: never) => void);

/** Makes an element. Functions are listeners (`onclick`), true is an empty attribute, false none. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, Attribute>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value as EventListener);
    else if (value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children);
  return element;
}

const icons = {
  plus: 'M8 3v10M3 8h10',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  close: 'M4 4l8 8M12 4l-8 8',
  trash: 'M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5',
  keyboard: 'M2 4.5h12v7H2zM4.5 7h.01M7 7h.01M9.5 7h.01M11.7 7h.01M5 9.5h6',
} as const;

/** A 16 px line icon; what it means is said by the label of the button that it is in. */
export function icon(name: keyof typeof icons): SVGSVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', icons[name]);
  svg.append(path);
  return svg;
}

/** The element of the page with that selector; the page's own HTML must have it. */
export function must<T extends Element = HTMLElement>(selector: string, within: ParentNode = document): T {
  const element = within.querySelector<T>(selector);
  if (!element) throw new Error(`no ${selector} in the page`);
  return element;
}

export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string | null): void {
  if (element.getAttribute(name) === value) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

interface MovesNodes {
  moveBefore(node: Node, before: Node | null): void;
}

/**
 * Puts the elements into the parent, in that order. What is in place is not touched and what is in another
 * parent is moved, so focus stays. Other children stay too: one of them may be on its way to elsewhere.
 */
export function arrange(parent: Element, wanted: readonly Element[]): void {
  const known = new Set(wanted);
  const skipOthers = (at: Element | null): Element | null => {
    while (at && !known.has(at)) at = at.nextElementSibling;
    return at;
  };
  let at = skipOthers(parent.firstElementChild);
  for (const element of wanted) {
    if (element === at) at = skipOthers(at.nextElementSibling);
    else move(parent, element, at);
  }
}

function move(parent: Element, element: Element, before: Element | null): void {
  if ('moveBefore' in parent && element.isConnected) {
    (parent as Element & MovesNodes).moveBefore(element, before);
    return;
  }
  const focused = document.activeElement;
  parent.insertBefore(element, before);
  if (focused instanceof HTMLElement && element.contains(focused)) focused.focus({ preventScroll: true });
}

/** Makes a function that runs `run` once, however often it is called before the browser paints. */
export function coalesced(run: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    queueMicrotask(() => {
      asked = false;
      run();
    });
  };
}

/** Lets a textarea be as high as its text. */
export function autoGrow(area: HTMLTextAreaElement): void {
  const fit = (): void => {
    area.style.height = 'auto';
    area.style.height = `${area.scrollHeight}px`;
  };
  area.addEventListener('input', fit);
  requestAnimationFrame(fit);
}

export const calm = matchMedia('(prefers-reduced-motion: reduce)');

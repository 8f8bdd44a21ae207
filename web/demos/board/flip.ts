import { calm } from '../ui/dom';

const duration = 160; // milliseconds
const maxElements = 300; // above it, measuring costs more than the motion is worth

/** Remembers where elements are; the result lets them glide from there to where they are then. */
export function glide(elements: readonly HTMLElement[]): (except?: HTMLElement) => void {
  if (calm.matches || elements.length > maxElements) return () => undefined;
  const before = new Map(elements.filter((element) => element.isConnected).map((element) => [element, element.getBoundingClientRect()]));
  return (except) => {
    for (const [element, was] of before) {
      if (element === except || !element.isConnected) continue;
      const is = element.getBoundingClientRect();
      const [x, y] = [was.left - is.left, was.top - is.top];
      if (Math.abs(x) < 1 && Math.abs(y) < 1) continue;
      element.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: 'none' }], { duration, easing: 'cubic-bezier(0.2, 0, 0, 1)' });
    }
  };
}

// Runs in every page before its own scripts. The tests wait with it.
globalThis.__e2e = {
  /**
   * Resolves once the expression is truthy: looks at once, at every change of
   * the DOM, and a few times a second for what the DOM does not show. Rejects
   * after `within` milliseconds, saying what it last saw.
   */
  when(expression, within) {
    return new Promise((resolve, reject) => {
      let last;
      const observer = new MutationObserver(look);
      const again = setInterval(look, 50);
      const limit = setTimeout(() => {
        stop();
        reject(new Error(`not within ${within} ms: ${expression.toString().replace('() => ', '')}; last seen: ${last}`));
      }, within);
      function stop() {
        observer.disconnect();
        clearInterval(again);
        clearTimeout(limit);
      }
      function look() {
        try {
          last = expression();
        } catch (err) {
          last = err;
          return;
        }
        if (last) {
          stop();
          resolve(true);
        }
      }
      observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
      look();
    });
  },

  /** The middle of the first element that the selector finds, scrolled into view, or why it cannot be pressed. */
  point(selector) {
    const element = document.querySelector(selector);
    if (!element) return { problem: 'no such element' };
    element.scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: 'instant' });
    const box = element.getBoundingClientRect();
    const x = (Math.max(box.left, 0) + Math.min(box.right, innerWidth)) / 2;
    const y = (Math.max(box.top, 0) + Math.min(box.bottom, innerHeight)) / 2;
    if (box.width === 0 || box.height === 0) return { problem: 'it has no size' };
    const top = document.elementFromPoint(x, y);
    if (!top || !(element.contains(top) || top.contains(element)))
      return { problem: `it is covered by ${top ? top.outerHTML.slice(0, 120) : 'nothing, outside of the window'}` };
    return { x, y, width: box.width, height: box.height, left: box.left, top: box.top };
  },
};

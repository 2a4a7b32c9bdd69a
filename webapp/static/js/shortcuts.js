// Keys: `g` then a letter goes to the page whose link carries that letter in `data-key`; `?` opens help; `/` finds.
const WAIT_MS = 1200;

function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

export function startShortcuts(root) {
  let pending = 0;
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (pending && performance.now() - pending < WAIT_MS) {
      pending = 0;
      const link = root.querySelector(`a[data-key="${CSS.escape(event.key)}"]`);
      if (link) {
        event.preventDefault();
        link.click();
      }
      return;
    }
    pending = 0;
    if (event.key === "g") {
      pending = performance.now();
    } else if (event.key === "?") {
      root.querySelector('a[data-help]')?.click();
    } else if (event.key === "/") {
      const field = root.querySelector('main input[type="search"]');
      if (field) {
        event.preventDefault();
        field.focus();
        field.select();
      }
    }
  });
}

// Selects marked `data-submits` send their form when changed; the current page's tab is scrolled into view on a phone;
// a search field does not send empty filters, so addresses stay short.
export function startComforts(root) {
  root.addEventListener("change", (event) => {
    const field = event.target;
    if (field instanceof HTMLSelectElement && field.dataset.submits !== undefined) field.form.requestSubmit();
  });
  root.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.method !== "get") return;
    for (const field of form.elements) if (field.name && field.value === "") field.disabled = true;
    setTimeout(() => { for (const field of form.elements) field.disabled = false; });
  });
  const current = root.querySelector(".nav a[aria-current]");
  const strip = current?.closest(".nav");
  if (strip && strip.scrollWidth > strip.clientWidth) strip.scrollLeft = current.offsetLeft - strip.clientWidth / 3;
}

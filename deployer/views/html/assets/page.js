"use strict";
// Search, filters and printing. Without scripts the page shows everything.
(() => {
  // What is folded is printed too, and folded again afterwards.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const each of opened) each.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const each of opened) each.open = false;
  });

  const form = document.querySelector("form[data-filters]");
  if (!form) return;
  const items = [...document.querySelectorAll("[data-facets]")].map((element) => ({
    element,
    facets: JSON.parse(element.dataset.facets),
    text: (element.dataset.search || element.textContent).toLowerCase(),
  }));
  if (items.length < 2) return;
  const groups = [...document.querySelectorAll("[data-group]")];
  const status = form.querySelector("[role=status]");
  const search = form.querySelector("input[type=search]");
  const selects = [...form.querySelectorAll("select")];

  const wanted = (item, words) =>
    words.every((word) => item.text.includes(word)) &&
    selects.every((select) => !select.value || (item.facets[select.name] || []).includes(select.value.slice(1)));
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of items) {
      item.element.hidden = !wanted(item, words);
      shown += item.element.hidden ? 0 : 1;
    }
    for (const group of groups) group.hidden = !group.querySelector("[data-facets]:not([hidden])");
    status.textContent = shown === items.length ? `All ${items.length} are shown.` : `${shown} of ${items.length} are shown.`;
    if (unfold) name();
  };
  const unfold = form.querySelector("[data-unfold]");
  const inItems = () => items.filter((item) => !item.element.hidden).map((item) => item.element.querySelector("details"));
  const name = () => { unfold.textContent = inItems().every((each) => each.open) ? "Fold all" : "Open all"; };
  if (unfold) {
    unfold.addEventListener("click", () => {
      const open = unfold.textContent === "Open all";
      for (const each of inItems()) each.open = open;
      name();
    });
    document.addEventListener("toggle", name, true);
  }
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  apply();
})();

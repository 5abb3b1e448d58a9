// The admin's pickers have no name for screen readers: give the box its label, and its search field.
(() => {
  const name = (root) => {
    for (const select of root.querySelectorAll("select.admin-autocomplete")) {
      const box = select.parentElement.querySelector(".select2-selection");
      const label = document.querySelector(`label[for="${CSS.escape(select.id)}"]`);
      if (!box || box.hasAttribute("aria-label")) continue;
      box.setAttribute("aria-label", label ? label.textContent.replace(":", "").trim() : "Choose");
      box.removeAttribute("aria-labelledby");
    }
  };
  addEventListener("load", () => {
    name(document);
    for (const tip of document.querySelectorAll(".help-tooltip[aria-label]")) tip.setAttribute("role", "img");
  });
  document.addEventListener("formset:added", (event) => setTimeout(() => name(event.target)));
  document.addEventListener("focusin", (event) => {
    if (event.target.matches(".select2-search__field")) event.target.setAttribute("aria-label", "Search");
  });
})();

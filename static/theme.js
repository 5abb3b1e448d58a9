// Runs before the first paint: the same three states and the same key as Django's admin uses.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const read = () => { try { return localStorage.theme; } catch { return null; } };
  const apply = (saved) => {
    const theme = saved === "light" || saved === "dark" ? saved : "auto";
    root.dataset.theme = theme;
    root.dataset.bsTheme = theme === "auto" ? (dark.matches ? "dark" : "light") : theme;
  };
  apply(root.dataset.savedTheme ?? read());
  dark.addEventListener("change", () => apply(root.dataset.theme));
  window.portalTheme = (theme) => {
    try { localStorage.theme = theme; } catch { /* private window */ }
    apply(theme);
  };
})();

// Light or dark, set before the first paint: the choice stored in this browser, else what the system prefers.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const choice = () => {
    try { return localStorage.getItem("theme") ?? "system"; } catch { return "system"; }
  };
  const apply = () => {
    const chosen = choice();
    document.documentElement.dataset.theme = chosen === "system" ? (system.matches ? "dark" : "light") : chosen;
    document.dispatchEvent(new CustomEvent("themechange"));
  };
  const choose = (chosen) => {
    try { localStorage.setItem("theme", chosen); } catch { /* applies to this page only */ }
    apply();
  };
  system.addEventListener("change", apply);
  addEventListener("storage", (event) => event.key === "theme" && apply());
  apply();
  globalThis.theme = { choice, choose };
})();

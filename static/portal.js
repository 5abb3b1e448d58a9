// What htmx lacks: menus that close, focus that is led, words while waiting, a lost connection.
(() => {
  const all = (selector, root = document) => root.querySelectorAll(selector);

  const say = (words) => {
    const area = document.getElementById("messages");
    if (!area) return;
    const notice = document.createElement("div");
    notice.className = "notice tone-bad";
    notice.textContent = words;
    area.replaceChildren(notice);
    area.scrollIntoView({ block: "nearest" });
  };

  // Menus are <details>: one open at a time, closed by Escape and by a click elsewhere.
  const close = (except) => {
    for (const menu of all("details.menu[open]")) if (menu !== except) menu.open = false;
  };
  document.addEventListener("click", (event) => close(event.target.closest("details.menu")));
  document.addEventListener("focusin", (event) => close(event.target.closest("details.menu")));
  document.addEventListener("toggle", ({ target }) => {
    const panel = target.open && target.querySelector(".menu-panel.to-start");
    if (!panel) return;
    panel.classList.remove("to-end");
    panel.classList.toggle("to-end", panel.getBoundingClientRect().right > document.documentElement.clientWidth);
  }, true);
  document.addEventListener("keydown", (event) => {
    const open = document.querySelector("details.menu[open]");
    if (event.key === "Escape" && open) {
      open.open = false;
      open.querySelector("summary").focus();
    }
    const edited = document.querySelector("form[data-saves]");
    if (event.key.toLowerCase() === "s" && (event.ctrlKey || event.metaKey) && edited) {
      event.preventDefault();
      edited.requestSubmit();
    }
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
      const search = [...all("[data-search]")].find((field) => field.offsetParent);
      if (!search) return;
      event.preventDefault();
      search.focus();
    }
  });

  // Theme: shown at once, then saved.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-themes]") || !window.fetch) return;
    event.preventDefault();
    const theme = event.submitter.value;
    window.portalTheme(theme);
    markTheme(form, theme);
    const body = new FormData(form, event.submitter);
    fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => {});
  });
  const markTheme = (form, theme) => {
    for (const button of all("button", form)) button.setAttribute("aria-pressed", button.value === theme);
  };

  // A pressed button says what it does and cannot be pressed twice.
  const waiting = new Map();
  const wait = (button) => {
    if (!button) return;
    waiting.set(button, [...button.childNodes]);
    button.disabled = true;
    if (button.dataset.busy) button.textContent = button.dataset.busy;
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) return;
    setTimeout(() => wait(event.submitter));
  });
  addEventListener("pageshow", () => {
    for (const [button, words] of waiting) {
      button.disabled = false;
      button.replaceChildren(...words);
    }
    waiting.clear();
  });

  // Rows chosen together: a box for all, one for those on other pages too once all of this page are
  // chosen, a count, buttons that need at least one.
  const choose = (box) => {
    const group = box.closest("[data-select]");
    if (!group) return;
    if (box.matches("[data-select-all]")) {
      for (const one of all("[data-select-one]", group)) one.checked = box.checked;
    }
    count(group);
  };
  const count = (group) => {
    const here = [...all("[data-select-one]", group)];
    const chosen = here.filter((one) => one.checked).length;
    const isAll = here.length > 0 && chosen === here.length;
    for (const every of all("[data-select-all]", group)) every.checked = isAll;
    const rest = group.querySelector("[data-select-rest]");
    const box = rest?.querySelector("input");
    if (rest) {
      rest.hidden = !isAll;
      box.checked &&= !rest.hidden;
    }
    const number = box?.checked ? rest.dataset.selectRest : chosen;
    for (const place of all("[data-select-count]", group)) place.textContent = number;
    for (const button of all("[data-select-needed]", group)) button.disabled = !chosen;
  };
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-select-one], [data-select-all], [data-select-rest] input")) {
      choose(event.target);
    }
    if (event.target.matches("[data-auto-submit]")) event.target.form.requestSubmit();
  });

  // Text to the clipboard, and what the browser's own print dialog does.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-print]");
    if (!button) return;
    if ("print" in button.dataset) return print();
    event.preventDefault();
    const words = button.dataset.copy || location.href;
    const copied = navigator.clipboard?.writeText(words) ?? Promise.reject();
    copied.then(() => { button.textContent = "Copied"; }, () => say(`Copy it from here: ${words}`));
  });

  const prepare = (root) => {
    root.querySelector("[data-focus]")?.focus();
    for (const form of all("[data-themes]", root)) markTheme(form, localStorage.theme ?? "system");
    for (const group of all("[data-select]", root)) count(group);
  };
  document.addEventListener("DOMContentLoaded", () => prepare(document));
  document.addEventListener("htmx:afterSettle", (event) => {
    event.detail.target.querySelector("[data-focus]")?.focus();
  });

  // Answers that are not meant for a part of the page, and answers that never come.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.status < 400 || xhr.status === 422 || xhr.getResponseHeader("HX-Retarget")) return;
    event.detail.shouldSwap = false;
    say("Something went wrong on our side. Try again.");
  });
  document.addEventListener("allauth.error", () => {
    say("That did not work. Try again, or sign in another way.");
  });
  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, () => say("Not sent. Check your connection and try again."));
  }
})();

(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");
  const toggled = new Map();

  document.addEventListener("toggle", (event) => {
    if (event.target.id) toggled.set(event.target.id, event.target.open);
  }, true);

  // Without TLS, browsers provide no clipboard API; execCommand works everywhere.
  const copy = async (text) => {
    try {
      return await navigator.clipboard.writeText(text);
    } catch { /* fall back to execCommand */ }
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "offscreen";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("not copied");
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button.copy");
    if (!button) return;
    const text = button.nextElementSibling.textContent;
    try {
      await copy(text + "\n");
      button.textContent = "Copied";
    } catch {
      button.textContent = "Selected";
      getSelection().selectAllChildren(button.nextElementSibling);
    }
    button.focus();
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });

  // Don't replace the page while the user selects text or copies; the next refresh does.
  const busy = () => document.hidden || !getSelection().isCollapsed
    || [...document.querySelectorAll("button.copy")].some((one) => one.textContent !== "Copy");

  const swap = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const main = fresh.getElementById("main");
    if (!main) return;
    for (const one of main.querySelectorAll("details[id]")) {
      if (toggled.has(one.id)) one.open = toggled.get(one.id);
    }
    const focused = document.activeElement;
    const place = [...document.querySelectorAll("main summary, main a, main button, main pre")].indexOf(focused);
    const at = [scrollX, scrollY];
    document.getElementById("main").replaceWith(document.adoptNode(main));
    if (place >= 0) {
      const same = document.querySelectorAll("main summary, main a, main button, main pre")[place];
      if (same && same.tagName === focused.tagName) same.focus({ preventScroll: true });
    }
    scrollTo(...at);
    document.title = fresh.title;
    const icon = document.getElementById("icon"), now = fresh.getElementById("icon");
    if (icon && now) icon.href = now.href;
  };

  const refresh = async () => {
    const stale = document.getElementById("stale");
    const asof = document.getElementById("asof");
    if (!asof) return;
    const pace = Number(asof.dataset.refresh) * 1000;
    try {
      const answer = await fetch(location.pathname, { signal: AbortSignal.timeout(pace + 5000) });
      if (!answer.ok) throw new Error(answer.status);
      const text = await answer.text();
      if (!busy()) swap(text);
      stale.hidden = true;
    } catch {
      stale.textContent = "pgvigil does not answer. This page is from " + asof.textContent + ".";
      stale.hidden = false;
    }
    setTimeout(refresh, pace);
  };

  const first = document.getElementById("asof");
  if (first) setTimeout(refresh, Number(first.dataset.refresh) * 1000);
})();

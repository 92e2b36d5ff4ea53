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

  // Shows only what contains all words of the filter; folds open, so that matches are seen.
  const words = document.getElementById("words");
  const filter = () => {
    const asked = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const all = [...document.querySelectorAll("[data-find]")];
    let shown = 0;
    for (const one of all) {
      const text = one.textContent.toLowerCase();
      one.hidden = !asked.every((word) => text.includes(word));
      if (one.hidden) continue;
      shown += 1;
      for (let fold = one.closest("details"); asked.length && fold; fold = fold.parentElement.closest("details")) {
        fold.open = true;
      }
    }
    document.getElementById("matches").textContent = asked.length ? shown + " of " + all.length : "";
    document.getElementById("finder").hidden = all.length < 2 && !asked.length;
  };
  words.addEventListener("input", () => {
    const address = new URL(location.href);
    if (words.value) address.searchParams.set("q", words.value);
    else address.searchParams.delete("q");
    history.replaceState(null, "", address);
    filter();
  });

  // Puts the reader's own time beside UTC.
  const near = (text) => new Date(text).toLocaleString([], {
    weekday: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
  });
  const localise = () => {
    if (new Date().getTimezoneOffset() === 0) return;
    for (const one of document.querySelectorAll("time[datetime]")) {
      if (!("clock" in one.dataset)) {
        one.title += " · " + near(one.dateTime);
        continue;
      }
      const local = document.createElement("span");
      local.className = "local";
      local.textContent = " (" + near(one.dateTime) + ")";
      one.after(local);
    }
  };

  const dress = () => {
    localise();
    filter();
  };

  // A link to a folded part opens it.
  const unfold = () => {
    const aim = document.getElementById(location.hash.slice(1));
    const fold = aim && aim.closest("details");
    if (fold) fold.open = true;
  };

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
    dress();
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
      const answer = await fetch(location.pathname + location.search, { signal: AbortSignal.timeout(pace + 5000) });
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

  words.value = new URLSearchParams(location.search).get("q") || "";
  dress();
  unfold();
  addEventListener("hashchange", unfold);
  const first = document.getElementById("asof");
  if (first) setTimeout(refresh, Number(first.dataset.refresh) * 1000);
})();

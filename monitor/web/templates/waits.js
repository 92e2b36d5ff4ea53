(() => {
  "use strict";
  const WIDTH = 960, HEIGHT = 260, LEFT = 44, RIGHT = 8, TOP = 10, BOTTOM = 24;
  const known = new Map();

  const svg = (name, attributes, text) => {
    const one = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    if (text !== undefined) one.textContent = text;
    return one;
  };
  const html = (name, className, text) => {
    const one = document.createElement(name);
    one.className = className;
    if (text !== undefined) one.textContent = text;
    return one;
  };

  // The first round number at or above the highest column: 1, 2 or 5 times a power of ten.
  const ceiling = (highest) => {
    const power = 10 ** Math.floor(Math.log10(Math.max(highest, 1)));
    return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= highest);
  };
  const title = (wait) => wait.type === wait.event ? wait.type : wait.type + " " + wait.event;
  // UTC, as everywhere on the page: "03:07", or with seconds.
  const clock = (at, end = 16) => new Date(at).toISOString().slice(11, end);

  const colour = (wait, n) => wait.type === "CPU" ? "w0" : wait.type === "other" ? "rest-of" : "w" + (n % 11 + 1);
  // All waits from the bottom up; the last is what is not told apart.
  const layers = (server) => server.waits.map((wait, n) => ({
    title: title(wait), className: colour(wait, n), columns: wait.columns,
  }));

  const draw = (figure, server) => {
    const count = server.watched_seconds.length, stack = layers(server);
    const width = (WIDTH - LEFT - RIGHT) / count, top = ceiling(Math.max(1, ...server.active_sessions));
    const x = (n) => LEFT + n * width;
    const y = (sessions) => HEIGHT - BOTTOM - sessions / top * (HEIGHT - TOP - BOTTOM);
    const began = Date.parse(server.start), step = server.step_seconds * 1000;
    const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
    picture.setAttribute("aria-label", "Active sessions of the last hour by wait event; the tables below have the same numbers");
    server.watched_seconds.forEach((seconds, n) => {
      if (!seconds) picture.append(svg("rect", { x: x(n), y: TOP, width: width + 0.2, height: HEIGHT - TOP - BOTTOM, class: "gap" }));
    });
    for (const part of [0, 0.5, 1]) {
      picture.append(svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(part * top), y2: y(part * top), class: "grid" }));
      picture.append(svg("text", { x: LEFT - 6, y: y(part * top) + 4, "text-anchor": "end" }, String(part * top)));
    }
    const base = new Array(count).fill(0);
    for (const layer of stack) {
      let path = "";
      layer.columns.forEach((sessions, n) => {
        if (sessions > 0) path += `M${x(n).toFixed(1)} ${y(base[n]).toFixed(1)}V${y(base[n] + sessions).toFixed(1)}h${width.toFixed(2)}V${y(base[n]).toFixed(1)}z`;
        base[n] += sessions;
      });
      picture.append(svg("path", { d: path, class: layer.className }));
    }
    for (let n = 0; n < count; n += 60) {
      picture.append(svg("text", { x: x(n), y: HEIGHT - 8 }, clock(began + n * step) + (n ? "" : " UTC")));
    }
    const cursor = svg("line", { y1: TOP, y2: HEIGHT - BOTTOM, x1: -9, x2: -9, class: "cursor" });
    picture.append(cursor);
    const readout = html("p", "readout", "");
    picture.addEventListener("pointermove", (event) => {
      const place = picture.getBoundingClientRect();
      const n = Math.floor(((event.clientX - place.left) / place.width * WIDTH - LEFT) / width);
      if (n < 0 || n >= count) return;
      cursor.setAttribute("x1", x(n + 0.5));
      cursor.setAttribute("x2", x(n + 0.5));
      const shown = stack.filter((layer) => layer.columns[n] > 0).map((layer) => layer.title + " " + layer.columns[n].toFixed(1));
      const what = server.watched_seconds[n] ? shown.join(", ") || "no active session" : "not looked at";
      readout.textContent = clock(began + n * step, 19) + " UTC: " + what;
    });
    const legend = html("ul", "");
    for (const layer of stack) {
      const one = html("li", layer.className);
      one.append(html("span", "", layer.title));
      legend.append(one);
    }
    figure.replaceChildren(picture, readout, legend);
  };

  // After each refresh of the page the last picture is there at once, and then the new one.
  const show = async (figure) => {
    const address = figure.dataset.waits;
    if (known.has(address)) draw(figure, known.get(address));
    try {
      const answer = await fetch(address, { signal: AbortSignal.timeout(10000) });
      if (!answer.ok) return;
      const server = (await answer.json()).servers[0];
      if (!server || !server.watched_seconds) return;
      known.set(address, server);
      const hovered = figure.matches(":hover") && figure.querySelector("svg");
      if (figure.isConnected && !hovered) draw(figure, server);
    } catch { /* the page itself says that pgvigil does not answer */ }
  };
  const showAll = () => document.querySelectorAll("figure[data-waits]").forEach(show);
  new MutationObserver(showAll).observe(document.body, { childList: true });
  showAll();
})();

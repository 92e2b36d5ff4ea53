/** Draws dashboards: `node draw.mjs` with the wish that __main__.py writes, as JSON, on standard input. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { build } from 'esbuild';

import { Prometheus } from './prometheus.mjs';

const WIDTH = 1400;
const TITLE = 56; // pixels above the grid
const ROW = 38; // of the grid
const TRIES = 3;
const PATIENCE = 60_000; // milliseconds; on a busy machine Chromium may stand still for ever

const wish = JSON.parse(readFileSync(0, 'utf8'));
const prometheus = new Prometheus(wish.prometheus, wish.minutes);
const place = mkdtempSync(join(tmpdir(), 'pictures-'));

await build({
  entryPoints: [join(import.meta.dirname, 'page.tsx')],
  outfile: join(place, 'page.js'),
  bundle: true,
  format: 'esm',
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
  loader: { '.ttf': 'empty', '.woff': 'empty', '.woff2': 'dataurl' },
  logLevel: 'error',
});
for (const { dashboard, picture, chosen } of wish.dashboards) {
  const { title, panels, templating } = JSON.parse(readFileSync(dashboard, 'utf8'));
  const choices = await prometheus.choices(templating.list, chosen);
  const answered = await Promise.all(panels.map((panel) => prometheus.answered(panel, choices)));
  drawn({ title, mode: wish.mode, width: WIDTH, range: prometheus.range, panels: answered }, picture);
}
photograph(wish.page.address, 1100, 1500, wish.page.picture);
rmSync(place, { recursive: true });

function drawn(seen, picture) {
  const rows = Math.max(...seen.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  const page = join(place, 'page.html');
  const data = JSON.stringify(seen).replaceAll('<', '\\u003c');
  writeFileSync(
    page,
    `<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="page.css">
<style>body { margin: 0 }</style><div id="root"></div>
<script>window.seen = ${data}</script><script type="module" src="page.js"></script>`
  );
  photograph(`file://${page}`, seen.width, rows * ROW + TITLE, picture);
}

function photograph(address, width, height, picture) {
  const flags = [
    '--headless',
    '--no-sandbox', // it may run as root in a container, and shows nothing but our pages
    '--disable-gpu',
    '--hide-scrollbars',
    '--allow-file-access-from-files',
    '--virtual-time-budget=10000',
    `--window-size=${width},${height}`,
    `--user-data-dir=${join(place, 'profile')}`,
    `--screenshot=${picture}`,
  ];
  for (let left = TRIES; left > 0; left--) {
    try {
      return execFileSync('chromium', [...flags, address], { stdio: 'ignore', timeout: PATIENCE, killSignal: 'SIGKILL' });
    } catch (wrong) {
      if (left === 1) throw wrong;
    }
  }
}

/** One dashboard in Grafana's grid, drawn by Grafana's components. What it shows lies in window.seen. */
import '@fontsource/inter/400.css';
import '@fontsource/inter/500.css';
import 'uplot/dist/uPlot.min.css';
import { createTheme, type GrafanaTheme2, ThemeContext } from '@grafana/data';
import { GlobalStyles, PanelChrome } from '@grafana/ui';
import type { ReactNode } from 'react';
import { createRoot } from 'react-dom/client';

import { drawing, type Panel, type Range } from './panels';

interface Seen {
  title: string;
  mode: 'dark' | 'light';
  width: number;
  panels: Panel[];
  range: Range;
}

declare global {
  interface Window {
    seen: Seen;
  }
}

const ROW = 38; // of Grafana's grid: 30 pixels and a gap of 8
const GAP = 8;

async function dashboard({ title, width, panels, range }: Seen, theme: GrafanaTheme2): Promise<ReactNode> {
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <div style={{ padding: '12px 16px', height: 48, fontSize: 18, fontWeight: 500 }}>{title}</div>
      <div style={{ position: 'relative' }}>
        {await Promise.all(panels.map((panel) => placed(panel, range, theme, (width - GAP) / 24)))}
      </div>
    </ThemeContext.Provider>
  );
}

async function placed(panel: Panel, range: Range, theme: GrafanaTheme2, column: number): Promise<ReactNode> {
  const { x, y, w, h } = panel.gridPos;
  const size = { width: w * column - GAP, height: h * ROW - GAP };
  const draw = await drawing(panel, range, theme);
  return (
    <div key={panel.id} style={{ position: 'absolute', left: GAP + x * column, top: y * ROW, ...size }}>
      {panel.type === 'row' ? (
        <div style={{ padding: '6px 8px', fontSize: 16, fontWeight: 500 }}>{panel.title}</div>
      ) : (
        <PanelChrome title={panel.title} description={panel.description} {...size}>
          {draw}
        </PanelChrome>
      )}
    </div>
  );
}

const theme = createTheme({ colors: { mode: window.seen.mode } });
const root = createRoot(document.getElementById('root')!);
// Text is measured where axes and columns are laid out.
await Promise.all([400, 500].map((weight) => document.fonts.load(`${weight} 12px Inter`)));
root.render(await dashboard(window.seen, theme));

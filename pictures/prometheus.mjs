/** What Prometheus answers to the panels of a dashboard, asked as Grafana asks. */
const POINTS = 240; // across a graph, at most
const SECONDS = { s: 1, m: 60, h: 3600 };

export class Prometheus {
  constructor(address, minutes) {
    const to = Math.floor(Date.now() / 1000);
    this.address = address;
    this.range = { from: to - minutes * 60, to };
  }

  /** The choice of each variable: all that it offers, but for those that are chosen. */
  async choices(variables, chosen) {
    const choices = { ...chosen };
    for (const { name, query, regex } of variables.filter(({ type, name }) => type === 'query' && !(name in chosen))) {
      const [, selector, label] = query.query.match(/^label_values\((.*), (\w+)\)$/);
      const asked = { 'match[]': filled(selector, choices), start: this.range.from, end: this.range.to };
      const offered = await this.#ask(`label/${label}/values`, asked);
      const wanted = new RegExp(regex ? regex.slice(1, -1) : '');
      choices[name] = offered.filter((value) => wanted.test(value)).join('|');
    }
    return choices;
  }

  async answered(panel, choices) {
    return { ...panel, answers: await Promise.all((panel.targets ?? []).map((target) => this.#answer(target, choices))) };
  }

  async #answer({ refId, expr, legendFormat, instant, format, interval = '15s' }, choices) {
    const { from, to } = this.range;
    const least = parseInt(interval) * SECONDS[interval.at(-1)];
    const step = Math.max(least, Math.ceil((to - from) / POINTS));
    const query = filled(expr, { ...choices, __rate_interval: `${Math.max(step + least, 4 * least)}s` });
    const [path, when] = instant ? ['query', { time: to }] : ['query_range', { start: from, end: to, step }];
    const { result } = await this.#ask(path, { query, ...when });
    return { refId, legend: legendFormat, table: format === 'table', step, result };
  }

  async #ask(path, asked) {
    const answer = await fetch(`${this.address}/api/v1/${path}?${new URLSearchParams(asked)}`);
    const { data, error } = await answer.json();
    if (error) {
      throw new Error(`${error}: ${JSON.stringify(asked)}`);
    }
    return data;
  }
}

const filled = (text, choices) => text.replace(/\$([a-z_]+)/g, (whole, name) => choices[name] ?? whole);

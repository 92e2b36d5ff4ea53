/** Answers of Prometheus as the frames that Grafana's data source makes of them. */
import { type DataFrame, type Field, FieldType } from '@grafana/data';

export interface Answer {
  refId: string;
  legend: string;
  table: boolean;
  step: number;
  result: { metric: Record<string, string>; value?: [number, string]; values?: [number, string][] }[];
}

export function framesOf(answers: Answer[]): DataFrame[] {
  return answers.flatMap((answer) =>
    answer.table ? [tableOf(answer, answers.length > 1)] : answer.result.map((series) => lineOf(answer, series))
  );
}

function lineOf({ refId, legend, step }: Answer, { metric, value, values }: Answer['result'][0]): DataFrame {
  const points = values ?? [value!];
  const name = legend ? legend.replace(/{{\s*(.+?)\s*}}/g, (_, label) => metric[label] ?? '') : written(metric);
  const fields: Field[] = [
    { ...field('Time', FieldType.time, points.map(([at]) => at * 1000)), config: { interval: step * 1000 } },
    {
      ...field('Value', FieldType.number, points.map(([, text]) => finite(text))),
      labels: metric,
      config: { displayNameFromDS: name },
    },
  ];
  return { refId, fields, length: points.length };
}

function tableOf({ refId, result }: Answer, several: boolean): DataFrame {
  const labels = [...new Set(result.flatMap(({ metric }) => Object.keys(metric)))].sort();
  const fields = [
    field('Time', FieldType.time, result.map(({ value }) => value![0] * 1000)),
    ...labels.map((label) => field(label, FieldType.string, result.map(({ metric }) => metric[label] ?? ''))),
    field(several ? `Value #${refId}` : 'Value', FieldType.number, result.map(({ value }) => Number(value![1]))),
  ];
  return { refId, fields, length: result.length };
}

const finite = (text: string) => (Number.isFinite(Number(text)) ? Number(text) : null);

const field = (name: string, type: FieldType, values: unknown[]): Field => ({ name, type, values, config: {} });

function written(metric: Record<string, string>): string {
  return `{${Object.entries(metric).map(([label, value]) => `${label}="${value}"`).join(', ')}}`;
}

/** A panel as its JSON says: tables transformed, fields configured, then drawn by its kind. */
import {
  applyFieldOverrides,
  applyNullInsertThreshold,
  cacheFieldDisplayNames,
  type DataFrame,
  type DataTransformerConfig,
  dateTime,
  type FieldConfigSource,
  getFieldDisplayValues,
  type GrafanaTheme2,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
} from '@grafana/data';
import { BigValue, TimeSeries } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import type { ReactNode } from 'react';
import { lastValueFrom } from 'rxjs';

import { DEFAULTS, registry } from './fields';
import { type Answer, framesOf } from './frames';

export interface Panel {
  id: number;
  type: 'row' | 'timeseries' | 'stat' | 'table';
  title: string;
  description: string;
  gridPos: { x: number; y: number; w: number; h: number };
  fieldConfig: FieldConfigSource;
  options: any;
  transformations?: DataTransformerConfig[];
  answers: Answer[];
}

export interface Range {
  from: number;
  to: number;
}

type Drawn = (width: number, height: number) => ReactNode;

standardTransformersRegistry.setInit(() =>
  [standardTransformers.mergeTransformer, standardTransformers.organizeFieldsTransformer].map((transformation) => ({
    id: transformation.id,
    name: transformation.name,
    transformation: async () => transformation,
    editor: () => null,
    imageDark: '',
    imageLight: '',
  }))
);

export async function drawing(panel: Panel, range: Range, theme: GrafanaTheme2): Promise<Drawn> {
  if (panel.type === 'row') {
    return () => null;
  }
  const asked = framesOf(panel.answers);
  const data = panel.transformations
    ? await lastValueFrom(transformDataFrame(panel.transformations, asked))
    : asked;
  const source = configured(panel);
  const frames = applyFieldOverrides({
    data,
    fieldConfig: source,
    fieldConfigRegistry: registry,
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
  cacheFieldDisplayNames(frames);
  const empty = !frames.some((frame) => frame.length);
  if (empty && panel.type !== 'stat') {
    return () => <NoData text={source.defaults.noValue ?? 'No data'} />;
  }
  return KINDS[panel.type](panel, source, frames, range, theme);
}

function configured({ type, fieldConfig }: Panel): FieldConfigSource {
  const { thresholds = DEFAULTS[type].thresholds, ...rest } = fieldConfig.defaults;
  const steps = thresholds.steps.map((step) => ({ ...step, value: step.value ?? -Infinity }));
  return { ...fieldConfig, defaults: { ...DEFAULTS[type], ...rest, thresholds: { ...thresholds, steps } } };
}

type Kind = (panel: Panel, source: FieldConfigSource, frames: DataFrame[], range: Range, theme: GrafanaTheme2) => Drawn;

const KINDS: Record<'timeseries' | 'stat' | 'table', Kind> = {
  timeseries: (panel, _source, frames, range) => (width, height) => (
    <TimeSeries
      frames={frames.map((frame) => applyNullInsertThreshold({ frame }))}
      timeRange={timeRange(range)}
      timeZone="utc"
      legend={panel.options.legend}
      width={width}
      height={height}
      options={panel.options}
    />
  ),
  stat: (panel, source, frames, _range, theme) => (width, height) => {
    const [shown] = getFieldDisplayValues({
      fieldConfig: source,
      reduceOptions: panel.options.reduceOptions,
      replaceVariables: (text) => text,
      data: frames,
      theme,
      timeZone: 'utc',
    });
    return (
      <BigValue
        value={shown.display}
        width={width}
        height={height}
        theme={theme}
        colorMode={panel.options.colorMode}
        graphMode={panel.options.graphMode}
        textMode={panel.options.textMode}
        wideLayout={panel.options.wideLayout}
      />
    );
  },
  table: (panel, source, frames, range) => (width, height) => (
    <TableNG
      data={frames[0]}
      width={width}
      height={height}
      noHeader={!panel.options.showHeader}
      cellHeight={panel.options.cellHeight}
      sortBy={panel.options.sortBy}
      fieldConfig={source}
      timeRange={timeRange(range)}
      noValue={source.defaults.noValue}
      enableVirtualization={false}
    />
  ),
};

function timeRange({ from, to }: Range) {
  const [start, end] = [dateTime(from * 1000), dateTime(to * 1000)];
  return { from: start, to: end, raw: { from: start, to: end } };
}

const NoData = ({ text }: { text: string }) => (
  <div style={{ height: '100%', display: 'grid', placeItems: 'center' }}>{text}</div>
);

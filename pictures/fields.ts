/** The options of a field that our dashboards set, and how Grafana reads each. */
import {
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  FieldConfigOptionsRegistry,
  type FieldConfigPropertyItem,
  identityOverrideProcessor,
  numberOverrideProcessor,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  ThresholdsMode,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';

const STANDARD = {
  unit: unitOverrideProcessor,
  decimals: numberOverrideProcessor,
  min: numberOverrideProcessor,
  max: numberOverrideProcessor,
  displayName: displayNameOverrideProcessor,
  noValue: stringOverrideProcessor,
  color: identityOverrideProcessor,
  thresholds: thresholdsOverrideProcessor,
  mappings: valueMappingsOverrideProcessor,
  links: dataLinksOverrideProcessor,
};
const OF_A_KIND = [
  'axisLabel',
  'axisSoftMax',
  'cellOptions',
  'fillOpacity',
  'lineInterpolation',
  'lineWidth',
  'minWidth',
  'showPoints',
  'stacking',
  'thresholdsStyle',
  'width',
];

const item = (path: string, process: unknown, isCustom: boolean) =>
  ({ id: isCustom ? `custom.${path}` : path, name: path, path, process, isCustom, shouldApply: () => true }) as unknown as FieldConfigPropertyItem;

export const registry = new FieldConfigOptionsRegistry(() => [
  ...Object.entries(STANDARD).map(([path, process]) => item(path, process, false)),
  ...OF_A_KIND.map((path) => item(path, identityOverrideProcessor, true)),
]);

const STEPS = [
  { value: -Infinity, color: 'green' },
  { value: 80, color: 'red' },
];

/** What a new panel has in Grafana where its JSON says nothing. */
export const DEFAULTS = {
  timeseries: { color: { mode: 'palette-classic' }, thresholds: { mode: ThresholdsMode.Absolute, steps: STEPS } },
  stat: { color: { mode: 'thresholds' }, thresholds: { mode: ThresholdsMode.Absolute, steps: STEPS } },
  table: { color: { mode: 'thresholds' }, thresholds: { mode: ThresholdsMode.Absolute, steps: STEPS } },
};

// Rules and dashboards for those who put theirs together with jsonnet:
//
//   local pgvigil = (import 'pgvigil/deploy/mixin/mixin.libsonnet') {
//     _config+:: { runbookBase: 'https://pgvigil.example.org/findings' },
//   };
//
// Everything is generated from the catalogue of findings; nothing is written here a second time.
local generated = import 'generated.libsonnet';

{
  _config:: {
    // Where alerts send people; a finding's name is added.
    runbookBase: 'http://pgvigil:19187/findings',
    // Alerts to leave out, by their names.
    disabled: [],
    // Further labels of every alert.
    alertLabels: {},
  },

  local config = self._config,

  local groups = [
    group {
      rules: [
        if 'alert' in rule then adapted(rule) else rule
        for rule in group.rules
        if !std.member(config.disabled, std.get(rule, 'alert', ''))
      ],
    }
    for text in generated.rules
    for group in std.parseYaml(text).groups
  ],

  local withRunbooks(text) = std.strReplace(
    text, 'http://pgvigil:19187/findings', std.rstripChars(config.runbookBase, '/'),
  ),

  local adapted(rule) = rule {
    [if std.length(config.alertLabels) > 0 then 'labels']+: config.alertLabels,
    annotations+: {
      runbook_url: withRunbooks(rule.annotations.runbook_url),
    },
  },

  // What alerts are made of is recorded in their own group, and goes where they go.
  local alerting(group) = std.length([rule for rule in group.rules if 'alert' in rule]) > 0,

  prometheusAlerts+:: { groups: [group for group in groups if alerting(group)] },
  prometheusRules+:: { groups: [group for group in groups if !alerting(group)] },
  // Where a dashboard leads to is the value of one of its variables.
  local leading(variable) =
    if variable.name == 'runbooks' then variable { query: withRunbooks(variable.query) } else variable,

  grafanaDashboards+:: {
    [name]: generated.dashboards[name] {
      templating+: { list: [leading(variable) for variable in super.list] },
    }
    for name in std.objectFields(generated.dashboards)
  },
}

// Reads a JSON list of manifests; prints what the schemas of prometheus-operator have against them.
//
// The schemas are made from the operator's own types. Kubernetes drops a field that they don't know
// without a word; here it is an objection: a field that no schema has looked at is unknown.
import { readFileSync } from "node:fs";
import * as operator from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";

const isTree = (value) => value !== null && typeof value === "object";

function watched(value, path, unread) {
  if (!isTree(value)) return value;
  const branches = Array.isArray(value) ? [] : {};
  for (const [key, branch] of Object.entries(value)) {
    branches[key] = watched(branch, `${path}/${key}`, unread);
    if (!Array.isArray(value)) unread.add(`${path}/${key}`);
  }
  const get = (target, key) => {
    unread.delete(`${path}/${String(key)}`);
    return Reflect.get(target, key);
  };
  return new Proxy(branches, { get });
}

function* objections(manifest) {
  const kind = operator[manifest.kind];
  if (!kind || kind.apiVersion !== manifest.apiVersion) return yield "no such kind";
  const unread = new Set();
  const judged = Object.setPrototypeOf(watched(manifest, "", unread), kind.prototype);
  try {
    judged.validate();
  } catch (error) {
    for (const { instancePath, message, params } of error.errors ?? [])
      yield `${instancePath} ${message ?? JSON.stringify(params)}`;
    if (!error.errors) yield String(error);
  }
  for (const path of unread) yield `${path} is unknown`;
}

for (const manifest of JSON.parse(readFileSync(0, "utf8")))
  for (const objection of objections(manifest))
    console.log(`${manifest.kind} ${manifest.metadata?.name}: ${objection}`);

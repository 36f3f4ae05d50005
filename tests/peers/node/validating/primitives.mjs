// Primitive values against pattern and JSON type that R4's definitions give; identifiers against their URI's own.

import { structures } from './definitions.mjs';

const NUMBERS = new Set(['decimal', 'integer', 'unsignedInt', 'positiveInt']);
const REGEX = 'http://hl7.org/fhir/StructureDefinition/regex';
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\S+$/i;
const URN = {
  'urn:uuid:': /^urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  'urn:oid:': /^urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+$/,
};
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/;

function error(path, message) {
  return { severity: 'error', path, message };
}

// In text the definitions mean white space as XML Schema does: a no-break space is a character like others.
function pattern(regex) {
  return new RegExp(`^(?:${regex.replaceAll('[ \\r\\n\\t\\S]', '[^]')})$`, 'u');
}

const patterns = new Map();
for (const structure of structures.values()) {
  if (structure.kind !== 'primitive-type') continue;
  const value = structure.snapshot.element.find((each) => each.path === `${structure.type}.value`);
  const regex = value?.type?.[0].extension?.find((each) => each.url === REGEX)?.valueString;
  patterns.set(structure.type, regex ? pattern(regex) : null);
}

export function* primitives({ elements }) {
  for (const found of elements) {
    if (patterns.has(found.type)) yield* judgedPrimitive(found);
    if (found.type === 'Identifier' && found.value) yield* judgedIdentifier(found);
  }
}

function* judgedPrimitive({ type, value, at }) {
  const expected = type === 'boolean' ? 'boolean' : NUMBERS.has(type) ? 'number' : 'string';
  if (value === null) return;
  if (typeof value !== expected) yield error(at, `a ${type} is a ${expected} in JSON, not ${JSON.stringify(value)}`);
  else if (type !== 'base64Binary' && type !== 'xhtml' && !(patterns.get(type)?.test(String(value)) ?? true)) {
    yield error(at, `${JSON.stringify(value).slice(0, 80)} is no ${type}`);
  } else if (expected === 'string') yield* judgedText(type, value, at);
}

function* judgedText(type, value, at) {
  if (!value.trim()) yield error(at, 'nothing but white space');
  if (CONTROL.test(value) || !value.isWellFormed()) yield error(at, 'a character that XML and FHIR do not have');
  for (const [scheme, pattern] of Object.entries(URN)) {
    if (['uri', 'url', 'canonical', 'oid', 'uuid'].includes(type) && value.startsWith(scheme) && !pattern.test(value)) {
      yield error(at, `${value} is no ${scheme}`);
    }
  }
  if (/^(?:date|dateTime|instant)$/.test(type) && !isInCalendar(value)) yield error(at, `${value} is no day`);
}

function isInCalendar(text) {
  const [year, month, day] = text.slice(0, 10).split('-').map(Number);
  return !day || new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
}

function* judgedIdentifier({ value, at }) {
  if (value.system !== undefined && !ABSOLUTE.test(value.system)) yield error(at, `${value.system} is no absolute URI`);
  const isUri = value.system === 'urn:ietf:rfc:3986' || value.system === 'urn:dicom:uid';
  const scheme = Object.keys(URN).find((each) => value.value?.startsWith(each));
  if (isUri && !(scheme ? URN[scheme].test(value.value) : ABSOLUTE.test(value.value ?? ''))) {
    yield error(at, `${value.value} is no URI, as its system says it is`);
  }
}

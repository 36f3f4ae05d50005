// Codes: UCUM by its reference implementation, check digits of LOINC and SNOMED CT, HL7's terms by their code systems.

import { codeSystems } from './definitions.mjs';
import { packages } from './packages.mjs';

const units = packages('@lhncbc/ucum-lhc').UcumLhcUtils.getInstance();
const UCUM = 'http://unitsofmeasure.org';
const LOINC = 'http://loinc.org';
const SNOMED = 'http://snomed.info/sct';
const AI_GUIDE = 'http://hl7.org/fhir/uv/aitransparency/CodeSystem';

// Code systems whose codes are not among the definitions; those of AI_GUIDE are still in ballot.
const ELSEWHERE = new Set([
  UCUM,
  LOINC,
  SNOMED,
  'http://dicom.nema.org/resources/ontology/DCM',
  'urn:ietf:rfc:3986',
  'urn:ietf:bcp:13',
  'urn:ietf:bcp:47',
  `${AI_GUIDE}/AIdeviceTypeCS`,
  `${AI_GUIDE}/AIinputsCS`,
]);

// Came to HL7's terminology after R4 took its copy.
const SINCE_R4 = [
  ['http://terminology.hl7.org/CodeSystem/v3-ObservationValue', 'AIAST', 'Artificial Intelligence asserted'],
];
const QUANTITIES = new Set(['Quantity', 'SimpleQuantity', 'Age', 'Count', 'Distance', 'Duration']);

function error(path, message) {
  return { severity: 'error', path, message };
}

export function* ucum({ elements }) {
  for (const { type, value, at } of elements) {
    if (!QUANTITIES.has(type) || !value) continue;
    if (value.system !== UCUM) yield error(at, `the unit is of ${value.system ?? 'no system'}, not of UCUM`);
    else if (!isUnit(value.code)) yield error(at, `${JSON.stringify(value.code)} is no unit of UCUM`);
  }
}

function isUnit(code) {
  return typeof code === 'string' && units.validateUnitString(code).status === 'valid';
}

export function* checkDigits({ elements }) {
  for (const { type, value, at } of elements) {
    if (type !== 'Coding' || !value) continue;
    if (value.system === LOINC && !isLoinc(value.code)) yield error(at, `${value.code} is no LOINC number`);
    if (value.system === SNOMED && !isSnomed(value.code)) yield error(at, `${value.code} is no SNOMED CT identifier`);
  }
}

// Mod 10 (Luhn) of the digits before the hyphen; parts (LP) and answers (LA) have it too.
function isLoinc(code) {
  const [, body, digit] = /^(?:LP|LA)?(\d{1,7})-(\d)$/.exec(code) ?? [];
  if (!body) return false;
  const sum = [...body].reverse().reduce((total, each, index) => total + luhn(Number(each), index), 0);
  return (10 - (sum % 10)) % 10 === Number(digit);
}

function luhn(digit, index) {
  const weighed = index % 2 === 0 ? digit * 2 : digit;
  return weighed > 9 ? weighed - 9 : weighed;
}

// Verhoeff's check digit (SNOMED CT, identifiers): the dihedral group D5 and powers of one permutation.
const PERMUTATION = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
function times(a, b) {
  if (a < 5) return b < 5 ? (a + b) % 5 : 5 + ((a + b - 5) % 5);
  return b < 5 ? 5 + ((a - 5 - b + 5) % 5) : (a - b + 5) % 5;
}
function permuted(digit, power) {
  return power === 0 ? digit : permuted(PERMUTATION[digit], power - 1);
}
function isSnomed(code) {
  if (!/^[1-9]\d{5,17}$/.test(code ?? '')) return false;
  const digits = [...code].reverse().map(Number);
  return digits.reduce((check, digit, index) => times(check, permuted(digit, index % 8)), 0) === 0;
}

const conceptsByUrl = new Map();

function conceptsOf(system) {
  if (!conceptsByUrl.has(system.url)) {
    const later = SINCE_R4.filter(([url]) => url === system.url).map(([, code, display]) => [code, { code, display }]);
    conceptsByUrl.set(system.url, new Map([...flattened(system.concept ?? []), ...later]));
  }
  return conceptsByUrl.get(system.url);
}

function flattened(concepts) {
  return concepts.flatMap((each) => [[each.code, each], ...flattened(each.concept ?? [])]);
}

// Makes the check of the codings; code systems of the house (and of guides) come as resources.
export function terminology(own) {
  const known = new Map([...codeSystems, ...own.map((each) => [each.url, each])]);
  for (const { url } of own) conceptsByUrl.delete(url);
  return function* ({ elements }) {
    for (const { type, value, at } of elements) {
      if (type === 'Coding' && value) yield* judged(value, at, known);
    }
  };
}

function* judged(coding, at, known) {
  if (!coding.system || !coding.code) {
    yield error(at, 'a coding without system or code tells nothing');
  } else if (!known.has(coding.system)) {
    if (!ELSEWHERE.has(coding.system)) yield error(at, `nobody knows the code system ${coding.system}`);
  } else if (known.get(coding.system).content === 'complete') {
    yield* judgedWithin(coding, at, conceptsOf(known.get(coding.system)).get(coding.code));
  }
}

function* judgedWithin(coding, at, concept) {
  if (!concept) yield error(at, `${coding.code} is no code of ${coding.system}`);
  else if (coding.display && concept.display && coding.display !== concept.display) {
    yield error(at, `${coding.code} is displayed as ${concept.display}, not ${coding.display}`);
  }
}

// The constraints of FHIR's own structure definitions, as FHIRPath on the very elements that they are stated for.

import { packages } from './packages.mjs';
import { xhtmlFault } from './xhtml.mjs';

const fhirpath = packages('fhirpath');
const NEEDS_SURROUNDINGS = /%resource|%rootResource|resolve\(/;
const HAS_CONTENT = 'ele-1';
const VARIABLES = { ucum: 'http://unitsofmeasure.org' };

// What the engine lacks, and what it has otherwise: the definitions escape quotes and dashes in patterns, which Unicode
// mode refuses, and mean that the whole text matches.
const FUNCTIONS = {
  htmlChecks: { fn: (inputs) => inputs.every((div) => !xhtmlFault(textOf(div))), arity: { 0: [] } },
  matches: { fn: (inputs, regex) => inputs.map((each) => wholly(regex).test(textOf(each))), arity: { 1: ['String'] } },
};
const OPTIONS = { traceFn: () => {}, userInvocationTable: FUNCTIONS };

function textOf(node) {
  return String(node.data ?? node);
}

const regexes = new Map();

function wholly(regex) {
  if (!regexes.has(regex)) regexes.set(regex, new RegExp(`^(?:${regex})$`, 's'));
  return regexes.get(regex);
}

const compiled = new Map();

function evaluator(base, expression, model) {
  const key = `${model.version}|${base}|${expression}`;
  if (!compiled.has(key)) compiled.set(key, fhirpath.compile({ base, expression }, model, OPTIONS));
  return compiled.get(key);
}

// Whether an expression holds of an element; nothing at all counts as holding, as validators take it.
export function holds({ path, value, resource, root }, expression, model) {
  const surroundings = { resource, rootResource: root };
  const answer = evaluator(path, expression, model)(value, { ...VARIABLES, ...surroundings });
  return answer.length === 0 || answer[0] === true;
}

const verdicts = new Map();

// The same elements come again and again over many bundles: what depends on a small element alone is asked once.
function holdsOnce(found, expression, model) {
  if (found.value === found.resource || found.value.resource || NEEDS_SURROUNDINGS.test(expression)) {
    return holds(found, expression, model);
  }
  found.json ??= JSON.stringify(found.value);
  const key = `${model.version}|${found.path}|${expression}|${found.json}`;
  if (!verdicts.has(key)) verdicts.set(key, holds(found, expression, model));
  return verdicts.get(key);
}

export function* invariants({ elements, schema }) {
  for (const found of elements.filter((each) => !each.fault && each.value !== null)) {
    for (const constraint of found.constraints) yield* judged(found, constraint, schema.model);
  }
}

function* judged(found, constraint, model) {
  // A primitive that is there has a value, which the engine does not see where the primitive is all that it is given.
  if (constraint.key === HAS_CONTENT && typeof found.value !== 'object') return;
  let message;
  try {
    message = holdsOnce(found, constraint.expression, model) ? null : `${constraint.key}: ${constraint.human}`;
  } catch (error) {
    message = `${constraint.key} cannot be evaluated: ${error.message}`;
  }
  if (message) yield { severity: constraint.severity, path: found.at, message };
}

// FHIR R5 as the model of fhirpath has it: types, arrays and targets of references. No package holds R5's own structure
// definitions; constraints are those of R4 on elements that stand at the same path.

import { constraintsAt } from './definitions.mjs';
import { packages } from './packages.mjs';

const model = packages('fhirpath/fhir-context/r5');
const BACKBONE = new Set(['BackboneElement', 'Element']);

function choiceOf(path, name) {
  for (let end = name.length - 1; end > 0; end -= 1) {
    const types = model.choiceTypePaths[`${path}.${name.slice(0, end)}`];
    if (types?.includes(name.slice(end))) return { at: `${path}.${name.slice(0, end)}`, type: name.slice(end) };
  }
  return null;
}

function primitive(type) {
  const lower = type[0].toLowerCase() + type.slice(1);
  return model.type2Parent[type] ? type : lower;
}

function field(path, name) {
  const home = model.pathsDefinedElsewhere[path] ?? path;
  const choice = choiceOf(home, name);
  if (choice) return made(`${choice.at}${choice.type}`, primitive(choice.type), choice.at);
  const at = definedAt(home, name);
  if (name === 'id' && isResource(path)) return made(at, 'id');
  return at ? made(at, model.path2Type[at].replace(/^System\.(\w)/, (_, first) => first.toLowerCase())) : undefined;
}

function isResource(path) {
  for (let type = path; type; type = model.type2Parent[type]) if (type === 'Resource') return true;
  return false;
}

// Of the type itself, or of one that it is a kind of.
function definedAt(path, name) {
  for (let type = path; type; type = model.type2Parent[type]) {
    const at = `${type}.${name}`;
    if (model.path2Type[at] || model.pathsDefinedElsewhere[at]) return model.pathsDefinedElsewhere[at] ?? at;
  }
  return null;
}

function made(at, type, choice = at) {
  const path = BACKBONE.has(type) ? at : type;
  return {
    type,
    path,
    targets: model.path2RefType[at] ?? model.path2RefType[choice] ?? [],
    constraints: constraintsAt(choice.endsWith('[x]') ? choice : at, path),
    many: model.path2Repeating[choice] ?? false,
    choice: choice === at ? null : choice,
  };
}

export const r5 = {
  model,
  knows: (type) => type in model.type2Parent,
  field,
  resourceConstraints: (type) => constraintsAt(type),
};

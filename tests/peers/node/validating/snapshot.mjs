// The whole of a profile: what it is based on, with what it says differently put in (FHIR R4, 5.1.0.14).

import { structures } from './definitions.mjs';

export function snapshotOf(profile) {
  const elements = structuredClone(structures.get(profile.type).snapshot.element);
  for (const said of profile.differential.element) {
    const place = placeOf(elements, said.id);
    elements[place] = merged(elements[place], said);
  }
  return elements;
}

function merged(element, said) {
  return { ...element, ...said, constraint: [...(element.constraint ?? []), ...(said.constraint ?? [])] };
}

// Where the element stands; it is made where it does not stand yet, as a slice or as a child of a data type.
function placeOf(elements, id) {
  const place = elements.findIndex((each) => each.id === id);
  if (place >= 0) return place;
  const cut = id.lastIndexOf('.');
  const parent = placeOf(elements, id.slice(0, cut));
  const [name, slice] = id.slice(cut + 1).split(':');
  if (slice) addSlice(elements, `${id.slice(0, cut)}.${name}`, slice);
  else addChildren(elements, parent);
  const made = elements.findIndex((each) => each.id === id);
  if (made < 0) throw new Error(`there is no element ${id}`);
  return made;
}

function isOf(id, parent) {
  return id === parent || id.startsWith(`${parent}.`) || id.startsWith(`${parent}:`);
}

function addSlice(elements, id, slice) {
  placeOf(elements, id);
  const copies = elements
    .filter((each) => each.id === id || each.id.startsWith(`${id}.`))
    .map((each) => ({ ...structuredClone(each), id: `${id}:${slice}${each.id.slice(id.length)}` }));
  delete copies[0].slicing;
  Object.assign(copies[0], { min: 0, sliceName: slice });
  const last = elements.findLastIndex((each) => isOf(each.id, id));
  elements.splice(last + 1, 0, ...copies);
}

function addChildren(elements, parent) {
  const { id, path, type } = elements[parent];
  const children = structures.get(type[0].code).snapshot.element.slice(1).map((each) => ({
    ...structuredClone(each),
    id: `${id}.${each.id.slice(each.id.indexOf('.') + 1)}`,
    path: `${path}.${each.path.slice(each.path.indexOf('.') + 1)}`,
  }));
  elements.splice(parent + 1, 0, ...children);
}

// What references point at: a type that may stand at their place; within a bundle, an entry that is there.

const RELATIVE = /^(?:https?:.*\/)?(?<type>[A-Z]\w+)\/[A-Za-z0-9.-]{1,64}(?:\/_history\/[A-Za-z0-9.-]{1,64})?$/;

function error(path, message) {
  return { severity: 'error', path, message };
}

function typesByUrl(resource) {
  const entries = resource.resourceType === 'Bundle' ? (resource.entry ?? []) : [];
  return new Map(entries.filter((each) => each.fullUrl).map((each) => [each.fullUrl, each.resource?.resourceType]));
}

export function* references({ resource, elements }) {
  const types = typesByUrl(resource);
  yield* doubles(resource);
  for (const found of elements) {
    if (found.type === 'Reference' && found.value) yield* judged(found, types);
  }
}

function* doubles(resource) {
  const urls = Array.isArray(resource.entry) ? resource.entry.map((entry) => entry.fullUrl).filter(Boolean) : [];
  for (const url of new Set(urls.filter((each, index) => urls.indexOf(each) !== index))) {
    yield error('Bundle.entry', `two entries are called ${url}`);
  }
}

function* judged({ value, at, targets }, types) {
  const { reference, type } = value;
  const target = reference ? targetOf(reference, types) : type;
  if (reference?.startsWith('urn:') && !types.has(reference)) yield error(at, `${reference} is no entry of the bundle`);
  if (type && target && type !== target) yield error(at, `says ${type} and points at a ${target}`);
  if (!target && !reference && !value.display) yield error(at, 'points at nothing');
  if (target && targets.length && !targets.includes('Resource') && !targets.includes(target)) {
    yield error(at, `a ${target} may not stand here, only ${targets.join(', ')}`);
  }
}

function targetOf(reference, types) {
  return types.get(reference) ?? RELATIVE.exec(reference)?.groups.type;
}

// A walk over a resource that knows what each element is.

// Every element, depth first: value, place, type and the resource that it is in; what may not stand there has a fault.
export function walked(resource, schema) {
  const found = [];
  intoResource(resource, resource.resourceType, { schema, found, root: resource });
  return found;
}

function intoResource(resource, at, walk) {
  const type = resource.resourceType;
  const about = { value: resource, at, resource, root: walk.root };
  if (!walk.schema.knows(type)) {
    walk.found.push({ ...about, fault: `there is no resource ${type}` });
    return;
  }
  walk.found.push({ ...about, type, path: type, targets: [], constraints: walk.schema.resourceConstraints(type) });
  below(resource, type, at, { ...walk, resource });
}

function below(object, path, at, walk) {
  const chosen = new Set();
  for (const [name, value] of Object.entries(object)) {
    if (name === 'resourceType' || name.startsWith('_')) continue;
    const field = walk.schema.field(path, name);
    const here = `${at}.${name}`;
    const fault = faultOf(field, value, chosen);
    if (fault) walk.found.push({ value, at: here, resource: walk.resource, root: walk.root, fault });
    else if (field.many) value.forEach((item, index) => into(item, field, `${here}[${index}]`, walk));
    else into(value, field, here, walk);
    if (field?.choice) chosen.add(field.choice);
  }
}

function faultOf(field, value, chosen) {
  if (!field) return 'no such element';
  if (field.many !== Array.isArray(value)) return field.many ? 'one where there are many' : 'many where there is one';
  if (field.many && value.length === 0) return 'an empty list';
  return chosen.has(field.choice) ? 'two of what there is one of' : null;
}

function into(value, field, at, walk) {
  if (field.path === 'Resource') {
    if (value?.resourceType) intoResource(value, at, walk);
    return;
  }
  walk.found.push({ ...field, value, at, resource: walk.resource, root: walk.root });
  if (value !== null && typeof value === 'object') below(value, field.path, at, walk);
}

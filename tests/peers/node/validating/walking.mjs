// A walk over a resource that knows what each element is.

// Every element, depth first: value, place, type and the resource that it is in; what is unknown, marked as such.
export function walked(resource, schema) {
  const found = [];
  intoResource(resource, resource.resourceType, { schema, found, root: resource });
  return found;
}

function intoResource(resource, at, walk) {
  const type = resource.resourceType;
  if (!walk.schema.knows(type)) {
    walk.found.push({ value: resource, at, resource, root: walk.root, unknown: true });
    return;
  }
  const field = { type, path: type, targets: [], constraints: walk.schema.resourceConstraints(type) };
  walk.found.push({ ...field, value: resource, at, resource, root: walk.root });
  below(resource, type, at, { ...walk, resource });
}

function below(object, path, at, walk) {
  for (const [name, value] of Object.entries(object)) {
    if (name === 'resourceType' || name.startsWith('_')) continue;
    const field = walk.schema.field(path, name);
    const here = `${at}.${name}`;
    if (!field) walk.found.push({ value, at: here, resource: walk.resource, root: walk.root, unknown: true });
    else if (field.many !== Array.isArray(value)) {
      walk.found.push({ value, at: here, resource: walk.resource, root: walk.root, unknown: true, miscounted: true });
    } else if (field.many) value.forEach((item, index) => into(item, field, `${here}[${index}]`, walk));
    else into(value, field, here, walk);
  }
}

function into(value, field, at, walk) {
  if (field.path === 'Resource') {
    if (value?.resourceType) intoResource(value, at, walk);
    return;
  }
  walk.found.push({ ...field, value, at, resource: walk.resource, root: walk.root });
  if (value !== null && typeof value === 'object') below(value, field.path, at, walk);
}

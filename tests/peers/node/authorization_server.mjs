// An EHR's authorization server for tests: oidc-provider, which grants tokens by SMART Backend Services on loopback.
//
//   node authorization_server.mjs NODE_FOLDER --clients FILE [--scopes "system/Patient.rs ..."] [--life 300] [--port 0]
//
// NODE_FOLDER holds node_modules. FILE is a JSON list of clients, each {"client_id", "jwks"} or {"client_id", "jwks_uri"}.
// The first line printed is {"ready": true, "port", "issuer", "fhir_base", "token_url", "jwks_url", "audience"}.
//
// Access tokens are JSON Web Tokens (RFC 9068): whoever guards a FHIR server verifies them by the keys at jwks_url, and
// that issuer and audience are those announced; --audience makes them good for another server than the small one here.
// That one lies at fhir_base: its smart-configuration is open, everything else wants a token and gets a statement.
// POST /clock?advance_s=N moves the server's clock; GET /counts tells how many tokens and key sets it gave and fetched.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    clients: { type: 'string' },
    scopes: { type: 'string', default: 'system/Patient.rs system/Observation.crus' },
    life: { type: 'string', default: '300' },
    port: { type: 'string', default: '0' },
    audience: { type: 'string', default: '' },
  },
});
const peers = createRequire(`${positionals[0]}/`);
const bring = (name) => import(pathToFileURL(peers.resolve(name)).href);

const systemNow = Date.now.bind(Date);
let aheadMs = 0;
Date.now = () => systemNow() + aheadMs;

const { Provider } = await bring('oidc-provider');
const { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify } = await bring('jose');

const ALGORITHMS = ['ES384', 'RS384'];
const counts = { tokens: 0, refusals: 0, keySets: 0 };

async function ownKey() {
  const { privateKey } = await generateKeyPair('ES384', { extractable: true });
  return { ...(await exportJWK(privateKey)), alg: 'ES384', use: 'sig', kid: 'authorization-server' };
}

function registered(client) {
  return {
    ...client,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: 'private_key_jwt',
    id_token_signed_response_alg: 'ES384',
  };
}

// oidc-provider keeps its requests off loopback, which is all there is here.
function fetchKeys(url, { dispatcher, ...options }) {
  counts.keySets += 1;
  return fetch(url, options);
}

function configured(clients, key, audience) {
  return {
    clients: clients.map(registered),
    jwks: { keys: [key] },
    scopes: [],
    fetch: fetchKeys,
    clientAuthMethods: ['private_key_jwt'],
    enabledJWA: { clientAuthSigningAlgValues: ALGORITHMS, idTokenSigningAlgValues: ['ES384'] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        getResourceServerInfo: () => ({
          scope: values.scopes,
          audience,
          accessTokenTTL: Number(values.life),
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES384' } },
        }),
      },
    },
  };
}

function say(response, status, document) {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(document));
}

async function isGood(request, key, issuer, audience) {
  const token = (request.headers.authorization ?? '').replace(/^Bearer /, '');
  const { kty, crv, x, y, kid } = key;
  const keys = createLocalJWKSet({ keys: [{ kty, crv, x, y, kid, alg: 'ES384', use: 'sig' }] });
  try {
    await jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt', currentDate: new Date(Date.now()) });
    return true;
  } catch {
    return false;
  }
}

const server = createServer();
await new Promise((listening) => { server.listen(Number(values.port), '127.0.0.1', listening); });
const { port } = server.address();
const issuer = `http://127.0.0.1:${port}`;
const base = `${issuer}/fhir`;
const audience = values.audience || base;
const key = await ownKey();
const provider = new Provider(issuer, configured(JSON.parse(readFileSync(values.clients, 'utf8')), key, audience));
provider.on('grant.success', () => { counts.tokens += 1; });
provider.on('grant.error', (_, error) => {
  counts.refusals += 1;
  console.error(`${error.error}: ${error.error_description} ${error.error_detail ?? ''} ${error.cause ?? ''}`);
});
const authorize = provider.callback();

const configuration = {
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
  issuer,
  grant_types_supported: ['client_credentials'],
  token_endpoint_auth_methods_supported: ['private_key_jwt'],
  token_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
  scopes_supported: values.scopes.split(' '),
  capabilities: ['client-confidential-asymmetric', 'permission-v2'],
};

server.on('request', async (request, response) => {
  const url = new URL(request.url, issuer);
  if (url.pathname === '/fhir/.well-known/smart-configuration') {
    say(response, 200, configuration);
  } else if (url.pathname.startsWith('/fhir')) {
    const good = await isGood(request, key, issuer, audience);
    say(response, good ? 200 : 401, good ? { resourceType: 'CapabilityStatement', fhirVersion: '4.0.1' } : {});
  } else if (url.pathname === '/clock' && request.method === 'POST') {
    aheadMs += 1000 * Number(url.searchParams.get('advance_s'));
    say(response, 200, { aheadMs });
  } else if (url.pathname === '/counts') {
    say(response, 200, counts);
  } else {
    authorize(request, response);
  }
});

const announced = { ready: true, port, issuer, fhir_base: base, audience };
process.stdout.write(`${JSON.stringify({ ...announced, token_url: `${issuer}/token`, jwks_url: `${issuer}/jwks` })}\n`);
process.stdin.on('close', () => process.exit(0)).resume(); // with whoever started it

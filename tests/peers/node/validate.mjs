// Judges FHIR resources by validators that know nothing of marrowcount. A line of JSON in, one out.
//
//   MARROWCOUNT_NODE_PEERS=FOLDER node validate.mjs
//
//   {"know": [CodeSystem or StructureDefinition, ...]}            -> {"known": 3}
//   {"check": RESOURCE, "release": "R4" or "R5",                  -> {"findings": [{"checker", "severity", "path",
//    "profile": its URL or null, "guides": ["us-core", ...]}           "message"}, ...]}
//
// What goes wrong here is told as {"error": ...}, never as no findings.

import { createInterface } from 'node:readline';

import { checkersOf } from './validating/checkers.mjs';
import { known } from './validating/knowing.mjs';

function answer(request) {
  if (request.know) return { known: known(request.know) };
  const findings = [];
  for (const [checker, found] of checkersOf(request)) {
    for (const finding of found) findings.push({ checker, ...finding });
  }
  return { findings };
}

for await (const line of createInterface({ input: process.stdin })) {
  let said;
  try {
    said = answer(JSON.parse(line));
  } catch (error) {
    said = { error: error.stack };
  }
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

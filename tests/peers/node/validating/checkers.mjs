// Which checkers judge a resource.

import { checkDigits, ucum } from './codes.mjs';
import { r4 } from './definitions.mjs';
import { guideRules } from './guides.mjs';
import { invariants } from './invariants.mjs';
import { judgeCodings, profileOf } from './knowing.mjs';
import { fhirJs, medplumCore, zod } from './libraries.mjs';
import { r5 } from './model_r5.mjs';
import { primitives } from './primitives.mjs';
import { references } from './references.mjs';
import { typescript } from './typescript.mjs';
import { walked } from './walking.mjs';

function* structure({ elements }) {
  for (const { at, fault } of elements) {
    if (fault) yield { severity: 'error', path: at, message: fault };
  }
}

const OF_BOTH = { structure, invariants, references, ucum, 'check digits': checkDigits, primitives };
const BY_RELEASE = {
  R4: { fhir: fhirJs, solarahealth: zod, medplum: medplumCore },
  R5: { typescript },
};

export function* checkersOf({ check: resource, release = 'R4', profile = null, guides = [] }) {
  const schema = release === 'R5' ? r5 : r4;
  const subject = { resource, schema, elements: walked(resource, schema) };
  const checkers = { ...OF_BOTH, terminology: judgeCodings, ...BY_RELEASE[release] };
  for (const [name, check] of Object.entries(checkers)) yield [name, check(subject)];
  for (const guide of guides) yield [guide, guideRules(guide, subject)];
  if (profile) yield ['profile', medplumCore({ resource, profile: profileOf(profile) })];
}

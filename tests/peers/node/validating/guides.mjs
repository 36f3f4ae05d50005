// What guides ask of laboratory results beyond FHIR itself, in words and expressions of our own.
//
// us-core: US Core's laboratory Observation and DiagnosticReport, and its Specimen; us-core-graph: what it wants supported
// and not every record takes.
// eu-lab: HL7 Europe's laboratory report, of each resource; eu-lab-document: of the document as a whole.

import { holds } from './invariants.mjs';

const UCUM = 'http://unitsofmeasure.org';
const TERMS = 'http://terminology.hl7.org/CodeSystem';
const LABORATORY = `coding.where(system = '${TERMS}/observation-category' and code = 'laboratory')`;
const LAB = `coding.where(system = '${TERMS}/v2-0074' and code = 'LAB')`;
const GIVEN_OUT = "(status in ('preliminary' | 'final' | 'amended' | 'corrected' | 'appended' | 'partial'))";
const ANSWERED_FOR = "(status in ('final' | 'amended' | 'corrected' | 'appended'))";
const SAYS_SOMETHING = 'value.exists() or dataAbsentReason.exists() or hasMember.exists() or component.exists()';
const COMPOSITION = 'entry.resource.ofType(Composition)';
const OF_REPORT = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-DiagnosticReport.composition';
const REPORT = 'entry.resource.ofType(DiagnosticReport)';

const RULES = {
  'us-core': {
    Observation: {
      'one category is laboratory': `category.where(${LABORATORY}.exists()).count() = 1`,
      'it is about somebody': 'subject.exists()',
      'it has a value, says why not, or groups others': SAYS_SOMETHING,
      'a quantity is of UCUM': `value.ofType(Quantity).all(system = '${UCUM}' and code.exists())`,
      'its time is at least a day': 'effective.exists() and effective.ofType(dateTime).all(toString().length() >= 10)',
      'who is responsible is named': 'performer.exists()',
      'bounds of a range have UCUM as well': `referenceRange.all((low | high).all(system = '${UCUM}'))`,
    },
    DiagnosticReport: {
      'one category is LAB': `category.where(${LAB}.exists()).count() = 1`,
      'it is about somebody': 'subject.exists()',
      'what was given out has its time': `${GIVEN_OUT} implies effective.exists()`,
      'what was given out has its time of release': `${GIVEN_OUT} implies issued.exists()`,
      'figures are results': 'result.exists()',
      'a person who answered for it is named': `${ANSWERED_FOR} implies resultsInterpreter.exists()`,
    },
    Specimen: {
      'it can be told from others': 'identifier.exists() or accessionIdentifier.exists()',
      'its type is coded': 'type.coding.exists()',
      'it is of somebody': 'subject.exists()',
    },
  },
  'us-core-graph': { Observation: { 'the specimen is named': 'specimen.exists()' } },
  'eu-lab': {
    Observation: {
      'at least one performer': 'performer.exists()',
      'a value, a reason, or parts': SAYS_SOMETHING,
      'the method is said': 'method.exists()',
      'one of its categories is laboratory': `category.${LABORATORY}.exists()`,
    },
    DiagnosticReport: { 'a person can read it': 'presentedForm.exists() or text.exists()' },
    Specimen: { 'one type': 'type.exists()' },
  },
  'eu-lab-document': {
    Bundle: {
      'it is a document with identifier and time': "type = 'document' and identifier.exists() and timestamp.exists()",
      'it begins with its composition': 'entry.first().resource is Composition',
      'one composition, one report': `${COMPOSITION}.count() = 1 and ${REPORT}.count() = 1`,
      'both have the same identifier': `${COMPOSITION}.identifier.value = ${REPORT}.identifier.first().value`,
      'both are of the same type': `${COMPOSITION}.type.coding.code.first() = ${REPORT}.code.coding.code.first()`,
      'both are of the same subject': `${COMPOSITION}.subject.reference = ${REPORT}.subject.reference`,
      'both have the same category': `${COMPOSITION}.category.coding.code = ${REPORT}.category.coding.code`,
      'the report does not point at an imaging study': `${REPORT}.imagingStudy.empty()`,
      'the report names its composition': `${REPORT}.extension.where(url = '${OF_REPORT}').count() = 1`,
    },
  },
};

export function* guideRules(guide, { elements, schema }) {
  for (const found of elements.filter((each) => each.value === each.resource && !each.fault)) {
    for (const [human, expression] of Object.entries(RULES[guide][found.type] ?? {})) {
      if (!holds(found, expression, schema.model)) yield { severity: 'error', path: found.at, message: human };
    }
  }
}

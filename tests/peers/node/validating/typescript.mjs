// FHIR R5 by its types: DefinitelyTyped has every element with type, cardinality and required codes, and the compiler
// judges a resource that is written down as a literal of its type.

import { readFileSync } from 'node:fs';

import { packages } from './packages.mjs';

const ts = packages('typescript');
const TYPES = '/types.ts';
const GLOBALS = '/globals.d.ts';
const SUBJECT = '/subject.ts';
const OPTIONS = { strict: true, noLib: true, noEmit: true, types: [], skipLibCheck: true };

// What the compiler wants to exist when there is no library of JavaScript.
const KINDS = 'Boolean CallableFunction Function IArguments NewableFunction Number Object RegExp String';
const NO_LIBRARY = `${KINDS.split(' ').map((kind) => `interface ${kind} {}`).join('\n')}
interface Array<T> { length: number; [n: number]: T }
interface ReadonlyArray<T> { length: number; readonly [n: number]: T }
type Exclude<T, U> = T extends U ? never : T;`;

function source(name, text) {
  return ts.createSourceFile(name, text, ts.ScriptTarget.ES2020, true);
}

const fixed = new Map();

function fixedSources() {
  if (!fixed.size) {
    fixed.set(GLOBALS, source(GLOBALS, NO_LIBRARY));
    fixed.set(TYPES, source(TYPES, readFileSync(packages.resolve('@types/fhir/r5.d.ts'), 'utf8')));
  }
  return fixed;
}

function program(text) {
  const sources = new Map([...fixedSources(), [SUBJECT, source(SUBJECT, text)]]);
  const host = {
    getSourceFile: (name) => sources.get(name),
    fileExists: (name) => sources.has(name),
    readFile: () => undefined,
    writeFile: () => {},
    getCurrentDirectory: () => '/',
    getDefaultLibFileName: () => GLOBALS,
    getCanonicalFileName: (name) => name,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => '\n',
  };
  return ts.createProgram([GLOBALS, SUBJECT], OPTIONS, host);
}

// The types of a bundle do not look into its entries: each resource is judged by itself, the bundle without them.
function apart(resource) {
  if (resource.resourceType !== 'Bundle') return [resource];
  const shells = (resource.entry ?? []).map(({ resource: _, ...shell }) => shell);
  return [{ ...resource, entry: shells }, ...(resource.entry ?? []).map((entry) => entry.resource).filter(Boolean)];
}

export function* typescript({ resource }) {
  const parts = apart(resource).map(
    (part, index) => `import type { ${part.resourceType} as T${index} } from './types';
export const subject${index}: T${index} = ${JSON.stringify(part, null, 1)};\n`,
  );
  const made = program(parts.join(''));
  const subject = made.getSourceFile(SUBJECT);
  const found = [...made.getSyntacticDiagnostics(subject), ...made.getSemanticDiagnostics(subject)];
  for (const { start = 0, messageText } of found) {
    const line = subject.text.slice(0, start).split('\n').length;
    const message = ts.flattenDiagnosticMessageText(messageText, '; ').slice(0, 300);
    yield { severity: 'error', path: `line ${line}`, message };
  }
}

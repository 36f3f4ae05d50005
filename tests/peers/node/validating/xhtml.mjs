// Narrative: well-formed, its namespace declared, of the elements and attributes that R4 lets stand (2.4.2), not empty.

import { packages } from './packages.mjs';

const sax = packages('sax');
const ELEMENTS = new Set(
  (
    'h1 h2 h3 h4 h5 h6 div p ul ol li dl dt dd table caption colgroup col thead tr tfoot th td tbody b big strong i ' +
    'small tt em u s strike code dfn samp kbd var abbr acronym cite sup sub del ins address pre blockquote q br hr span ' +
    'a img'
  ).split(' '),
);
const FORBIDDEN_ATTRIBUTE = /^on|^(?:action|formaction)$/i;
const NAMESPACE = 'http://www.w3.org/1999/xhtml';

export function xhtmlFault(text) {
  const parser = sax.parser(true, { xmlns: true });
  let fault = null;
  let said = '';
  let root = null;
  parser.onerror = (error) => {
    fault ??= error.message.split('\n')[0];
    parser.error = null;
  };
  parser.onopentag = (tag) => {
    root ??= tag;
    if (!ELEMENTS.has(tag.local) || tag.uri !== NAMESPACE) fault ??= `<${tag.name}> may not stand in a narrative`;
    if (Object.keys(tag.attributes).some((name) => FORBIDDEN_ATTRIBUTE.test(name))) fault ??= 'an active attribute';
  };
  parser.ontext = (words) => (said += words);
  parser.write(text).close();
  if (root?.local !== 'div') fault ??= 'not a div';
  return fault ?? (said.trim() ? null : 'nothing to read');
}

// DICOMweb as the slide viewer and the page ask for it, on the node itself and with the tab's token.

import { ask } from "./asking.js";

const OCTETS = 'multipart/related; type="application/octet-stream"';

/** What the slide viewer calls; named as it names them. */
export class DicomWebClient {
  constructor(base) {
    this.base = base;
  }

  /** Headers of the instances of a series, or of one instance: DICOM JSON. */
  async metadata(studyUid, seriesUid, instanceUid = "") {
    const instance = instanceUid && `/instances/${instanceUid}`;
    const path = `${this.base}/studies/${studyUid}/series/${seriesUid}${instance}/metadata`;
    return (await ask(path, { Accept: "application/dicom+json" })).json();
  }

  async retrieveInstanceFrames({ studyInstanceUID, seriesInstanceUID, sopInstanceUID, frameNumbers }) {
    const instance = `studies/${studyInstanceUID}/series/${seriesInstanceUID}/instances/${sopInstanceUID}`;
    const path = `${this.base}/${instance}/frames/${frameNumbers.join(",")}`;
    return parts(await ask(path, { Accept: `${OCTETS}; transfer-syntax=*` }));
  }

  /** The place of bulk data counts, not the host by which others call the node. */
  async retrieveBulkData({ BulkDataURI }) {
    const place = BulkDataURI.slice(BulkDataURI.indexOf("/studies/"));
    return parts(await ask(this.base + place, { Accept: OCTETS }));
  }
}

/** The values of an element of binary VR, wherever they stand. */
export async function binary(client, element) {
  if (element.InlineBinary !== undefined) return Uint8Array.from(atob(element.InlineBinary), (each) => each.charCodeAt(0)).buffer;
  return (await client.retrieveBulkData(element))[0];
}

/** The parts of a multipart answer (RFC 2046 section 5.1), as ArrayBuffers. */
async function parts(answer) {
  const boundary = /boundary="?([^";]+)"?/.exec(answer.headers.get("Content-Type"))[1];
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const delimiter = new TextEncoder().encode(`--${boundary}`);
  const blank = new TextEncoder().encode("\r\n\r\n");
  const found = [];
  let begin = find(bytes, delimiter, 0) + delimiter.length;
  while (bytes[begin] !== 0x2d) {
    const body = find(bytes, blank, begin) + blank.length;
    const next = find(bytes, delimiter, body);
    if (body < blank.length || next < 0) throw new Error("An answer broke off.");
    found.push(bytes.slice(body, next - 2).buffer);
    begin = next + delimiter.length;
  }
  return found;
}

function find(bytes, wanted, from) {
  for (let at = bytes.indexOf(wanted[0], from); at >= 0; at = bytes.indexOf(wanted[0], at + 1)) {
    if (wanted.every((byte, place) => bytes[at + place] === byte)) return at;
  }
  return -1;
}

// The slide in dicom-microscopy-viewer with its cells, as far as this installation has the viewer.

import { outlines, parted, readCells, regrouped, stepOf } from "./cells.js";
import { DicomWebClient } from "./dicomweb.js";
import { el, section } from "./elements.js";
import { followKeys } from "./keys.js";

const SCRIPT = "/dicom-microscopy-viewer/dicomMicroscopyViewer.min.js";
const RETICLE_MS = 2_500;
const STAMP_PX = 256;

let loading = null;

/** The library, fetched when a slide is first looked at. */
function library() {
  loading ??= new Promise((resolve, reject) => {
    const script = el("script", { src: SCRIPT, load: () => resolve(window.dicomMicroscopyViewer), error: () => reject(new Error("The slide viewer could not be loaded.")) });
    document.head.append(script);
  });
  loading.catch(() => {
    loading = null;
  });
  return loading;
}

export class SlideView {
  constructor(slide, about) {
    Object.assign(this, { slide, about, groups: [], cells: [], turns: new Map(), ready: [], closed: false, viewer: null });
    this.client = new DicomWebClient(about.dicomweb);
    this.port = el("div", { class: "port", tabindex: "0", role: "application", "aria-label": "Slide. Arrow keys move it, plus and minus zoom, zero shows all." });
    followKeys(this.port);
    this.reticle = el("div", { class: "reticle", "aria-hidden": "true", hidden: true });
    this.words = el("p", { class: "hint", id: "slide-hint" }, about.viewer ? "Loading the slide …" : "This installation came without the slide viewer: there are pictures in its place.");
    this.frame = about.viewer ? el("div", { class: "frame" }, this.port, this.reticle) : null;
    this.section = section("Slide", { class: "view" }, this.frame ?? "", this.words);
  }

  async open() {
    if (!this.about.viewer) return;
    try {
      await this.#open();
    } catch (error) {
      if (!this.closed) this.#failed(error);
    }
  }

  async #open() {
    const [dmv, headers] = await Promise.all([library(), this.client.metadata(this.slide.study_uid, this.slide.series_uid)]);
    const levels = headers.filter((header) => header["00080008"]?.Value[2] === "VOLUME");
    if (levels.length === 0) throw new Error("No level of this slide has come yet.");
    const cells = this.slide.cells && (await readCells(this.client, this.slide.cells));
    if (this.closed) return;
    this.#render(dmv, levels);
    if (cells) this.#addCells(dmv, cells);
    this.say(cells ? "Drag or use arrow keys to move, scroll or use + and − to zoom; 0 shows all." : "No cells are marked: the slide has no result.");
    this.section.dataset.ready = "yes";
    for (const told of this.ready) told();
  }

  #render(dmv, levels) {
    const metadata = levels.map((metadata) => new dmv.metadata.VLWholeSlideMicroscopyImage({ metadata }));
    const base = metadata.reduce((one, other) => (other.TotalPixelMatrixColumns > one.TotalPixelMatrixColumns ? other : one));
    this.zooms = zoomsOf(Math.max(base.TotalPixelMatrixColumns, base.TotalPixelMatrixRows));
    this.viewer = new dmv.viewer.VolumeImageViewer({
      client: this.client,
      metadata,
      controls: ["zoom", "fullscreen"],
      annotationOptions: { clusteringPixelSizeThreshold: 0 }, // every box of a group is drawn, wherever the view is
      mapViewResolutions: this.zooms,
      errorInterceptor: (error) => this.#failed(error),
    });
    // What navigate() takes for a level of the pyramid, and checks as such, is one of the zooms.
    Object.defineProperty(this.viewer, "numLevels", { value: this.zooms.length });
    this.viewer.render({ container: this.port });
    this.affine = dmv.utils.buildTransform(placement(base));
    this.toSlide = (x, y) => dmv.utils.applyTransform({ coordinate: [x, y], affine: this.affine });
    this.fromPixel = this.toSlide;
  }

  #addCells(dmv, { json, plane, cells }) {
    if (!plane) this.toSlide = (x, y) => [x, y];
    this.cells = [...cells].sort((one, other) => other.probability - one.probability);
    this.groups = parted(cells);
    const metadata = new dmv.metadata.MicroscopyBulkSimpleAnnotations({ metadata: regrouped(json, this.groups) });
    for (const [place, group] of this.groups.entries()) {
      const { points, starts } = outlines(group);
      const item = metadata.AnnotationGroupSequence[place];
      item.PointCoordinatesData = points;
      item.LongPrimitivePointIndexList = starts;
    }
    this.viewer.addAnnotationGroups(metadata);
  }

  onReady(told) {
    this.ready.push(told);
  }

  has(label) {
    return this.groups.some((group) => group.label === label);
  }

  /** Draw these classes from this probability on; how many cells that makes. */
  draw(labels, from) {
    let drawn = 0;
    for (const group of this.groups) {
      const wanted = labels.has(group.label) && group.step >= stepOf(from);
      if (wanted) drawn += group.cells.length;
      if (wanted === group.shown) continue;
      group.shown = wanted;
      if (wanted) this.viewer.showAnnotationGroup(group.uid);
      else this.viewer.hideAnnotationGroup(group.uid);
    }
    return { drawn, known: this.cells.length };
  }

  /** Go to the next cell of a class, the most certain first: {place, of, probability}; null where there is none. */
  flyToNext(label, from) {
    const cells = this.cells.filter((cell) => cell.label === label && stepOf(cell.probability) >= stepOf(from));
    if (cells.length === 0) return null;
    const turn = (this.turns.get(label) ?? -1) + 1;
    this.turns.set(label, turn);
    const place = turn % cells.length;
    this.flyTo(this.toSlide(cells[place].x, cells[place].y));
    return { place: place + 1, of: cells.length, probability: cells[place].probability };
  }

  /** Go to a place given in pixels of the base level. */
  flyToPixel(x, y) {
    if (this.viewer === null) return;
    this.flyTo(this.fromPixel(x, y));
  }

  flyTo(position) {
    this.viewer.navigate({ level: this.zooms.indexOf(1), position });
    this.frame.scrollIntoView({ block: "nearest" });
    this.reticle.hidden = false;
    clearTimeout(this.fading);
    this.fading = setTimeout(() => {
      this.reticle.hidden = true;
    }, RETICLE_MS);
  }

  say(words) {
    this.words.textContent = words;
  }

  close() {
    this.closed = true;
    clearTimeout(this.fading);
    this.viewer?.cleanup();
    this.viewer = null;
  }

  #failed(error) {
    this.words.textContent = `The slide viewer: ${error.message}`;
    this.words.classList.add("bad");
    return error;
  }
}

/** Where a level lies on the glass (PS3.3 C.8.12.4.1.4): offset in mm, direction cosines, spacing in mm. */
function placement(level) {
  const origin = level.TotalPixelMatrixOriginSequence[0];
  const spacing = level.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing;
  return {
    offset: [Number(origin.XOffsetInSlideCoordinateSystem), Number(origin.YOffsetInSlideCoordinateSystem)],
    orientation: level.ImageOrientationSlide.map(Number),
    spacing: spacing.map(Number),
  };
}

/** Pixels of the base level to one of the screen, from the whole slide in a stamp to a pixel in four. */
function zoomsOf(side) {
  const zooms = [0.5, 1];
  while (side / zooms.at(-1) > STAMP_PX) zooms.push(2 * zooms.at(-1));
  return zooms.reverse();
}

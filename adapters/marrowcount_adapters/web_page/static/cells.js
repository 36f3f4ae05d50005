// The cells of an annotation instance, read by DICOMweb: outlines, probabilities, and groups that can be shown apart.

import { binary } from "./dicomweb.js";

const LABEL = "006A0005";
const UID = "006A0003";
const NUMBER = "0040A180";
const ANNOTATIONS = "006A000C";
const GROUPS = "006A0002";
const GRAPHIC = "00700023";
const POINTS = "00660016";
const DOUBLE_POINTS = "00660022";
const INDEX = "00660040";
const COORDINATES = "006A0001";
const COMMON_Z = "006A0010";
const MEASUREMENTS = "00660121";
const VALUES = "00660132";
const FLOATS = "00660125";

const POINTS_OF = { POINT: 1, RECTANGLE: 4, ELLIPSE: 4 };

/** More in a group and the viewer draws clusters in their place. */
const MOST_IN_GROUP = 1000;

/** Steps of probability by which cells can be shown apart. */
export const STEPS = 20;

/** All cells: {json, cells}; a cell is {label, probability, x, y, group, points}. */
export async function readCells(client, place) {
  const [json] = await client.metadata(place.study_uid, place.series_uid, place.sop_instance_uid);
  const plane = json[COORDINATES].Value[0] === "2D";
  const groups = await Promise.all(json[GROUPS].Value.map((item) => groupCells(client, item, plane)));
  return { json, plane, cells: groups.flat() };
}

async function groupCells(client, item, plane) {
  const precise = item[DOUBLE_POINTS] !== undefined;
  const [points, index, values] = await Promise.all([binary(client, item[precise ? DOUBLE_POINTS : POINTS]), item[INDEX] && binary(client, item[INDEX]), probabilities(client, item)]);
  const coordinates = precise ? new Float64Array(points) : new Float32Array(points);
  const dimensions = plane || item[COMMON_Z] ? 2 : 3;
  const number = item[ANNOTATIONS].Value[0];
  const starts = index ? Array.from(new Int32Array(index), (start) => start - 1) : evenly(number, POINTS_OF[item[GRAPHIC].Value[0]] * dimensions);
  const label = item[LABEL].Value[0];
  return starts.map((start, place) => cellOf(coordinates.subarray(start, starts[place + 1] ?? coordinates.length), dimensions, { label, item, dimensions, probability: values[place] }));
}

async function probabilities(client, item) {
  const element = item[MEASUREMENTS]?.Value[0][VALUES].Value[0][FLOATS];
  return element ? new Float32Array(await binary(client, element)) : new Float32Array(item[ANNOTATIONS].Value[0]).fill(1);
}

function evenly(number, length) {
  return Array.from({ length: number }, (_, place) => place * length);
}

function cellOf(points, dimensions, facts) {
  let [x, y] = [0, 0];
  for (let at = 0; at < points.length; at += dimensions) {
    x += points[at];
    y += points[at + 1];
  }
  const corners = points.length / dimensions;
  return { ...facts, points, x: x / corners, y: y / corners };
}

export function stepOf(probability) {
  return Math.min(STEPS - 1, Math.floor(probability * STEPS + 1e-4));
}

/** Groups small and alike enough to be shown apart: [{uid, label, step, cells}]. */
export function parted(cells) {
  const groups = new Map();
  for (const cell of cells) {
    const key = `${cell.item[UID].Value[0]}.${stepOf(cell.probability)}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(cell);
  }
  return [...groups].flatMap(([key, members]) => slices(members).map((some, place) => ({ uid: `${key}.${place}`, label: some[0].label, step: stepOf(some[0].probability), cells: some })));
}

function slices(members) {
  const number = Math.ceil(members.length / MOST_IN_GROUP);
  return Array.from({ length: number }, (_, place) => members.slice(place * MOST_IN_GROUP, (place + 1) * MOST_IN_GROUP));
}

/** The instance's header with these groups in the place of its own; outlines are put in afterwards. */
export function regrouped(json, groups) {
  const items = groups.map((group, place) => {
    const { [POINTS]: _p, [DOUBLE_POINTS]: _d, [INDEX]: _i, [MEASUREMENTS]: _m, ...item } = group.cells[0].item;
    return {
      ...item,
      [UID]: { vr: "UI", Value: [group.uid] },
      [NUMBER]: { vr: "US", Value: [place + 1] },
      [ANNOTATIONS]: { vr: "UL", Value: [group.cells.length] },
    };
  });
  return { ...json, [GROUPS]: { vr: "SQ", Value: items } };
}

/** Outlines of a group in one row, and where each begins, counted from 1 as DICOM does. */
export function outlines(group) {
  const starts = new Int32Array(group.cells.length);
  let length = 0;
  for (const [place, cell] of group.cells.entries()) {
    starts[place] = length + 1;
    length += cell.points.length;
  }
  const points = new Float64Array(length);
  for (const [place, cell] of group.cells.entries()) points.set(cell.points, starts[place] - 1);
  return { points, starts };
}

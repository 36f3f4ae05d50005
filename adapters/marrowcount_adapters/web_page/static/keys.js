// The slide by keyboard: dicom-microscopy-viewer knows the mouse alone. Its events hand out the OpenLayers map.

const MOVED = "dicommicroscopyviewer_move_ended";
const STEP_PX = 128;
const TURN_MS = 150;

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const ZOOMS = { "+": 1, "=": 1, "-": -1, "_": -1 };

/** Arrow keys move what is shown in the port, plus and minus zoom, 0 shows the whole slide. */
export function followKeys(port) {
  let view = null;
  port.addEventListener(MOVED, (event) => {
    view = event.detail.payload.event.map.getView();
  });
  port.addEventListener("keydown", (event) => {
    if (view === null || event.target !== port || event.ctrlKey || event.metaKey || event.altKey) return;
    if (turned(view, event.key)) event.preventDefault();
  });
}

function turned(view, key) {
  view.cancelAnimations();
  if (key in MOVES) {
    const [right, up] = MOVES[key].map((step) => step * STEP_PX * view.getResolution());
    const [x, y] = view.getCenter();
    view.animate({ center: [x + right, y + up], duration: TURN_MS });
  } else if (key in ZOOMS) {
    view.animate({ zoom: view.getZoom() + ZOOMS[key], duration: TURN_MS });
  } else if (key === "0") {
    view.fit(view.getProjection().getExtent(), { duration: TURN_MS });
  } else {
    return false;
  }
  return true;
}

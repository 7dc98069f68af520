export {
  type LayoutEdge,
  type LayoutGraph,
  type LayoutNode,
  type Point,
  type Positions,
  type Rect,
} from "./graph-shapes.ts";
export { layeredLayout } from "./layered-layout.ts";
export { type ChipWish, placeChips } from "./place-chips.ts";
export { placeNewcomers } from "./place-newcomers.ts";
export { pointOnThread, type ThreadCurve, threadCurve, threadPath } from "./thread-curve.ts";

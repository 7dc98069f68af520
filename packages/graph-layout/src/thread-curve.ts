import { overlaps, type Point, type Rect } from "./graph-shapes.ts";

/** A cubic Bézier from `from` to `to`, horizontal at both ends. */
export type CurvePiece = {
  readonly from: Point;
  readonly to: Point;
  readonly firstControl: Point;
  readonly secondControl: Point;
};

/** A smooth thread: pieces joined end to end, each horizontal where it meets the next. */
export type ThreadCurve = readonly [CurvePiece, ...CurvePiece[]];

/** How far a thread keeps from a card it passes. */
const PASSING_GAP_PX = 14;
const SAMPLES = 16;

/**
 * The thread from a card's right side to another's left side. Where the plain curve would run behind a
 * card on its way it is led past it, above or below, whichever is nearer.
 */
export function threadCurve(from: Point, to: Point, obstacles: readonly Rect[]): ThreadCurve {
  if (to.xPx <= from.xPx) return loopBack(from, to);
  const plain = curvePiece(from, to);
  const passed = obstacles
    .filter((card) => card.xPx > from.xPx + 4 && card.xPx + card.widthPx < to.xPx - 4)
    .filter((card) => runsBehind(plain, card))
    .sort((a, b) => a.xPx - b.xPx);
  const [first] = passed;
  if (first === undefined) return [plain];
  const lane = laneBeside(first, plain, obstacles);
  const leftPx = { xPx: first.xPx - 6, yPx: lane };
  const rightPx = { xPx: first.xPx + first.widthPx + 6, yPx: lane };
  const rest = threadCurve(
    rightPx,
    to,
    obstacles.filter((card) => card !== first),
  );
  return [curvePiece(from, leftPx), curvePiece(leftPx, rightPx), ...rest];
}

function curvePiece(from: Point, to: Point): CurvePiece {
  const reachPx = Math.max((to.xPx - from.xPx) * 0.5, 4);
  return {
    from,
    to,
    firstControl: { xPx: from.xPx + reachPx, yPx: from.yPx },
    secondControl: { xPx: to.xPx - reachPx, yPx: to.yPx },
  };
}

/** A call back to the left: out to the right, round, and in from the left. */
function loopBack(from: Point, to: Point): ThreadCurve {
  const reachPx =
    60 + Math.min(Math.abs(to.yPx - from.yPx), 160) * 0.3 + (from.xPx - to.xPx) * 0.12;
  return [
    {
      from,
      to,
      firstControl: { xPx: from.xPx + reachPx, yPx: from.yPx + sideOf(from, to) * reachPx },
      secondControl: { xPx: to.xPx - reachPx, yPx: to.yPx + sideOf(from, to) * reachPx },
    },
  ];
}

/** Below if the ends are level, so that the way back never lies on the way there. */
function sideOf(from: Point, to: Point): number {
  return to.yPx < from.yPx - 40 ? -1 : 1;
}

function runsBehind(piece: CurvePiece, card: Rect): boolean {
  for (let sample = 1; sample < SAMPLES; sample++) {
    const at = pointOnPiece(piece, sample / SAMPLES);
    if (overlaps({ ...at, widthPx: 0, heightPx: 0 }, card, 4)) return true;
  }
  return false;
}

function laneBeside(card: Rect, plain: CurvePiece, obstacles: readonly Rect[]): number {
  const wished = pointOnPiece(plain, 0.5).yPx;
  const lanes = [card.yPx - PASSING_GAP_PX, card.yPx + card.heightPx + PASSING_GAP_PX];
  const isFree = (yPx: number) =>
    !obstacles.some((other) =>
      overlaps({ xPx: card.xPx, yPx, widthPx: card.widthPx, heightPx: 0 }, other, 4),
    );
  const byNearness = lanes.sort((a, b) => Math.abs(a - wished) - Math.abs(b - wished));
  return byNearness.find(isFree) ?? byNearness[0] ?? wished;
}

/** The point at share `t` (0–1) of the thread, by pieces of equal weight per pixel of x. */
export function pointOnThread(curve: ThreadCurve, t: number): Point {
  const lengths = curve.map(pieceLength);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  let leftPx = Math.min(Math.max(t, 0), 1) * total;
  for (const [index, piece] of curve.entries()) {
    const length = lengths[index] ?? 0;
    if (leftPx <= length || index === curve.length - 1) {
      return pointOnPiece(piece, length === 0 ? 0 : leftPx / length);
    }
    leftPx -= length;
  }
  return curve[0].from;
}

function pieceLength({ from, to }: CurvePiece): number {
  return Math.hypot(to.xPx - from.xPx, to.yPx - from.yPx);
}

function pointOnPiece(piece: CurvePiece, t: number): Point {
  const s = 1 - t;
  const blend = (a: number, b: number, c: number, d: number) =>
    s * s * s * a + 3 * s * s * t * b + 3 * s * t * t * c + t * t * t * d;
  const { from, firstControl, secondControl, to } = piece;
  return {
    xPx: blend(from.xPx, firstControl.xPx, secondControl.xPx, to.xPx),
    yPx: blend(from.yPx, firstControl.yPx, secondControl.yPx, to.yPx),
  };
}

/** The thread as an SVG path. */
export function threadPath(curve: ThreadCurve): string {
  const move = `M${at(curve[0].from)}`;
  const pieces = curve.map(
    (piece) => `C${at(piece.firstControl)} ${at(piece.secondControl)} ${at(piece.to)}`,
  );
  return [move, ...pieces].join("");
}

function at(point: Point): string {
  return `${round(point.xPx)},${round(point.yPx)}`;
}

function round(px: number): number {
  return Math.round(px * 10) / 10;
}

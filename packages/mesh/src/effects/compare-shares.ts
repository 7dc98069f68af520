/** Some of a side's traffic, counted over one step: `hits` of `trials`. */
export type ShareBlock = { readonly trials: number; readonly hits: number };

/** Fewer steps on a side tell nothing of how much it varies by itself. */
const LEAST_BLOCKS = 3;
/** Above so many hits the normal distribution is as good as the exact one. */
const MAX_EXACT_HITS = 2000;

/**
 * Whether two shares differ by more than chance explains, wrongly at most in `alpha` of all cases. Fisher's exact
 * test (two-sided, by doubling) on counts divided by their overdispersion: real requests come and fail in bursts,
 * so the steps of one side vary more than independent requests would, and count for fewer than they are. The
 * dispersion is Pearson's, pooled within the sides; that it is itself an estimate widens it as Student's t does.
 */
export function differByMoreThanChance(
  before: readonly ShareBlock[],
  after: readonly ShareBlock[],
  alpha: number,
): boolean {
  const blocks = Math.min(countBlocks(before), countBlocks(after));
  if (blocks < LEAST_BLOCKS) return false;
  const effect = designEffect(before, after, alpha);
  const [a, b] = [sumOf(before), sumOf(after)];
  return probabilityOfChance(shrink(a, effect), shrink(b, effect)) <= alpha;
}

/** The two-sided probability (Fisher) of two shares as different as these, if the true ones are the same. */
export function probabilityOfChance(a: ShareBlock, b: ShareBlock): number {
  const hits = a.hits + b.hits;
  const trials = a.trials + b.trials;
  if (hits === 0 || hits === trials) return 1;
  // Of hits and misses the rarer ones, so that the sum is short.
  if (hits * 2 > trials) return probabilityOfChance(missesOf(a), missesOf(b));
  return hits <= MAX_EXACT_HITS ? exactP(a, b) : normalP(a, b);
}

/** Doubles the smaller tail of the hypergeometric distribution of `b.hits`. */
function exactP(a: ShareBlock, b: ShareBlock): number {
  const hits = a.hits + b.hits;
  const trials = a.trials + b.trials;
  const logWhole = logChoose(trials, hits);
  const probability = (ofB: number) =>
    Math.exp(logChoose(b.trials, ofB) + logChoose(a.trials, hits - ofB) - logWhole);
  let [atMost, atLeast] = [0, 0];
  const most = Math.min(hits, b.trials);
  for (let ofB = Math.max(0, hits - a.trials); ofB <= most; ofB++) {
    const one = probability(ofB);
    if (ofB <= b.hits) atMost += one;
    if (ofB >= b.hits) atLeast += one;
  }
  return Math.min(1, 2 * Math.min(atMost, atLeast));
}

function normalP(a: ShareBlock, b: ShareBlock): number {
  const share = (a.hits + b.hits) / (a.trials + b.trials);
  const deviation = Math.sqrt(share * (1 - share) * (1 / a.trials + 1 / b.trials));
  const correction = (1 / a.trials + 1 / b.trials) / 2;
  const distance = Math.abs(b.hits / b.trials - a.hits / a.trials) - correction;
  return 2 * upperTail(Math.max(0, distance) / deviation);
}

/** By how much the steps vary beyond independent requests; 1: no more than those would. */
function designEffect(
  before: readonly ShareBlock[],
  after: readonly ShareBlock[],
  alpha: number,
): number {
  const [a, b] = [sumOf(before), sumOf(after)];
  const pooled = (a.hits + b.hits) / (a.trials + b.trials);
  if (pooled === 0 || pooled === 1) return 1;
  const freedom = countBlocks(before) + countBlocks(after) - 2;
  const pearson = (spreadOf(before) + spreadOf(after)) / (pooled * (1 - pooled)) / freedom;
  if (pearson <= 1) return 1;
  const z = normalQuantile(1 - alpha / 2);
  return pearson * (studentQuantile(z, freedom) / z) ** 2;
}

/** Sum of the steps' squared distances from their side's share, each by its trials. */
function spreadOf(blocks: readonly ShareBlock[]): number {
  const whole = sumOf(blocks);
  const share = whole.hits / whole.trials;
  return blocks.reduce(
    (sum, { trials, hits }) => (trials === 0 ? sum : sum + (hits - trials * share) ** 2 / trials),
    0,
  );
}

function shrink({ trials, hits }: ShareBlock, effect: number): ShareBlock {
  const fewer = Math.max(1, Math.round(trials / effect));
  return { trials: fewer, hits: Math.min(fewer, Math.round(hits / effect)) };
}

function sumOf(blocks: readonly ShareBlock[]): ShareBlock {
  return {
    trials: blocks.reduce((sum, { trials }) => sum + trials, 0),
    hits: blocks.reduce((sum, { hits }) => sum + hits, 0),
  };
}

function countBlocks(blocks: readonly ShareBlock[]): number {
  return blocks.filter(({ trials }) => trials > 0).length;
}

function missesOf({ trials, hits }: ShareBlock): ShareBlock {
  return { trials, hits: trials - hits };
}

function logChoose(from: number, choose: number): number {
  return logGamma(from + 1) - logGamma(choose + 1) - logGamma(from - choose + 1);
}

/** ln Γ(x) for x ≥ 1 by Stirling's series, shifted to where it is exact to 1e-12. */
function logGamma(x: number): number {
  let [shifted, correction] = [x, 0];
  while (shifted < 8) {
    correction += Math.log(shifted);
    shifted += 1;
  }
  const inverse = 1 / shifted ** 2;
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / shifted;
  return (
    (shifted - 0.5) * Math.log(shifted) - shifted + Math.log(2 * Math.PI) / 2 + series - correction
  );
}

/** P(Z > z) for z ≥ 0, by the continued fraction of Mills's ratio; near 0 by its series. */
function upperTail(z: number): number {
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  if (z < 2) {
    let [term, sum] = [z, z];
    for (let n = 1; n < 60; n++) {
      term *= (z * z) / (2 * n + 1);
      sum += term;
    }
    return 0.5 - density * sum;
  }
  let fraction = z;
  for (let n = 60; n > 0; n--) fraction = z + n / fraction;
  return density / fraction;
}

/** The z with P(Z ≤ z) = `probability`, by bisection: asked a few times a judgement. */
function normalQuantile(probability: number): number {
  let [low, high] = [0, 40];
  for (let round = 0; round < 60; round++) {
    const middle = (low + high) / 2;
    if (upperTail(middle) > 1 - probability) low = middle;
    else high = middle;
  }
  return high;
}

/** Student's quantile from the normal one, by Cornish and Fisher's expansion. */
function studentQuantile(z: number, freedom: number): number {
  const first = (z ** 3 + z) / (4 * freedom);
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2);
  const third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * freedom ** 3);
  return z + first + second + third;
}

/**
 * The way from one signing authority to another, so that nobody ever shows a certificate that somebody else does
 * not believe yet, or no longer. Each step lasts until every proxy has done its part (`isReady`).
 *
 *   step       believed   signs   a proxy has done its part when        next       abort
 *   trusting   old, new   old     it believes the new root              signing    → aborted
 *   signing    old, new   new     all it uses was signed by the new     retiring   → reverting
 *   retiring   new        new     it no longer believes the old root    done       – (too late)
 *   reverting  old, new   old     all it uses was signed by the old     aborted    – (under way)
 *   done       new        new     –                                     –          –
 *   aborted    old        old     –                                     –          –
 *
 * An intermediate needs neither `trusting` nor `retiring`: both are under one root, which stays believed.
 */
export type RotationOf = "root" | "intermediate";
export type RotationStep = "trusting" | "signing" | "retiring" | "reverting" | "done" | "aborted";

export type Rotation = {
  readonly of: RotationOf;
  readonly step: RotationStep;
  /** It stops after each step until somebody advances it. */
  readonly isStepwise: boolean;
  readonly isPaused: boolean;
};

/** `tick`: time to look; `advance`: somebody lets it go on; `force`: the same, though some are not ready. */
export type RotationEvent = "tick" | "advance" | "force" | "pause" | "resume" | "abort";

/** `same`: nothing changes; `refused`: this cannot be asked now, and why. */
export type RotationOutcome =
  | { readonly kind: "moved"; readonly rotation: Rotation }
  | { readonly kind: "same" }
  | { readonly kind: "refused"; readonly reason: string };

/** What holds during a step. */
export type RotationFacts = {
  readonly believesOld: boolean;
  readonly believesNew: boolean;
  readonly signer: "old" | "new";
};

const NEXT = {
  root: {
    trusting: "signing",
    signing: "retiring",
    retiring: "done",
    reverting: "aborted",
  },
  intermediate: { signing: "done", reverting: "aborted" },
} as const satisfies Record<RotationOf, Partial<Record<RotationStep, RotationStep>>>;

const FACTS = {
  trusting: { believesOld: true, believesNew: true, signer: "old" },
  signing: { believesOld: true, believesNew: true, signer: "new" },
  retiring: { believesOld: false, believesNew: true, signer: "new" },
  reverting: { believesOld: true, believesNew: true, signer: "old" },
  done: { believesOld: false, believesNew: true, signer: "new" },
  aborted: { believesOld: true, believesNew: false, signer: "old" },
} as const satisfies Record<RotationStep, RotationFacts>;

/** What proxies believe and who signs during a step; of an intermediate only `signer` counts. */
export function factsOfStep(step: RotationStep): RotationFacts {
  return FACTS[step];
}

/** The first step of a rotation. */
export function firstStep(of: RotationOf): RotationStep {
  return of === "root" ? "trusting" : "signing";
}

/** The steps a rotation takes, in order; of one that goes back, those are the last two. */
export function stepsOf({ of, step }: Pick<Rotation, "of" | "step">): RotationStep[] {
  if (step === "reverting" || step === "aborted") {
    return [...(of === "root" ? (["trusting"] as const) : []), "signing", "reverting", "aborted"];
  }
  return of === "root" ? ["trusting", "signing", "retiring", "done"] : ["signing", "done"];
}

export function isFinished({ step }: Pick<Rotation, "step">): boolean {
  return step === "done" || step === "aborted";
}

export function canAbort({ step }: Pick<Rotation, "step">): boolean {
  return step === "trusting" || step === "signing";
}

/** The rotation after an event; `isReady`: every proxy has done its part of the present step. */
export function stepRotation(
  rotation: Rotation,
  event: RotationEvent,
  isReady: boolean,
): RotationOutcome {
  if (isFinished(rotation)) {
    return event === "tick" ? same : refused(`the rotation is over (${rotation.step})`);
  }
  switch (event) {
    case "tick": {
      const waits = rotation.isPaused || (rotation.isStepwise && rotation.step !== "reverting");
      return isReady && !waits ? moveOn(rotation) : same;
    }
    case "advance":
      if (rotation.isPaused) return refused("the rotation is paused; resume it first");
      if (!isReady) return refused("some proxies are not done with this step; wait, or force it");
      return moveOn(rotation);
    case "force":
      if (rotation.isPaused) return refused("the rotation is paused; resume it first");
      return moveOn(rotation);
    case "pause":
      return rotation.isPaused ? same : moved({ ...rotation, isPaused: true });
    case "resume":
      return rotation.isPaused ? moved({ ...rotation, isPaused: false }) : same;
    default: // abort
      return abort(rotation);
  }
}

function abort(rotation: Rotation): RotationOutcome {
  if (rotation.step === "reverting") return refused("the rotation is being taken back already");
  if (!canAbort(rotation)) {
    return refused("the old root is being taken back already; start another rotation instead");
  }
  // Nothing was signed by the new authority before `signing`: then nobody has to renew.
  const step = rotation.step === "trusting" ? "aborted" : "reverting";
  return moved({ ...rotation, step, isPaused: false });
}

function moveOn(rotation: Rotation): RotationOutcome {
  const next: Partial<Record<RotationStep, RotationStep>> = NEXT[rotation.of];
  const step = next[rotation.step];
  return step === undefined ? same : moved({ ...rotation, step });
}

const same: RotationOutcome = { kind: "same" };

function moved(rotation: Rotation): RotationOutcome {
  return { kind: "moved", rotation };
}

function refused(reason: string): RotationOutcome {
  return { kind: "refused", reason };
}

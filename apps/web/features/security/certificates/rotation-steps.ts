import type { RotationState } from "@heddle/contracts";

type Step = RotationState["step"];

const WORDS: Readonly<Record<Step, { readonly name: string; readonly words: string }>> = {
  trusting: { name: "Trusting", words: "the new authority is believed beside the old one" },
  signing: { name: "Signing", words: "the new one signs, everybody renews" },
  retiring: { name: "Retiring", words: "the old one is taken back everywhere" },
  reverting: { name: "Reverting", words: "the old one signs again, everybody renews" },
  done: { name: "Done", words: "only the new one is believed" },
  aborted: { name: "Taken back", words: "as it was before" },
};

export function stepWords(step: Step): { readonly name: string; readonly words: string } {
  return WORDS[step];
}

/** Where a step stands beside the one that is under way. */
export function stepPlace(
  steps: readonly Step[],
  current: Step,
  step: Step,
): "done" | "now" | "later" {
  const [at, place] = [steps.indexOf(current), steps.indexOf(step)];
  if (place === at) return step === "done" || step === "aborted" ? "done" : "now";
  return place < at ? "done" : "later";
}

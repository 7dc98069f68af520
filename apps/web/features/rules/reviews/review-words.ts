import type { ReviewAct, ReviewSummary } from "@heddle/contracts";

/** "VirtualService reviews" or "VirtualService reviews and 2 more". */
export function reviewSubject({ documents }: Pick<ReviewSummary, "documents">): string {
  const [first, ...others] = documents;
  if (first === undefined) return "nothing";
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  return `${first.kind} ${first.name}${more}`;
}

/** "approved by bob", "approved by bob and eve", or that nobody has. */
export function approvalWords({ approvedBy }: Pick<ReviewSummary, "approvedBy">): string {
  const last = approvedBy.at(-1);
  if (last === undefined) return "not approved yet";
  const others = approvedBy.slice(0, -1).join(", ");
  return `approved by ${others === "" ? "" : `${others} and `}${last}`;
}

export const ACT_WORDS: Readonly<Record<ReviewAct["kind"], string>> = {
  comment: "says",
  approved: "approves",
  changed: "has changed it",
};

/** Why somebody cannot approve a review now; absent: he can. */
export function whyNotApprove(
  review: Pick<ReviewSummary, "author" | "approvedBy">,
  me: string | undefined,
  isTextChanged: boolean,
): string | undefined {
  if (review.author === me) return "You asked for it; another person approves it.";
  if (me !== undefined && review.approvedBy.includes(me)) return "You have approved it.";
  return isTextChanged ? "You have changed it here: discard that first, or keep it." : undefined;
}

import type { ProxyMessage } from "@heddle/contracts";

type Answer = Extract<ProxyMessage, { type: "ack" | "nack" }>;

/** Why the only refused resource of a push is not run; empty: none was refused. */
export function refusalOf(answer: Answer): string {
  return answer.type === "nack" ? answer.reason : (answer.refused?.[0]?.reason ?? "");
}

import type { TokenClaims } from "../authentication/token-claims.ts";
import type { TextTest } from "./text-pattern.ts";

export type PrincipalTest = (claims: TokenClaims) => boolean;

const isThere: TextTest = (text) => text !== "";

/**
 * `issuer/subject`, taken apart at the last slash, since issuers are URLs. A star at one end stands for
 * any text there: `*` any token with both, `iss/*`, `iss/sub*`, and, at the start, of the issuer alone
 * (`*example.com/sub`); without a slash `*text` ends the subject and `text*` begins the issuer (Istio).
 */
export function compileRequestPrincipal(pattern: string): PrincipalTest {
  const slash = pattern.lastIndexOf("/");
  const issuer = slash < 0 ? pattern : pattern.slice(0, slash);
  const subject = slash < 0 ? "" : pattern.slice(slash + 1);
  const [isIssuer, isSubject] = compileParts(pattern, issuer, subject, slash >= 0);
  return ({ iss, sub }) =>
    typeof iss === "string" && typeof sub === "string" && isIssuer(iss) && isSubject(sub);
}

function compileParts(
  pattern: string,
  issuer: string,
  subject: string,
  hasSlash: boolean,
): [TextTest, TextTest] {
  if (pattern === "*") return [isThere, isThere];
  if (pattern.startsWith("*")) {
    if (!hasSlash) return [isThere, endingWith(pattern.slice(1))];
    return [issuer === "*" ? isThere : endingWith(issuer.slice(1)), exactly(subject)];
  }
  if (pattern.endsWith("*")) {
    if (!hasSlash) return [beginningWith(pattern.slice(0, -1)), isThere];
    const isSubject = subject === "*" ? isThere : beginningWith(subject.slice(0, -1));
    return [exactly(issuer), isSubject];
  }
  return [exactly(issuer), exactly(subject)];
}

function exactly(wanted: string): TextTest {
  return (text) => text === wanted;
}

function beginningWith(prefix: string): TextTest {
  return (text) => text.startsWith(prefix);
}

function endingWith(suffix: string): TextTest {
  return (text) => text.endsWith(suffix);
}

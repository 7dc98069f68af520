/**
 * What to say of a proxy's, or another control plane's, version beside that of `own`. Versions one minor apart understand each other: what
 * one does not know it passes over. `undefined`: equal, but for the patch.
 */
export function describeSkew(
  otherVersion: string,
  ownVersion: string,
  who = "the control plane",
): string | undefined {
  const other = parse(otherVersion);
  const own = parse(ownVersion);
  if (!other || !own) return `its version "${otherVersion}" is not of the form 1.2.3`;
  if (other.major === own.major && other.minor === own.minor) return undefined;
  const versions = `it runs ${otherVersion}, ${who} ${ownVersion}`;
  if (other.major === own.major && Math.abs(other.minor - own.minor) === 1) {
    return `${versions}: they understand each other, but not what is new in the later one`;
  }
  return `${versions}: more than one minor version apart is not supported; update the older one`;
}

function parse(version: string): { major: number; minor: number } | undefined {
  const [, major, minor] = /^(\d{1,6})\.(\d{1,6})\.\d{1,6}(?:[-+].*)?$/.exec(version) ?? [];
  if (major === undefined || minor === undefined) return undefined;
  return { major: Number(major), minor: Number(minor) };
}

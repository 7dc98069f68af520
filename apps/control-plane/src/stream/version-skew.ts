/**
 * What to say of a proxy's version beside the control plane's. Versions one minor apart understand each other: what
 * one does not know it passes over. `undefined`: equal, but for the patch.
 */
export function describeSkew(proxyVersion: string, ownVersion: string): string | undefined {
  const proxy = parse(proxyVersion);
  const own = parse(ownVersion);
  if (!proxy || !own) return `its version "${proxyVersion}" is not of the form 1.2.3`;
  if (proxy.major === own.major && proxy.minor === own.minor) return undefined;
  const versions = `it runs ${proxyVersion}, the control plane ${ownVersion}`;
  if (proxy.major === own.major && Math.abs(proxy.minor - own.minor) === 1) {
    return `${versions}: they understand each other, but not what is new in the later one`;
  }
  return `${versions}: more than one minor version apart is not supported; update the older one`;
}

function parse(version: string): { major: number; minor: number } | undefined {
  const [, major, minor] = /^(\d{1,6})\.(\d{1,6})\.\d{1,6}(?:[-+].*)?$/.exec(version) ?? [];
  if (major === undefined || minor === undefined) return undefined;
  return { major: Number(major), minor: Number(minor) };
}

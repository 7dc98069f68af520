import path from "node:path";
import type { NextConfig } from "next";

// Nobody's build reports to a third party unless they ask for it.
process.env.NEXT_TELEMETRY_DISABLED = "1";

/** What every answer carries. The content security policy needs a nonce per request: see proxy.ts. */
const securityHeaders = [
  { key: "X-Content-Type-Options", value: "nosniff" },
  { key: "Referrer-Policy", value: "no-referrer" }, // the login link holds a one-time token
  { key: "X-Frame-Options", value: "DENY" },
  { key: "Cross-Origin-Opener-Policy", value: "same-origin" },
  { key: "Cross-Origin-Resource-Policy", value: "same-origin" },
  { key: "Permissions-Policy", value: "camera=(), microphone=(), geolocation=(), payment=()" },
];

const config: NextConfig = {
  reactStrictMode: true,
  poweredByHeader: false,
  devIndicators: false,
  // The workspace's own packages are TypeScript sources.
  transpilePackages: ["@heddle/contracts", "@heddle/mesh", "@heddle/graph-layout"],
  turbopack: { root: path.join(import.meta.dirname, "../..") },
  outputFileTracingRoot: path.join(import.meta.dirname, "../.."),
  // `npm run typecheck` checks the console; `npm start` need not do it again on each machine.
  typescript: { ignoreBuildErrors: true },
  headers: async () => [{ source: "/:path*", headers: securityHeaders }],
};

export default config;

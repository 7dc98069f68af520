import { TokenCreateResponse, TokenRevokeResponse, TokensResponse } from "@heddle/contracts";
import type { Command } from "commander";
import { formatTable } from "../print/table.ts";
import { type OutputOptions, openApi, print, wholeNumber, withOutput } from "./command-kit.ts";
import { parseDurationMs } from "./graph.ts";

type TokenOptions = OutputOptions & {
  readonly namespace: string;
  readonly workload?: string;
  readonly uses: number;
  readonly ttl: number;
};

/** `heddle token create|list|revoke`: what lets proxies in. */
export function addTokenCommands(program: Command): void {
  const token = program.command("token").description("join tokens, which let proxies in");
  withOutput(token.command("create"))
    .description("make a join token; it is shown once")
    .option("-n, --namespace <namespace>", "its workloads' namespace", "default")
    .option("--workload <workload>", "for this workload only")
    .option("--uses <n>", "how often it may be used", wholeNumber(1, 10_000), 1)
    .option("--ttl <duration>", "how long it is good for", parseDurationMs, 3_600_000)
    .action(async (options: TokenOptions) => {
      const { namespace, workload, uses, ttl } = options;
      const answer = await (await openApi()).ask(TokenCreateResponse, "/tokens", {
        method: "POST",
        body: {
          namespace,
          maxUses: uses,
          ttlSeconds: Math.ceil(ttl / 1000),
          ...(workload === undefined ? {} : { workload }),
        },
      });
      print(options, answer, ({ token }) => token);
    });
  withOutput(token.command("list"))
    .description("list join tokens and who joined by them")
    .action(async (options: OutputOptions) => {
      const answer = await (await openApi()).ask(TokensResponse, "/tokens");
      print(options, answer, formatTokens);
    });
  withOutput(token.command("revoke"))
    .description("let nobody join by a token any more")
    .argument("<id>", "the second part of the token, as in `token list`")
    .option("--disconnect", "put out those who joined by it, too")
    .action(async (id: string, options: OutputOptions & { readonly disconnect?: boolean }) => {
      const answer = await (await openApi()).ask(
        TokenRevokeResponse,
        `/tokens/${encodeURIComponent(id)}`,
        { method: "DELETE", query: options.disconnect === true ? { disconnect: "true" } : {} },
      );
      print(options, answer, ({ proxiesDisconnected, certificatesRevoked }) =>
        options.disconnect === true
          ? `revoked; ${proxiesDisconnected} proxies put out, ${certificatesRevoked} certificates revoked`
          : "revoked",
      );
    });
}

function formatTokens({ tokens }: TokensResponse): string {
  return formatTable(
    ["ID", "STATE", "USES LEFT", "FOR", "ENDS", "BY", "PROXIES"],
    tokens.map((one) => [
      one.id,
      one.state,
      `${one.usesLeft} of ${one.maxUses}`,
      `${one.namespace}/${one.workload ?? "*"}`,
      new Date(one.expiresAtMs).toISOString().slice(0, 16),
      one.createdBy,
      one.proxies.map(({ name }) => name).join(", "),
    ]),
  );
}

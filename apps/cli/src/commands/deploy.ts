import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { TokenCreateResponse } from "@heddle/contracts";
import { readShopFile, shopWorkloads } from "@heddle/example-shop";
import { migrate, requireDatabase } from "@heddle/store";
import type { Command } from "commander";
import type { ApiClient } from "../api/api-client.ts";
import { loadDatabaseUrl } from "../config.ts";
import { paths } from "../paths.ts";
import type { ProxyFile } from "../run/proxy-process.ts";
import { joinTokenFile } from "../run/proxy-state.ts";
import { writePrivateFile } from "../up/home.ts";
import { applyShopDocuments } from "../up/shop-documents.ts";
import { portProtocol, tcpDestinations } from "../up/shop-ports.ts";
import { type OutputOptions, openApi, print, withOutput } from "./command-kit.ts";

const FIRST_LOCAL_PORT = 15_101;

/** What `up` does by itself, for those who start the processes in another way (docker-compose.yml). */
export function addDeployCommands(program: Command): void {
  withOutput(program.command("migrate"))
    .description("bring the database of DATABASE_URL up to date")
    .action(async (options: OutputOptions) => {
      const databaseUrl = loadDatabaseUrl(process.env);
      await requireDatabase(databaseUrl);
      const applied = await migrate(databaseUrl, paths.migrations);
      print(options, { applied }, () => applied.join("\n") || "nothing to apply");
    });
  program
    .command("init-shop", { hidden: true })
    .description("write a data folder for each of the demo shop's sidecars, apply its routes")
    .requiredOption("--out <dir>", "where the folders go")
    .action(async ({ out }: { out: string }) => {
      const api = await openApi();
      const shop = readShopFile(join(paths.shop, "shop.yaml"));
      for (const entry of shopWorkloads(shop)) {
        const { service, version, workload } = entry;
        // Its container has the workload's name, and so is its host name.
        const isCallerOnly = service === shop.load.from;
        const file = {
          name: workload,
          adminPort: 15_020,
          workloads: [
            {
              namespace: shop.namespace,
              service,
              version,
              workload,
              address: workload,
              ...(isCallerOnly ? {} : { appPort: 8080, protocol: portProtocol(entry) }),
              inboundPort: 15_006,
              outboundPort: 15_001,
              // docker-compose.yml tells the app of them in SHOP_LOCAL_PORTS
              outbounds: tcpDestinations(shop, entry).map((host, index) => ({
                host,
                localPort: FIRST_LOCAL_PORT + index,
              })),
            },
          ],
        };
        await writeSidecarFolder(api, join(out, workload), shop.namespace, workload, file);
      }
      await applyShopDocuments(api, { address: "tax", port: 8080 });
      process.stdout.write(`wrote the sidecars' folders to ${out}\n`);
    });
}

async function writeSidecarFolder(
  api: ApiClient,
  dir: string,
  namespace: string,
  workload: string,
  file: ProxyFile,
): Promise<void> {
  const { token } = await api.ask(TokenCreateResponse, "/tokens", {
    method: "POST",
    body: { namespace, workload, maxUses: 1, ttlSeconds: 3600 },
  });
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  writePrivateFile(joinTokenFile(dir), token);
  writePrivateFile(join(dir, "proxy.json"), `${JSON.stringify(file, null, 2)}\n`);
}

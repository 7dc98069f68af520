import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ResourceDocument, type ResourceKind, ResourcesResponse } from "@heddle/contracts";
import type { Command } from "commander";
import { UsageError } from "../errors.ts";
import { formatTable } from "../print/table.ts";
import { type OutputOptions, openApi, withOutput } from "./command-kit.ts";

type ExportOptions = OutputOptions & { readonly namespace?: string; readonly force?: boolean };
type Left = {
  readonly kind: ResourceKind;
  readonly namespace: string;
  readonly name: string;
  readonly reason: string;
};

/** Kinds that Istio has no document for, and where it keeps the same thing, if anywhere. */
const NOT_ISTIO: Readonly<Partial<Record<ResourceKind, string>>> = {
  MeshConfig: "Istio keeps it in its installation (meshConfig), not in a document",
  TrafficPolicy:
    "Istio has no policy between sources and destinations; a DestinationRule holds for all callers",
  RateLimit: "Istio limits by an EnvoyFilter or a rate limit service",
  DnsSource: "Istio's proxies look names up themselves; its answers are exported as a ServiceEntry",
  InstanceOverride: "Istio takes an instance out where it runs, not by a document",
  ProxyFilter: "Istio's proxies run WebAssembly (WasmPlugin), not these filters",
};

/** `heddle export istio`: the documents as another mesh takes them. */
export function addExportCommands(program: Command): void {
  const group = program.command("export").description("take the configuration elsewhere");
  withOutput(group.command("istio"))
    .description(
      "write the documents in Istio's own kinds, names as they were applied; say what Istio has no kind for",
    )
    .argument("[dir]", "a folder for one file a document; without it they are printed")
    .option("-n, --namespace <namespace>", "only of this namespace")
    .option("--force", "write into a folder that has such files already")
    .action(async (dir: string | undefined, options: ExportOptions) => {
      const query = { namespace: options.namespace };
      const { resources } = await (await openApi()).ask(ResourcesResponse, "/resources", { query });
      const documents = resources.filter(({ kind }) => NOT_ISTIO[kind] === undefined);
      const left = resources.flatMap(({ kind, namespace, name }): Left[] => {
        const reason = NOT_ISTIO[kind];
        return reason === undefined ? [] : [{ kind, namespace, name, reason }];
      });
      const files = dir === undefined ? [] : writeFiles(dir, documents, options.force === true);
      if (options.output === "json") {
        const answer = { documents, files, notExported: left };
        process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
        return;
      }
      if (dir === undefined) process.stdout.write(documents.map(({ yaml }) => yaml).join("---\n"));
      else process.stdout.write(`${documents.length} documents written to ${dir}\n`);
      // Beside the YAML, so that what is piped on stays YAML.
      if (left.length > 0) process.stderr.write(`not exported:\n${formatLeft(left)}\n`);
    });
}

/** `shop/virtual-service-reviews.yaml`; names are DNS names and cannot lead out of the folder. */
function fileOf({ kind, namespace, name }: ResourceDocument): string {
  const kebab = kind.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
  return join(namespace, `${kebab}-${name}.yaml`);
}

function writeFiles(
  dir: string,
  documents: readonly ResourceDocument[],
  isForced: boolean,
): string[] {
  const files = documents.map((document) => ({ document, file: join(dir, fileOf(document)) }));
  const standing = files.find(({ file }) => existsSync(file));
  if (standing && !isForced) {
    throw new UsageError(
      `${standing.file} exists; name another folder, or --force to write over it`,
    );
  }
  for (const { document, file } of files) {
    mkdirSync(join(dir, document.namespace), { recursive: true });
    writeFileSync(file, document.yaml);
  }
  return files.map(({ file }) => file);
}

function formatLeft(left: readonly Left[]): string {
  return formatTable(
    ["KIND", "NAME", "WHY"],
    left.map(({ kind, namespace, name, reason }) => [kind, `${namespace}/${name}`, reason]),
  );
}

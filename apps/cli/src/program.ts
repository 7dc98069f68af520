import { Command } from "commander";
import { addAccessCommands } from "./commands/access.ts";
import { addAnalyzeCommand } from "./commands/analyze.ts";
import { addApplyCommands } from "./commands/apply.ts";
import { addAuditCommand } from "./commands/audit.ts";
import { addBypassCommands } from "./commands/bypass.ts";
import { addCaCommands } from "./commands/ca.ts";
import { addCanaryCommands } from "./commands/canary.ts";
import { addCheckCommand } from "./commands/check.ts";
import { addCompletionCommand } from "./commands/completion.ts";
import { addDeployCommands } from "./commands/deploy.ts";
import { addDiffCommand } from "./commands/diff.ts";
import { addExportCommands } from "./commands/export.ts";
import { addGitCommands } from "./commands/git.ts";
import { addGraphCommand } from "./commands/graph.ts";
import { addHistoryCommands } from "./commands/history.ts";
import { addHoldCommands } from "./commands/holds.ts";
import { addInstanceCommands } from "./commands/instance.ts";
import { addLoginCommands } from "./commands/login.ts";
import { addMtlsCommands } from "./commands/mtls.ts";
import { addPolicyCommands } from "./commands/policy.ts";
import { addProxiesCommand } from "./commands/proxies.ts";
import { addProxyConfigCommand } from "./commands/proxy-config.ts";
import { addPushesCommands } from "./commands/pushes.ts";
import { addReplicasCommand } from "./commands/replicas.ts";
import { addResourceCommands } from "./commands/resources.ts";
import { addReviewCommands } from "./commands/review.ts";
import { addRunCommands } from "./commands/run.ts";
import { addSignalsCommand } from "./commands/signals.ts";
import { addSourceCommands } from "./commands/sources.ts";
import { addTapCommand } from "./commands/tap.ts";
import { addTokenCommands } from "./commands/token.ts";
import { addTracesCommands } from "./commands/traces.ts";
import { addUpCommand } from "./commands/up.ts";
import { addWhyCommands } from "./commands/why.ts";
import { addExamples } from "./examples.ts";

/** The `heddle` command line: arguments and printing; each command lives in its own file. */
export function buildProgram(): Command {
  const program = new Command("heddle")
    .description("A service mesh with its console built in, without Kubernetes")
    .version("0.1.0", "-V, --version")
    .enablePositionalOptions() // `run --version v2` is the app's version
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, "heddle: ")),
    });
  addUpCommand(program);
  addRunCommands(program);
  addApplyCommands(program);
  addDiffCommand(program);
  addAnalyzeCommand(program);
  addResourceCommands(program);
  addHistoryCommands(program);
  addProxiesCommand(program);
  addPushesCommands(program);
  addHoldCommands(program);
  addReviewCommands(program);
  addSourceCommands(program);
  addInstanceCommands(program);
  addProxyConfigCommand(program);
  addReplicasCommand(program);
  addMtlsCommands(program);
  addCanaryCommands(program);
  addBypassCommands(program);
  addGraphCommand(program);
  addSignalsCommand(program);
  addTracesCommands(program);
  addTapCommand(program);
  addWhyCommands(program);
  addPolicyCommands(program);
  addExportCommands(program);
  addGitCommands(program); // its `export git` stands beside `export istio`
  addTokenCommands(program);
  addLoginCommands(program);
  addAccessCommands(program);
  addAuditCommand(program);
  addCaCommands(program);
  addCheckCommand(program);
  addDeployCommands(program);
  addCompletionCommand(program);
  addExamples(program);
  return program;
}

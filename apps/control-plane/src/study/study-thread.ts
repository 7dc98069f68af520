/** The study's own side: a thread with a mirror of the mesh, which answers questions until it is ended. */
import { constants, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { parseResources } from "@heddle/resources";
import { type ConfigDb, openConfigDb } from "@heddle/store";
import { filesOfText } from "../analysis/files-of-text.ts";
import { MeshAnalysis } from "../analysis/mesh-analysis.ts";
import { recentPlaintext } from "../analysis/recent-plaintext.ts";
import { Breather } from "../preview/breather.ts";
import { previewChange } from "../preview/preview-change.ts";
import { MeshMirror } from "./mesh-mirror.ts";
import type {
  AnyQuestion,
  FromStudy,
  StudyAnswer,
  StudyKind,
  StudyQuestion,
  StudySettings,
  ToStudy,
} from "./messages.ts";

const port = parentPort;
if (!port) throw new Error("the study is a thread of the control plane; nothing starts it by hand");
// On Linux this is the priority of the calling thread alone: where cores are short, streams and changes go first.
if (process.platform === "linux") setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
const settings = workerData as StudySettings;
const mirror = new MeshMirror(settings.trustDomain);
const underWay = new Map<number, AbortController>();
let db: ConfigDb | undefined;
/** Connections that are lost show as failed questions; the pool makes new ones. */
const database = () => (db ??= openConfigDb(settings.databaseUrl, () => {}));
const { mesh, instances } = mirror;
const analysis = new MeshAnalysis(mesh, instances, recentPlaintext(database));

type Answers = {
  [Kind in StudyKind]: (
    question: StudyQuestion<Kind>,
    breather: Breather,
  ) => StudyAnswer<Kind> | Promise<StudyAnswer<Kind>>;
};
const ANSWERS: Answers = {
  preview: async ({ request, nowMs, used }, breather) => {
    await breather.finish(mirror.use(used));
    const parts = { db: database(), mesh, instances };
    const preview = await previewChange(request, parts, { nowMs, breather });
    const files = filesOfText(request.yaml, request.files);
    const { findings } = await analysis.ofFiles(files, { nowMs }, breather);
    return { ...preview, findings };
  },
  "analyze-mesh": ({ nowMs }) => analysis.ofMesh(nowMs),
  "analyze-files": ({ files, namespace, nowMs }, breather) =>
    analysis.ofFiles(files, { namespace, nowMs }, breather),
  parse: ({ text, twins }) => parseResources(text, { twins }),
};

port.on("message", (message: ToStudy) => {
  if (message.type === "update") mirror.take(message.update);
  else if (message.type === "cancel") underWay.get(message.id)?.abort();
  else void answer(message.id, message);
});

async function answer(id: number, asked: AnyQuestion): Promise<void> {
  const controller = new AbortController();
  underWay.set(id, controller);
  try {
    tell({ type: "answer", id, answer: await answerTo(asked, new Breather(controller.signal)) });
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    tell({ type: "failed", id, message: text });
  } finally {
    underWay.delete(id);
  }
}

function answerTo(asked: AnyQuestion, breather: Breather): unknown {
  if (asked.kind === "preview") return ANSWERS.preview(asked.question, breather);
  if (asked.kind === "analyze-mesh") return ANSWERS["analyze-mesh"](asked.question, breather);
  if (asked.kind === "analyze-files") return ANSWERS["analyze-files"](asked.question, breather);
  return ANSWERS.parse(asked.question, breather);
}

function tell(message: FromStudy): void {
  port?.postMessage(message);
}
